"""A soak: all APIs of one server under mixed load, and its resident memory every minute."""

from __future__ import annotations

import base64
import itertools
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bench.scenarios.callbacks import delivering, receiving
from bench.scenarios.campaigns import PACKAGE, prepare
from bench.support.books import check_books
from bench.support.databases import Store
from bench.support.pools import BEARER, FIRST_DEVICE, SESSION, Account
from bench.support.processes import OPERATOR, Failed, Server
from bench.support.report import Figure, Report

SETTLED_MINUTE = 5
"""The minute whose memory later ones are compared with; earlier in a short run."""
AT_MOST_OVER_SETTLED = 1.05
AT_MOST_MIB = 200
LICENSED, SPARE = 90_000, 10_000
THREADS = 4

USER = {"Authorization": f"Bearer {BEARER}", "VZ-M2M-Token": SESSION}
ADMIN = {"Authorization": f"Bearer {OPERATOR}"}
ACCOUNT = Account("soak", FIRST_DEVICE, LICENSED, SPARE)
CONTROL = f"/control/v1/accounts/{ACCOUNT.name}"
CLIENT, SECRET = "soak-client", "soak-client-secret"
LOGIN = {"username": "soak-user", "password": "soak-user-password"}
GRANT = {"grant_type": "client_credentials"}


@dataclass
class _Load:
    """What the threads share: what they call, how fast, and what came of it."""

    base: str
    device_key: str
    pause_s: float
    """From one request of a thread to its next, unless the first takes longer."""
    ending: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)
    counts: itertools.count[int] = field(default_factory=itertools.count)
    busy: itertools.count[int] = field(default_factory=itertools.count)
    """Counts the requests that were answered 503 and sent again."""


