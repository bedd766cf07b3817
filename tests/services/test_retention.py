"""What is older than its setting is deleted in bounded steps, and the books stay as they were."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fotapool.core.settings import Settings
from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.retention import DEFAULT_DAYS, Kind
from fotapool.services.accounts import retention
from fotapool.services.accounts.retention import Purged, purge_old_data, retention_days
from fotapool.services.commands import DirectCommand
from fotapool.store.accounts.retention import Step, count_old_rows, delete_old_rows
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.devices.logs import CheckIn, Log, record_check_ins, record_logs
from support.device_helpers import Device
from support.helpers import ACCOUNT, NOW_MS, Api, device, devices
from worker.conftest import OpenContext

WAIT_S = 300
PACKAGE = {"firmwareName": "P", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}
LIMITED = {"upgrade_retention_days": 184, "rejection_retention_days": 30, "undo_retention_days": 30}


def test_the_defaults_are_those_of_the_settings() -> None:
    assert retention_days(Settings()) == DEFAULT_DAYS


@contextlib.contextmanager
def store(api: Api) -> Iterator[Connection]:
    """A connection of its own to the server's database."""
    database = open_database(api.server.settings.database, durable=False)
    connection = database.connect()
    yield connection
    connection.close()
    database.dispose()


def count(api: Api, table: str, where: str = "1 = 1") -> int:
    with store(api) as connection:
        return int(connection.fetch(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


def books(api: Api) -> dict[str, Any]:
    """The statements of all months so far with their lines, the ledger, and the consistency of the account."""
    months = [one["month"] for one in api.control("GET", f"/accounts/{ACCOUNT}/statements").json()["statements"]]
    paths = [f"/accounts/{ACCOUNT}/statements/{month}" for month in months]
    return {
        "statements": {path: api.control("GET", path).json() for path in paths},
        "ledger": api.ledger(),
        "audit": api.control("GET", f"/accounts/{ACCOUNT}/audit").json()["consistent"],
    }


def live_a_year(api: Api) -> int:
    """An account with charged and failed upgrades, refusals, check-ins and a reduction; the reduction's change."""
    subscription = {"licenseCount": 5, "purchaseType": "TS-HFOTA-EVNT,TS-HFOTA-MRC"}
    assert api.control("PUT", f"/accounts/{ACCOUNT}/subscription", subscription).status_code == 200
    assert api.control("POST", "/firmware", PACKAGE).status_code == 201
    api.assign(0, 1, 2)
    body = {"firmwareName": "P", "startDate": "2026-03-11", "endDate": "2026-03-20", "deviceList": devices(0, 1, 3, 4)}
    assert api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body).status_code == 200
    api.advance("P2D")
    key = api.control("POST", f"/accounts/{ACCOUNT}/device-keys", {"name": "all"}).json()["key"]
    for number in (0, 3):
        Device(api, key, device(number)).check_in(firmware="2")
    api.sign_in()
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": ["123"]})
    api.subscribe(1)
    change = int(api.ledger()[-1]["change"])
    api.advance("P30D")
    until = time.monotonic() + WAIT_S
    while not count(api, "rejection_day"):  # the worker writes it within a second
        assert time.monotonic() < until
    return change


def test_a_year_is_purged_and_the_books_stay(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", 1)
    api = start(**LIMITED)
    change = live_a_year(api)
    before = books(api)
    assert before["audit"]
    charged = count(api, "upgrade", "charged_ms IS NOT NULL")
    assert 0 < charged < count(api, "upgrade")
    assert (count(api, "lost_license"), count(api, "check_in")) == (2, 2)
    api.advance("P200D")
    after = books(api)
    assert after["audit"]
    assert after["ledger"] == before["ledger"]
    closed = {path: one for path, one in before["statements"].items() if one["complete"]}
    assert sum(one["totals"]["events"] for one in closed.values()) == charged
    assert closed == {path: after["statements"][path] for path in closed}
    assert count(api, "upgrade") == count(api, "upgrade", "charged_ms IS NOT NULL") == charged
    for table in ("check_in", "lost_license", "rejection_day", "delivery"):
        assert count(api, table) == 0, table
    refused: httpx.Response = api.control("POST", f"/accounts/{ACCOUNT}/ledger/changes/{change}/undo")
    assert (refused.status_code, "too old to be undone" in refused.text) == (409, True)
    assert 'fotapool_purged_rows_total{kind="checkIns"} 2.0' in api.http.get("/metrics").text


def test_by_default_upgrades_rejections_and_undos_are_kept(api: Api) -> None:
    change = live_a_year(api)
    upgrades, rejected = count(api, "upgrade"), count(api, "rejection_day")
    api.advance("P400D")
    assert (count(api, "upgrade"), count(api, "rejection_day")) == (upgrades, rejected)
    api.subscribe(5)
    assert api.control("POST", f"/accounts/{ACCOUNT}/ledger/changes/{change}/undo").status_code == 200
    api.assert_consistent()


def test_an_operator_sees_what_is_old_and_deletes_it(start: Callable[..., Api]) -> None:
    api = start(emulator=False)
    ages = (29, 31, 40)
    with store(api) as connection:
        connection.begin()
        record_check_ins(connection, [CheckIn(1, 1, NOW_MS - days * DAY_MS, "HTTP") for days in ages])
        record_logs(connection, [Log(1, 1, NOW_MS - days * DAY_MS, "E", "e", "", b"") for days in ages])
        connection.commit()
    listed = {one["kind"]: one for one in api.control("GET", "/retention").json()["retention"]}
    assert list(listed) == [kind.value for kind in Kind]
    assert (listed["checkIns"]["days"], listed["checkIns"]["rows"]) == (30, 2)
    assert listed["checkIns"]["before"] == "2026-02-08T12:00:00.000Z"
    assert (listed["upgrades"]["days"], listed["upgrades"]["before"], listed["upgrades"]["rows"]) == (0, None, 0)
    purged = api.control("POST", "/retention/purge", {"kinds": ["deviceLogs"]}).json()["purged"]
    assert purged == [{"kind": "deviceLogs", "deleted": 2, "complete": True}]
    purged = api.control("POST", "/retention/purge", {}).json()["purged"]
    assert {one["kind"]: one["deleted"] for one in purged if one["deleted"]} == {"checkIns": 2}
    assert (count(api, "check_in"), count(api, "device_log")) == (1, 1)
    newest, before = api.control("GET", "/audit-log?action=purgeData").json()["entries"]
    assert (newest["after"]["checkIns"], before["after"]) == (2, {"deviceLogs": 2})
    assert api.control("POST", "/retention/purge", {"kinds": ["x"]}).status_code == 400


def test_steps_are_bounded_and_say_that_more_is_left(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", 2)
    kinds = [Kind.CHECK_INS]

    def record(connection: Connection, _: int) -> None:
        record_check_ins(connection, [CheckIn(1, 1, number, "HTTP") for number in range(7)])

    async def work() -> None:
        async with open_context() as context:
            await context.writer.submit(DirectCommand(record))
            submitted = context.writer.submitted
            assert await purge_old_data(context, kinds, steps=2) == [Purged(Kind.CHECK_INS, 4, complete=False)]
            assert context.writer.submitted - submitted == 2
            assert await purge_old_data(context, kinds, steps=None) == [Purged(Kind.CHECK_INS, 3, complete=True)]

    asyncio.run(work())


BEFORE_MS = 1000
CAMPAIGN = (
    "uuid, account_id, flow, file_id, name, start_date, end_date, start_ms, end_ms, windows, auto_assign, auto_add,"
    " status, devices, created_ms, updated_ms, leased_until_ms, ended_ms"
)
UPGRADE = (
    "imei, campaign_id, status, started_ms, ended_ms, charged_ms,"
    " account_id, reason, attempts, scheduled_ms, updated_ms"
)
UPGRADES = [
    (1, 1, 4, 5, 10, None),
    (2, 1, 4, 5, 10, None),
    (3, 1, 3, 5, 10, 10),  # charged
    (4, 1, 4, 5, 30, None),  # prolonged a notice
    (5, 1, 2, 5, None, None),  # open
    (6, 1, 4, 5, BEFORE_MS, None),  # ended too late
    (7, 2, 4, 5, 10, None),  # of a running campaign
]


def test_upgrades_that_the_books_need_stay(open_context: OpenContext) -> None:
    def fill(connection: Connection, _: int) -> None:
        fixed = (1, 1, 1, "", "", "", 1, 2, "", 0, 0, 6, 6, 1, 1, 0)
        connection.insert("campaign", CAMPAIGN, [("a", *fixed, 10), ("b", *fixed, None)])
        connection.insert("upgrade", UPGRADE, [(*row, 1, 0, 1, 1, 1) for row in UPGRADES])
        notices = [(1, 1, 2, 4, 4), (1, 4, 2, 20, 30)]
        connection.insert("notice_period", "account_id, imei, given_ms, until_ms, ended_ms", notices)

    def delete(connection: Connection, _: int) -> Step:
        return delete_old_rows(connection, Kind.UPGRADES, BEFORE_MS, 100)

    async def work() -> None:
        async with open_context() as context:
            await context.writer.submit(DirectCommand(fill))
            assert await context.reader.short(count_old_rows, Kind.UPGRADES, BEFORE_MS, 100) == 2
            assert await context.writer.submit(DirectCommand(delete)) == (2, True)
            assert await context.writer.submit(DirectCommand(delete)) == (0, False)
            fetch = [("SELECT imei FROM upgrade ORDER BY imei", {}), ("SELECT purged FROM campaign ORDER BY id", {})]
            left, purged = await context.reader.short(lambda connection: connection.fetch_together(fetch))
            assert (left, purged) == ([(3,), (4,), (5,), (6,), (7,)], [(2,), (0,)])

    asyncio.run(work())


def test_a_reduction_is_undone_as_a_whole_or_not_at_all_while_it_is_purged(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", 1)
    api = start(**LIMITED)
    api.assign(0, 1, 2)
    api.subscribe(1)
    change = int(api.ledger()[-1]["change"])
    api.subscribe(5)
    for _ in range(32):
        api.advance("PT23H")  # shorter than what purges by itself
    assert count(api, "lost_license") == 2
    statuses: list[int] = []

    def undo() -> None:
        statuses.append(api.control("POST", f"/accounts/{ACCOUNT}/ledger/changes/{change}/undo").status_code)

    def purge() -> None:
        assert api.control("POST", "/retention/purge", {"kinds": ["undo"]}).json()["purged"][0]["complete"]

    threads = [threading.Thread(target=one) for one in (undo, purge, purge)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, api.pool()["licenseUsedCount"]) in (([200], 3), ([409], 1))
    assert count(api, "lost_license") == 0
    api.assert_consistent()
