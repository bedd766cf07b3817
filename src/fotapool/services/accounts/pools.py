"""One pool in detail: its parts, its history, its forecast, and whether it has devices and users yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import BASIS_DAYS, Forecast, forecast
from fotapool.domain.accounts.pool_history import (
    Level,
    PoolDay,
    PoolPoint,
    levels_of_days,
    levels_of_entries,
    pool_history,
)
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.services.accounts.pool_history import free_of
from fotapool.services.context import Context
from fotapool.store.accounts import pool_history as store
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.db.connection import Connection

COUNTED_AT_ONCE = 20_000
"""The parts of a pool with at most so many used licenses are always counted, those of a larger one on request."""
MAX_DAYS = 5 * 366
MAX_PERIODS = 1_000
MAX_ENTRIES = 1_000
"""How many of the ledger's last entries the history shows one by one."""
DETAILED_DAYS = 2


@dataclass(frozen=True, slots=True)
class PoolParts:
    """The licenses of a pool by state. Their sum is the total, or `used` where that is greater.

    A license counts in the first state that applies: under notice; its device's upgrade is in progress; an upgrade
    was completed with it; idle.
    """

    idle: int
    progressing: int
    upgraded: int
    notice: int
    free: int


@dataclass(frozen=True, slots=True)
class PoolPage:
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

    def count_parts(connection: Connection) -> tuple[Account, PoolParts | None]:
        pool = read_account_by_id(connection, account.id) or account
        return pool, _parts(connection, pool) if count or pool.used <= COUNTED_AT_ONCE else None

    def read(connection: Connection, pool: Account, parts: PoolParts | None) -> PoolPage:
        history, found = _history(connection, pool, min(days, MAX_DAYS), now_ms)
        return PoolPage(
            account=pool,
            free=free_of(pool),
            parts=parts,
            history=history,
            forecast=found,
            has_devices=bool(pool.used) or store.has_devices(connection, pool.id),
            has_users=bool(pool.used) or store.has_users(connection, pool.id),
        )

    return await context.reader.short(read, *await context.reader.long(count_parts))


async def read_history(context: Context, account: Account, days: int) -> list[PoolPoint]:
    """The history of the account's pool over the last `days` days."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> list[PoolPoint]:
        pool = read_account_by_id(connection, account.id) or account
        return _history(connection, pool, min(days, MAX_DAYS), now_ms)[0]

    return await context.reader.short(read)


def _history(connection: Connection, pool: Account, days: int, now_ms: int) -> tuple[list[PoolPoint], Forecast]:
    today, created = now_ms // DAY_MS, pool.created_ms // DAY_MS
    first = max(min(today - days + 1, today - BASIS_DAYS), created)
    found = [PoolDay(*row) for row in store.read_pool_days(connection, [pool.id], first)[pool.id]]
    basis = min(BASIS_DAYS, today - created)
    expected = forecast(
        free=free_of(pool),
        used_before=_used_at_end_of(today - basis, found, pool),
        used_now=pool.used,
        basis_days=basis,
        now_ms=now_ms,
    )
    from_ms = max((today - days + 1) * DAY_MS, pool.created_ms)
    detailed_from, levels = _detail(connection, pool, today)
    totals = store.read_totals_since(connection, pool.id, from_ms, MAX_PERIODS)
    levels = levels_of_days([one for one in found if one.day < detailed_from], totals, now_ms) + levels
    return pool_history(levels, totals, from_ms, now_ms), expected


def _used_at_end_of(day: int, days: Sequence[PoolDay], pool: Account) -> int:
    if not days:
        return pool.used
    return next((one.used for one in reversed(days) if one.day <= day), 0)


def _detail(connection: Connection, pool: Account, today: int) -> tuple[int, list[Level]]:
    """The first day that the ledger's last entries cover completely, and the levels since then."""
    entries = store.read_last_entries(connection, pool.id, MAX_ENTRIES)
    detailed_from = today - DETAILED_DAYS + 1
    if len(entries) == MAX_ENTRIES:
        detailed_from = max(detailed_from, entries[-1].at_ms // DAY_MS + 1)
    levels = levels_of_entries(entries, pool.notice)
    return detailed_from, [level for level in levels if level.at_ms >= detailed_from * DAY_MS]


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
        free=free_of(pool),
    )
