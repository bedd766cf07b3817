"""Servers are killed while they check and cancel a campaign's devices, or share that work: each is done exactly once.

What the engine did is read from the outbox, which is written in the same transactions: one event a change, in order.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from processes import Process, serving

from fotapool.domain.callbacks import MAX_DEVICES_A_MESSAGE, CampaignChanged, UpgradesChanged, decode
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from support.helpers import KEY, PASSWORD, SECRET, USER, Api, seed_file
from support.ledgers import assert_ledger_adds_up, client_of, imei
from support.receivers import PATIENCE_S, Receiver, running_receiver

DEVICES = 3_500
"""Several steps of the engine, and a rest."""
POLL_S = 0.002
ACCEPTED = (UpgradeStatus.SCHEDULED, Reason.NONE)
ABORTED = (UpgradeStatus.CANCELED, Reason.ABORTED_BY_USER)
CRASHED = "account-0"
SHARED = ["account-1", "account-2", "account-3"]
OPTIONS = ["--callback-private-targets"]


def seed(directory: Path, accounts: list[str], devices: int) -> str:
    described = {"make": "Verizon", "model": "Model-A", "firmware": "1"}
    return seed_file(
        directory,
        {
            "clients": [{"key": KEY, "secret": SECRET}],
            "users": [{"username": USER, "password": PASSWORD, "accounts": accounts}],
            "firmware": [
                {
                    "firmwareName": "FW",
                    "make": "Verizon",
                    "model": "Model-A",
                    "fromVersion": "1",
                    "toVersion": "2",
                    "protocol": protocol,
                    "proven": True,
                }
                | ({"firmwareName": "SW"} if protocol == "HTTP" else {})
                for protocol in ("LWM2M", "HTTP")
            ],
            "accounts": [
                {
                    "name": name,
                    "licenseCount": 2 * devices,
                    "devices": [
                        {"first": imei(name, 0), "count": devices, "protocol": "LWM2M", **described},
                        {
                            "first": imei(name, devices),
                            "count": devices,
                            "protocol": "HTTP",
                            "licensed": devices,
                            **described,
                        },
                    ],
                }
                for name in accounts
            ],
        },
    )


def schedule(api: Api, account: str, version: int, first: int, count: int) -> str:
    """A campaign that begins today, by the servers' real clock; version 3's assigns the licenses that are missing."""
    today = datetime.now(UTC).date()
    dates = {"startDate": today.isoformat(), "endDate": (today + timedelta(days=30)).isoformat()}
    devices = [imei(account, first + number) for number in range(count)]
    if version == 3:
        path = f"/v3/campaigns/firmware/{account}"
        what = {"firmwareName": "FW", "firmwareFrom": "1", "firmwareTo": "2", "protocol": "LWM2M"}
        flags = {"autoAssignLicenseFlag": True, "autoAddDevicesFlag": False}
    else:
        path = f"/v2/campaigns/software/{account}"
        what = {"softwareName": "SW", "softwareFrom": "1", "softwareTo": "2", "distributionType": "HTTP"}
        flags = {}
    response = api.call("POST", path, {**what, **dates, **flags, "deviceList": devices})
    assert response.status_code == 200, response.text
    uuid: str = response.json()["id"]
    return uuid


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    connection = open_database(database_url, durable=False).connect(writes=True)
    try:
        yield connection
    finally:
        connection.close()


def count(connection: Connection, uuid: str, status: UpgradeStatus) -> int:
    rows = connection.fetch(
        "SELECT count(*) FROM campaign c JOIN upgrade u ON u.campaign_id = c.id WHERE c.uuid = :uuid AND u.status = :s",
        {"uuid": uuid, "s": int(status)},
    )
    return int(rows[0][0])


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(POLL_S)


def run_out_leases(connection: Connection) -> None:
    """What a dead server had claimed is free after up to a minute; here that minute is over."""
    connection.begin()
    connection.execute("UPDATE campaign SET leased_until_ms = 0")
    connection.execute("UPDATE listener SET leased_until_ms = 0")
    connection.commit()


def told(connection: Connection, account: str) -> tuple[dict[str, list[Any]], dict[str, dict[int, list[Any]]]]:
    """From the outbox: the states each campaign came into, and what became of each device, both in order."""
    rows = connection.fetch(
        "SELECT d.id, d.event FROM delivery d JOIN account a ON a.id = d.account_id WHERE a.name = :name ORDER BY d.id",
        {"name": account},
    )
    assert len({row[0] for row in rows}) == len(rows)
    campaigns: dict[str, list[Any]] = defaultdict(list)
    devices: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for _, text in rows:
        event = decode(text)
        if isinstance(event, CampaignChanged):
            campaigns[event.campaign.id].append(event.campaign.campaign_status)
        elif isinstance(event, UpgradesChanged):
            assert len(event.devices) <= MAX_DEVICES_A_MESSAGE
            for device, status, reason in event.devices:
                devices[event.campaign.id][device].append((status, reason))
    return campaigns, devices


def assert_delivered_in_order(connection: Connection, receiver: Receiver, account: str) -> None:
    """Everything in the account's outbox came at least once, and for the first time in its order."""
    rows = connection.fetch(
        "SELECT d.created_ms, d.id, d.body FROM delivery d JOIN account a ON a.id = d.account_id"
        " WHERE a.name = :name ORDER BY d.id",
        {"name": account},
    )
    told_of = [one for one in receiver.seen if one.json["accountName"] == account]
    first_seen = {one.headers["webhook-id"]: one.body for one in reversed(told_of)}
    order = list(dict.fromkeys(one.headers["webhook-id"] for one in told_of))
    assert order == [f"msg_{created_ms}_{number}" for created_ms, number, _ in rows]
    assert [first_seen[name] for name in order] == [bytes(body) for _, _, body in rows]


