"""Campaigns on the test clock: time from acceptance to the end, and the cost of assigning while one runs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from bench.scenarios.assign import CONNECTIONS, Scale, audit, of_one
from bench.support.databases import Store, connected
from bench.support.pools import BEARER, FIRST_DEVICE, SESSION, Account, build
from bench.support.processes import OPERATOR, Failed, Server, load, ready_line, running
from bench.support.report import Report, alternate
from fotapool.core.timestamps import MINUTE_MS
from fotapool.domain.packages import NewPackage
from fotapool.domain.simulation import Behavior, Fleet
from fotapool.store.accounts.accounts import read_account
from fotapool.store.packages.packages import record_packages
from fotapool.store.simulation import record_fleets

PACKAGE = "bench"
SMALLEST, LARGEST = 1_000, 100_000
HOURLY = Behavior(
    seed=1,
    check_in_every_ms=60 * MINUTE_MS,
    upgrade_takes_ms=10 * MINUTE_MS,
    fail_at_download=0.01,
    fail_at_verify=0.005,
    fail_at_install=0.005,
)
AT_ONCE = Behavior(1, MINUTE_MS, MINUTE_MS)
"""Devices that act each minute, so that the session does not expire on the test clock."""
TIMEOUT_S = 600


@dataclass(frozen=True)
class Fleetful:
    """An account whose devices are all licensed and simulated."""

    account: Account
    behavior: Behavior


def emulating(url: str) -> AbstractContextManager[Server]:
    """`fotapool emulate` on the database, with its test clock."""
    command = ["-m", "fotapool.cli", "emulate", "--port", "0", "--database", url, "--operator-key", OPERATOR]
    return running([sys.executable, *command, "--max-devices-per-request", str(LARGEST)], ready_line)


def prepare(store: Store, fleets: list[Fleetful], others: list[Account]) -> str:
    """A database with the accounts, their devices, and a package for these."""
    url = build(store, [*(fleet.account for fleet in fleets), *others])
    with connected(url) as connection:
        connection.begin()
        package = NewPackage(
            name=PACKAGE,
            make="Verizon",
            model="Model-A",
            from_version="VerizonFirmwareVersion-01",
            to_version="02",
            protocol="LWM2M",
            launched_ms=1,
            pilot_passed=True,
        )
        record_packages(connection, [package])
        for fleet in fleets:
            account = read_account(connection, fleet.account.name)
            assert account is not None
            first = fleet.account.first
            record_fleets(connection, account.id, [Fleet(first, first + fleet.account.devices - 1, fleet.behavior)])
        connection.commit()
    return url


class Emulator:
    """A client of one emulator."""

    def __init__(self, server: Server) -> None:
        base = f"http://127.0.0.1:{server.port}"
        self._api = httpx.Client(
            base_url=f"{base}/api/fota",
            timeout=TIMEOUT_S,
            headers={"Authorization": f"Bearer {BEARER}", "VZ-M2M-Token": SESSION},
        )
        self._control = httpx.Client(
            base_url=f"{base}/control/v1", timeout=TIMEOUT_S, headers={"Authorization": f"Bearer {OPERATOR}"}
        )
        self._now = datetime.now(UTC)

    def schedule(self, account: Account, start_days: int) -> str:
        """Creates a campaign (v3) with all devices of the account; returns its id."""
        today = self._now.date()
        body = {
            "firmwareName": PACKAGE,
            "firmwareFrom": "VerizonFirmwareVersion-01",
            "firmwareTo": "02",
            "protocol": "LWM2M",
            "startDate": str(today + timedelta(days=start_days)),
            "endDate": str(today + timedelta(days=start_days + 2)),
            "autoAssignLicenseFlag": False,
            "autoAddDevicesFlag": False,
            "deviceList": [f"{account.first + number:015d}" for number in range(account.devices)],
        }
        answer = self._api.post(f"/v3/campaigns/firmware/{account.name}", content=json.dumps(body))
        if answer.status_code != 200:
            raise Failed(f"the campaign was not accepted: {answer.text}")
        return str(answer.json()["id"])

    def advance(self, duration: str) -> None:
        answer = self._control.post("/clock", json={"advance": duration})
        if answer.status_code != 200:
            raise Failed(f"the clock did not move: {answer.text}")


def _upgraded(url: str, account: Account) -> int:
    """Number of upgrades of the account that have ended."""
    with connected(url) as connection:
        rows = connection.fetch(
            "SELECT count(*) FROM upgrade u JOIN account a ON a.id = u.account_id"
            " WHERE a.name = :name AND u.status IN (3, 4)",
            {"name": account.name},
        )
    return int(rows[0][0])


def measure_campaigns(report: Report, store: Store, scale: Scale) -> None:
    """(f) A campaign of 1,000 and one of 100,000 devices, from its acceptance to its end."""

    def lane(devices: int) -> Callable[[], float]:
        def run() -> float:
            fleet = Fleetful(Account("bench-fleet", FIRST_DEVICE, devices, 0), HOURLY)
            url = prepare(store, [fleet], [])
            with emulating(url) as server:
                emulator = Emulator(server)
                began = time.perf_counter()
                emulator.schedule(fleet.account, start_days=1)
                emulator.advance("P5D")
                took_s = time.perf_counter() - began
                peaks.append(server.peak_mib)
                audit(server, fleet.account.name)
            if (ended := _upgraded(url, fleet.account)) != devices:
                raise Failed(f"{ended} of {devices} upgrades have ended")
            store.drop(url)
            return took_s

        return run

    peaks: list[float] = []
    rounds = min(scale.rounds, 3)
    lanes = {f"{devices}": lane(devices) for devices in (SMALLEST, LARGEST)}
    seconds = alternate(rounds, lanes, warm_up=False)
    small, large = seconds[f"{SMALLEST}"], seconds[f"{LARGEST}"]
    report.add_rounds(
        section="f", database=store.kind, name=f"campaign of {SMALLEST:,} devices", values=small, unit="s"
    )
    report.add_rounds(
        section="f", database=store.kind, name=f"campaign of {LARGEST:,} devices", values=large, unit="s", at_most=60
    )
    growth = [(many / LARGEST) / (few / SMALLEST) for many, few in zip(large, small, strict=True)]
    label = f"cost a device at {LARGEST:,}, compared with {SMALLEST:,}"
    report.add_rounds("f", store.kind, label, growth, at_most=1.5)
    report.add_memory("f", store.kind, "emulate", max(peaks))


def measure_campaign_load(report: Report, store: Store, scale: Scale) -> None:
    """(g) Assigning one device per request, with and without a running campaign of 100,000 devices."""
    count = scale.small_requests
    licenses = Account("bench-licenses", FIRST_DEVICE, scale.licensed, (2 * scale.rounds + 2) * count)
    first = FIRST_DEVICE + licenses.devices
    fleets = [
        Fleetful(Account(f"bench-fleet-{number}", first + number * LARGEST, LARGEST, 0), AT_ONCE)
        for number in range(scale.rounds + 1)
    ]
    url = prepare(store, fleets, [licenses])
    waiting = iter(fleets)
    with emulating(url) as server:
        emulator, requests = Emulator(server), of_one(licenses)

        def alone() -> float:
            return _assign(server, requests, count)

        def beside() -> float:
            emulator.schedule(next(waiting).account, start_days=0)
            campaign = threading.Thread(target=emulator.advance, args=("PT5M",))
            campaign.start()
            time.sleep(0.5)
            rate = _assign(server, requests, count)
            if not campaign.is_alive():
                report.note("the campaign was over before the load was: the rate beside it is too good")
            campaign.join()
            return rate

        rates = alternate(scale.rounds, {"alone": alone, "beside": beside})
        share = [b / a for a, b in zip(rates["alone"], rates["beside"], strict=True)]
        report.add_rounds(
            section="g", database=store.kind, name="assign 1 device, no campaign", values=rates["alone"], unit="req/s"
        )
        report.add_rounds(
            section="g",
            database=store.kind,
            name=f"the same beside a campaign of {LARGEST:,}",
            values=rates["beside"],
            unit="req/s",
        )
        report.add_rounds("g", store.kind, "share of the rate beside a campaign", share, at_least=0.7)
        audit(server, licenses.name)
    store.drop(url)


def _assign(server: Server, requests: Iterator[bytes], count: int) -> float:
    batch = [request for request, _ in zip(requests, range(count), strict=False)]
    return load(server.port, batch, CONNECTIONS, seconds=120).rate
