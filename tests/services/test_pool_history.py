"""The history of a pool is what the ledger says, on a busy day with two servers too."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from fotapool.core.clock import FixedClock
from fotapool.core.settings import Settings
from fotapool.core.timestamps import DAY_MS, HOUR_MS
from fotapool.domain.accounts.pool_history import PoolPoint
from fotapool.domain.devices.devices import Device
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts import pools
from fotapool.services.accounts.accounts import create_account
from fotapool.services.accounts.pool_history import list_accounts_by_usage
from fotapool.services.accounts.pools import MAX_ENTRIES, read_history, read_pool
from fotapool.services.accounts.subscriptions import change_subscription
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import import_devices
from fotapool.services.licenses.licenses import assign_licenses, remove_licenses
from fotapool.store.accounts.account_usage import UsageFilter
from fotapool.store.db.audit import read_audit
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import Reader
from fotapool.store.db.schema import prepare
from fotapool.store.db.writer import Writer
from support.helpers import NOW_MS, device

CALLER = Caller("racer", "r")
MIDNIGHT_MS = NOW_MS - NOW_MS % DAY_MS
TASKS, CHANGES, DEVICES = 10, 30, 4
"""An hour has 10 racing clients, each of which assigns and removes its 4 devices 15 times: 1,200 entries."""


@dataclass
class Ticking(FixedClock):
    """Each reading is a millisecond after the one before."""

    timestamp_ms: int

    def __post_init__(self) -> None:
        self.ticks = itertools.count()

    def now_ms(self) -> int:
        return self.timestamp_ms + next(self.ticks)


@contextlib.asynccontextmanager
async def two_servers(database_url: str, clock: Ticking) -> AsyncIterator[list[Context]]:
    database = open_database(database_url, durable=False)
    connection = database.connect()
    prepare(connection)
    connection.close()
    reader, writers = Reader(database), [Writer(database, clock.now_ms) for _ in range(2)]
    try:
        yield [Context(Settings(), clock, reader, writer) for writer in writers]
    finally:
        for writer in writers:
            await writer.stop()
        reader.stop()


async def race(servers: list[Context], caller: Caller) -> None:
    async def one(number: int) -> None:
        ids = [int(device(number * DEVICES + place)) for place in range(DEVICES)]
        for turn in range(CHANGES):
            change = remove_licenses if turn % 2 else assign_licenses
            await change(servers[(number + turn) % 2], caller, ids[: DEVICES - (turn == CHANGES - 1)])

    async def subscribe() -> None:
        for total in (200, 150, 160):
            await change_subscription(servers[0], caller, total, None)

    await asyncio.gather(subscribe(), *(one(number) for number in range(TASKS)))


async def ledger_of(context: Context, account_id: int) -> list[tuple[int, int]]:
    """(time, used after) of each entry."""
    sql = """SELECT c.at_ms, e.used_after FROM ledger_entry e JOIN pool_change c ON c.account_id = e.account_id
        AND c.number = e.change_number WHERE e.account_id = :id ORDER BY e.number"""
    return await context.reader.long(lambda connection: connection.fetch(sql, {"id": account_id}))


def assert_equal_to_the_ledger(points: list[PoolPoint], ledger: list[tuple[int, int]], from_ms: int) -> None:
    for point in points:
        used = [after for at_ms, after in ledger if at_ms <= point.at_ms]
        assert (point.at_ms, point.used) == (point.at_ms, used[-1] if used else 0)
    times = {point.at_ms for point in points}
    last = {at_ms // HOUR_MS for at_ms, _ in ledger if at_ms >= from_ms}
    assert all(any(one // HOUR_MS == hour for one in times) for hour in last)


def test_the_history_of_a_busy_day_is_what_the_ledger_says(database_url: str) -> None:
    clock = Ticking(MIDNIGHT_MS - 3 * DAY_MS)

    async def play() -> None:
        async with two_servers(database_url, clock) as servers:
            account = await create_account(servers[0], "busy", PurchaseType.MRC, 150)
            caller = replace(CALLER, account_id=account.id, account_name="busy")
            lines = [Device(int(device(number))) for number in range(TASKS * DEVICES)]
            await import_devices(servers[0], caller, lines)
            for hour in (-60, -49, -1, 3, 5, 6):
                clock.timestamp_ms = MIDNIGHT_MS + hour * HOUR_MS
                await race(servers, caller)
                if hour in (3, 6):
                    found = await read_history(servers[0], account, 30)
                    ledger = await ledger_of(servers[0], account.id)
                    assert len(ledger) > 1_000 > MAX_ENTRIES
                    assert_equal_to_the_ledger(found, ledger, MIDNIGHT_MS - DAY_MS)
            assert [point.total for point in found if "reduced" in point.mark] == [150] * 6
            page = await read_pool(servers[1], account, 400, count=False)
            assert_equal_to_the_ledger(page.history, ledger, MIDNIGHT_MS - DAY_MS)
            sums, (usage,) = await list_accounts_by_usage(servers[0], "", UsageFilter.ALL, "usage", True, 0, 5)
            assert_days_are_equal(ledger, usage.days)
            assert (sums.accounts, sums.used, sums.total) == (1, ledger[-1][1], 160)
            checks = await servers[0].reader.long(read_audit, account.id)
            assert [check.name for check in checks if not check.ok] == []

    def assert_days_are_equal(ledger: list[tuple[int, int]], days: list[int]) -> None:
        for place, used in enumerate(reversed(days)):
            until_ms = MIDNIGHT_MS + (1 - place) * DAY_MS
            before = [after for at_ms, after in ledger if at_ms < until_ms]
            assert used == (before[-1] if before else 0)

    asyncio.run(play())


def test_a_subscription_that_changes_all_the_time_has_a_history_of_bounded_length(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MAX_PERIODS", 10)
    monkeypatch.setattr(pools, "MAX_ENTRIES", 10)

    async def play() -> None:
        async with two_servers(database_url, Ticking(MIDNIGHT_MS)) as (server, _):
            account = await create_account(server, "restless", PurchaseType.MRC, 100)
            caller = replace(CALLER, account_id=account.id, account_name="restless")
            devices = [int(device(number)) for number in range(60)]
            await import_devices(server, caller, list(map(Device, devices)))
            for number, one in enumerate(devices):
                await change_subscription(server, caller, 200 + number, None)
                await assign_licenses(server, caller, [one])
            found = await read_history(server, account, 30)
            assert (found[-1].total, found[-1].used) == (259, 60)
            assert len(found) <= 25
            assert min(point.total for point in found) == 250

    asyncio.run(play())