def all_delivered(connection: Connection) -> bool:
    return not connection.fetch("SELECT id FROM delivery WHERE state <> 2 LIMIT 1")


class Crashing:
    """One server after another on the same database; each takes over where the last one was killed."""

    def __init__(self, directory: Path, database_url: str, connection: Connection) -> None:
        self._directory = directory
        self._arguments = [database_url, "--seed", seed(directory, [CRASHED], DEVICES), *OPTIONS]
        self._connection = connection
        self._signed_in: Api | None = None

    def run(self, work: Callable[[Api], None]) -> None:
        """Starts a server, does the work, and kills it."""
        process = Process(self._directory, *self._arguments)
        try:
            process.wait_until_ready()
            with client_of(process.address, self._signed_in) as api:
                self._signed_in = api
                work(api)
        finally:
            process.kill()
        assert not process.trouble
        run_out_leases(self._connection)


@pytest.mark.long_on("sqlite")
def test_a_campaign_is_checked_and_canceled_once_though_its_servers_are_killed(
    database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(1)
    with connected(database_url) as connection, running_receiver() as receiver:
        servers = Crashing(tmp_path, database_url, connection)
        found: list[str] = []

        def begin(api: Api) -> None:
            registered = api.call("POST", f"/v3/callbacks/{CRASHED}", {"url": receiver.url})
            assert registered.status_code == 200, registered.text
            found.append(schedule(api, account=CRASHED, version=3, first=0, count=DEVICES))

        def until(status: UpgradeStatus, least: int) -> Callable[[Api], None]:
            return lambda _: wait_until(lambda: count(connection, found[0], status) >= least)

        servers.run(begin)
        for least in (chance.randrange(1, 1_000), chance.randrange(1_001, 2_500)):
            servers.run(until(UpgradeStatus.SCHEDULED, least))

        def check_and_cancel(api: Api) -> None:
            until(UpgradeStatus.SCHEDULED, DEVICES)(api)
            answer = api.call("DELETE", f"/v2/campaigns/{CRASHED}/{found[0]}")
            assert answer.json() == {"success": True}

        servers.run(check_and_cancel)
        servers.run(until(UpgradeStatus.CANCELED, chance.randrange(1_001, 2_500)))

        def end(api: Api) -> None:
            wait_until(lambda: count(connection, found[0], UpgradeStatus.CANCELED) == DEVICES)
            wait_until(lambda: all_delivered(connection))
            entries = assert_ledger_adds_up(api, CRASHED)
            assigned = [entry["deviceId"] for entry in entries if entry["deviceId"] < imei(CRASHED, DEVICES)]
            assert assigned == [imei(CRASHED, number) for number in range(DEVICES)]

        servers.run(end)
        campaigns, devices = told(connection, CRASHED)
        assert campaigns == {found[0]: [CampaignStatus.QUEUED, CampaignStatus.ABORTED]}
        expected = {int(imei(CRASHED, number)): [ACCEPTED, ABORTED] for number in range(DEVICES)}
        assert devices[found[0]] == expected
        assert list(devices[found[0]]) == sorted(expected)
        assert_delivered_in_order(connection, receiver, CRASHED)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_servers_share_the_work_on_several_campaigns(database_url: str, tmp_path: Path) -> None:
    devices, each = 1_200, 600
    options = ["--seed", seed(tmp_path, SHARED, devices), *OPTIONS]
    with (
        connected(database_url) as connection,
        running_receiver() as receiver,
        serving(tmp_path, database_url, options, options) as processes,
        client_of(processes[0].address) as first,
        client_of(processes[1].address, first) as second,
    ):
        made: dict[str, tuple[str, int]] = {}
        for account in SHARED:
            assert first.call("POST", f"/v3/callbacks/{account}", {"url": receiver.url}).status_code == 200
            for place in range(2 * devices // each):
                api, version = (first, 3) if place * each < devices else (second, 2)
                made[schedule(api, account=account, version=version, first=place * each, count=each)] = (
                    account,
                    place * each,
                )
        wait_until(lambda: all(count(connection, uuid, UpgradeStatus.SCHEDULED) == each for uuid in made))
        wait_until(lambda: all_delivered(connection))
        for account in SHARED:
            assert len(assert_ledger_adds_up(second, account)) == 2 * devices
            assert_delivered_in_order(connection, receiver, account)
            _, seen = told(connection, account)
            assert set(seen) == {uuid for uuid, (name, _) in made.items() if name == account}
            for uuid, became in seen.items():
                start = made[uuid][1]
                expected = [int(imei(account, start + number)) for number in range(each)]
                assert list(became) == expected
                assert set(map(tuple, became.values())) == {(ACCEPTED,)}
        assert not "".join(process.trouble for process in processes)
