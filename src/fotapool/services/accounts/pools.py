"""One pool in detail: its parts, its history, its forecast, and whether it has devices and users yet."""

from __future__ import annotations

import msgspec

from fotapool.core.timestamps import DAY_MS, HOUR_MS
from fotapool.domain.accounts.forecast import Forecast, forecast
from fotapool.domain.accounts.pool_history import Level, PoolPoint, levels_of_entries, pool_history
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.services.accounts.pool_history import basis_days, basis_end
from fotapool.services.context import Context
from fotapool.store.accounts import pool_history as store
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.accounts.pool_levels import read_hours, read_levels_at
from fotapool.store.db.connection import Connection

COUNTED_AT_ONCE = 20_000
"""Largest number of used licenses at which the parts of a pool are always counted; beyond it, on request."""
MAX_DAYS = 5 * 366
MAX_PERIODS = 1_000
MAX_ENTRIES = 200
"""How many of the ledger's last entries the history shows one by one, while they are of the last DETAILED_DAYS."""
DETAILED_DAYS = 2
"""The history has the end of each hour of the last days, and of each day before."""
MAX_DAY_POINTS = 400
"""A history of more days has the ends of weeks instead of days."""


class PoolParts(msgspec.Struct, frozen=True):
    """The licenses of a pool by state. Their sum is the total, or `used` where that is greater.

    A license counts in the first state that applies: under notice; its device's upgrade is in progress; an upgrade
    was completed with it; idle.
    """

    idle: int
    progressing: int
    upgraded: int
    notice: int
    free: int


class PoolPage(msgspec.Struct, frozen=True):
    """A pool with its history and forecast; `parts` is None if they were not counted."""

    account: Account
    free: int
    parts: PoolParts | None
    history: list[PoolPoint]
    forecast: Forecast
    has_devices: bool
    has_users: bool


async def read_pool(context: Context, account: Account, days: int, count: bool) -> PoolPage:
    """The account's pool with the history of the last `days` days; `count` counts the parts of a large pool too."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> PoolPage:
        pool = read_account_by_id(connection, account.id) or account
        return PoolPage(
            account=pool,
            free=pool.free,
            parts=_parts(connection, pool) if count or pool.used <= COUNTED_AT_ONCE else None,
            history=_history(connection, pool, min(days, MAX_DAYS), now_ms),
            forecast=_forecast(connection, pool, now_ms),
            has_devices=bool(pool.used) or store.has_devices(connection, pool.id),
            has_users=bool(pool.used) or store.has_users(connection, pool.id),
        )

    return await context.reader.long(read)


async def read_history(context: Context, account: Account, days: int) -> list[PoolPoint]:
    """The history of the account's pool over the last `days` days: what it held at each of the times."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> list[PoolPoint]:
        pool = read_account_by_id(connection, account.id) or account
        return _history(connection, pool, min(days, MAX_DAYS), now_ms)

    return await context.reader.long(read)


def _forecast(connection: Connection, pool: Account, now_ms: int) -> Forecast:
    basis = basis_days(pool.created_ms, now_ms)
    before = read_levels_at(connection, pool.id, [basis_end(basis, now_ms)])
    return forecast(
        free=pool.free,
        used_before=before[0].used if before else 0,
        used_now=pool.used,
        basis_days=basis,
        now_ms=now_ms,
    )


def _history(connection: Connection, pool: Account, days: int, now_ms: int) -> list[PoolPoint]:
    today = now_ms // DAY_MS
    from_ms = max((today - days + 1) * DAY_MS, pool.created_ms)
    totals = store.read_totals_since(connection, pool.id, from_ms, MAX_PERIODS)
    if len(totals) == MAX_PERIODS:  # of the time before, the total is not known
        from_ms = max(from_ms, totals[0][0])
    detailed_ms = max((today - DETAILED_DAYS + 1) * DAY_MS, from_ms)
    step = 1 if days <= MAX_DAY_POINTS else 7
    ends = range((from_ms // DAY_MS + 1) * DAY_MS - 1, detailed_ms, step * DAY_MS)
    ends_and_changes = {from_ms - 1, *ends, *(at_ms for at_ms, _ in totals if at_ms >= from_ms)}
    levels = read_levels_at(connection, pool.id, sorted(ends_and_changes)) + _detail(
        connection, pool, detailed_ms, now_ms
    )
    levels.sort(key=lambda level: level.at_ms)
    return pool_history([*levels, Level(now_ms, pool.used, pool.notice)], totals, from_ms, now_ms)


def _detail(connection: Connection, pool: Account, detailed_ms: int, now_ms: int) -> list[Level]:
    """The levels since `detailed_ms`: after each entry in the hours that the last entries cover, else by the hour."""
    entries = store.read_last_entries(connection, pool.id, MAX_ENTRIES)
    covered_ms = detailed_ms
    if len(entries) == MAX_ENTRIES:
        covered_ms = max(covered_ms, (entries[-1].at_ms // HOUR_MS + 1) * HOUR_MS)
    hours = read_hours(connection, pool.id, detailed_ms)
    levels = [level for level in hours if level.at_ms < min(covered_ms, now_ms)]
    return levels + [level for level in levels_of_entries(entries, pool.notice) if level.at_ms >= covered_ms]


def _parts(connection: Connection, pool: Account) -> PoolParts:
    states, progressing = store.read_parts(connection, pool.id)
    notice = sum(count for state, count in states.items() if state & LicenseState.NOTICE)
    in_progress = {state: count for state, count in progressing.items() if not state & LicenseState.NOTICE}
    plain, used = int(LicenseState.PLAIN), int(LicenseState.USED)
    return PoolParts(
        idle=states.get(plain, 0) - in_progress.get(plain, 0),
        progressing=sum(in_progress.values()),
        upgraded=states.get(used, 0) - in_progress.get(used, 0),
        notice=notice,
        free=pool.free,
    )