def measure_soak(report: Report, store: Store, minutes: int, rate: int) -> None:
    """At most `rate` requests a second; 0: as many as the server answers."""
    url = prepare(store, [], [ACCOUNT])
    with receiving() as receiver, delivering(url) as server:
        resident, requests, busy = _soak(server, receiver, minutes, rate)
        peak = server.peak_mib
    report.note("resident memory by minute, MiB: " + ", ".join(f"{value:.1f}" for value in resident))
    books = check_books(url)
    store.drop(url)
    section, kind = "soak", store.kind
    settled = SETTLED_MINUTE if minutes > SETTLED_MINUTE else max(1, minutes // 2)
    report.add(Figure(section, kind, "minutes on all APIs", minutes))
    report.add(Figure(section, kind, "requests answered", requests, at_least=1))
    # On a busy machine a change may not get its turn in time; it was not done, and the client sends it again.
    report.add(Figure(section, kind, "of these, answered 503 at first", busy))
    ratio = max(resident[settled:]) / resident[settled - 1]
    # A short run has not filled its caches: what it shows is no verdict.
    limit = AT_MOST_OVER_SETTLED if minutes > SETTLED_MINUTE else None
    report.add(Figure(section, kind, f"resident memory over minute {settled}", ratio, "times", at_most=limit))
    report.add(Figure(section, kind, "peak resident memory", peak, "MiB", at_most=AT_MOST_MIB))
    wrong = books.too_many + books.gaps + books.backwards + books.inconsistent
    report.add(Figure(section, kind, "faults in the books", wrong, at_most=0))


def _soak(server: Server, receiver: Server, minutes: int, rate: int) -> tuple[list[float], int, int]:
    """The resident memory (MiB) after each minute, and the numbers of requests and of 503s.

    Raises Failed for a request that failed.
    """
    base = f"http://127.0.0.1:{server.port}"
    load = _Load(base, _set_up(base, receiver), THREADS / rate if rate else 0)
    threads = [threading.Thread(target=_Client(load, number).run) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    resident: list[float] = []
    began_s = time.monotonic()
    while len(resident) < minutes and not load.failures:
        load.ending.wait(max(0, began_s + 60 * (len(resident) + 1) - time.monotonic()))
        resident.append(server.resident_mib)
    load.ending.set()
    for thread in threads:
        thread.join()
    if load.failures:
        raise Failed(f"a request of the soak failed: {load.failures[0]}\nThe server's log: {server.log()}")
    return resident, next(load.counts), next(load.busy)


def _set_up(base: str, receiver: Server) -> str:
    """A client, a user, and a listener of each version; returns a key of the account's devices."""
    with httpx.Client(base_url=base, timeout=120) as http:

        def done(response: httpx.Response) -> httpx.Response:
            if response.status_code >= 400:
                raise Failed(f"{response.request.url}: {response.status_code} {response.text[:500]}")
            return response

        done(http.post("/control/v1/clients", json={"key": CLIENT, "secret": SECRET}, headers=ADMIN))
        done(http.post("/control/v1/users", json={**LOGIN, "accounts": [ACCOUNT.name]}, headers=ADMIN))
        target = {"url": f"http://127.0.0.1:{receiver.port}/callbacks"}
        for version in (2, 3):
            done(http.post(f"/api/fota/v{version}/callbacks/{ACCOUNT.name}", json=target, headers=USER))
        key: str = done(http.post(f"{CONTROL}/device-keys", json={"name": "soak"}, headers=ADMIN)).json()["key"]
        return key


class _Client:
    """One thread: it sends requests of users, operators, devices, the console and monitoring, chosen by chance."""

    def __init__(self, load: _Load, number: int) -> None:
        self._load = load
        self._chance = random.Random(number)
        self._http = httpx.Client(base_url=load.base, timeout=120)
        self._calls: list[Callable[[], object]] = [
            self._assign,
            self._remove,
            self._read_status,
            self._sign_in,
            self._campaign,
            self._change_total,
            lambda: self._get(f"{CONTROL}/ledger?limit=1000", ADMIN),
            lambda: self._get(f"{CONTROL}/devices?limit=1000", ADMIN),
            lambda: self._get("/control/v1/deliveries?limit=100", ADMIN),
            self._read_console,
            lambda: self._get("/metrics"),
            lambda: self._get("/health/ready"),
            *[self._check_in] * 4,
        ]

    def run(self) -> None:
        load = self._load
        try:
            with self._http:
                self._http.post("/console/sign-in", data={"key": OPERATOR})
                while not load.ending.is_set():
                    began_s = time.monotonic()
                    self._chance.choice(self._calls)()
                    load.ending.wait(max(0, began_s + load.pause_s - time.monotonic()))
        except Exception as error:
            load.failures.append(str(error) or repr(error))
            load.ending.set()

    def _send(self, method: str, path: str, headers: Mapping[str, str] | None = None, **body: Any) -> Any:
        response = self._http.request(method, path, headers=headers, **body)
        next(self._load.counts)
        while response.status_code == 503 and not self._load.ending.wait(int(response.headers["retry-after"])):
            next(self._load.busy)
            response = self._http.request(method, path, headers=headers, **body)
        if response.status_code >= 400:
            raise Failed(f"{response.request.url}: {response.status_code} {response.text[:500]}")
        return response.json() if response.headers.get("content-type") == "application/json" else None

    def _get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        return self._send("GET", path, headers)

    def _devices(self, count: int) -> list[str]:
        return [f"{device:015d}" for device in ACCOUNT.some_devices_of(self._chance, count)]

    def _api(self, kind: str) -> str:
        return f"/api/fota/v{self._chance.choice((1, 2, 3))}/{kind}/{ACCOUNT.name}"

    def _assign(self) -> None:
        self._send("POST", f"{self._api('licenses')}/assign", USER, json={"deviceList": self._devices(100)})

    def _remove(self) -> None:
        self._send("POST", f"{self._api('licenses')}/remove", USER, json={"deviceList": self._devices(100)})

    def _read_status(self) -> None:
        self._get(f"{self._api('licenses')}?lastSeenDeviceId={self._devices(1)[0]}", USER)

    def _sign_in(self) -> None:
        """Gets the client's token, opens a session, and ends it."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        found = self._send("POST", "/api/ts/v1/oauth2/token", {"Authorization": f"Basic {basic}"}, data=GRANT)
        bearer = {"Authorization": f"Bearer {found['access_token']}"}
        session = self._send("POST", "/api/m2m/v1/session/login", bearer, json=LOGIN)["sessionToken"]
        self._send("POST", "/api/m2m/v1/session/logout", {**bearer, "VZ-M2M-Token": session})

    def _campaign(self) -> None:
        """Schedules a campaign, reads it, and cancels it."""
        base = f"/api/fota/v3/campaigns/{{kind}}{ACCOUNT.name}"
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        body = {
            "firmwareName": PACKAGE,
            "firmwareFrom": "VerizonFirmwareVersion-01",
            "firmwareTo": "02",
            "protocol": "LWM2M",
            "startDate": str(tomorrow),
            "endDate": str(tomorrow + timedelta(days=1)),
            "autoAssignLicenseFlag": False,
            "autoAddDevicesFlag": False,
            "deviceList": self._devices(10),
        }
        campaign = self._send("POST", base.format(kind="firmware/"), USER, json=body)["id"]
        self._get(f"{base.format(kind='')}/{campaign}", USER)
        self._send("DELETE", f"{base.format(kind='')}/{campaign}", USER)

    def _change_total(self) -> None:
        total = {"licenseCount": ACCOUNT.devices - self._chance.randrange(20)}
        self._send("PUT", f"{CONTROL}/subscription", ADMIN, json=total)

    def _read_console(self) -> None:
        self._get(f"/console/accounts/{ACCOUNT.name}{self._chance.choice(('', '/devices', '/ledger', '/campaigns'))}")

    def _check_in(self) -> None:
        key = {"Authorization": f"Bearer {self._load.device_key}"}
        self._send("POST", f"/device/v1/{self._devices(1)[0]}/check-in", key, json={"firmware": "1"})
