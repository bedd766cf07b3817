"""What pools held at the end of each hour, and at each change of a subscription; written with each change of a pool.

A row holds for the end of its millisecond. The row of the current hour is in the future: it holds so far.
"""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.core.timestamps import HOUR_MS
from fotapool.domain.accounts.pool_history import Level
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_all

_LEVEL = "account_id, at_ms, used, notice, entries"
_LAST_WINS = (
    "ON CONFLICT (account_id, at_ms) DO UPDATE SET used = excluded.used, notice = excluded.notice,"
    " entries = excluded.entries"
)
_LAST_UNTIL = "(SELECT max(b.at_ms) FROM pool_level b WHERE b.account_id = k.id AND b.at_ms <= k.until_ms)"


def hour_end(now_ms: int) -> int:
    """The last millisecond of the hour."""
    return now_ms - now_ms % HOUR_MS + HOUR_MS - 1


def record_levels(connection: Connection, pools: Sequence[Pool], now_ms: int) -> None:
    """Records the pools' numbers as those of the current hour, and of this millisecond if a subscription changed."""
    end_ms = hour_end(now_ms)
    rows = [(pool.account_id, end_ms, pool.used, pool.notice, pool.entries) for pool in pools]
    rows += [
        (pool.account_id, now_ms, pool.used, pool.notice, pool.entries)
        for pool in pools
        if pool.subscription_updated_ms == now_ms != end_ms
    ]
    connection.insert("pool_level", _LEVEL, rows, _LAST_WINS)


def read_hours(connection: Connection, account_id: int, from_ms: int) -> list[Level]:
    """The account's levels at the ends of hours from `from_ms` on, in order."""
    sql = f"""SELECT at_ms, used, notice FROM pool_level WHERE account_id = :account_id AND at_ms >= :from_ms
        AND at_ms % {HOUR_MS} = {HOUR_MS - 1} ORDER BY at_ms"""
    return fetch_all(connection, Level, sql, account_id=account_id, from_ms=from_ms)


def read_levels_at(connection: Connection, account_id: int, times_ms: Sequence[int]) -> list[Level]:
    """The level at the end of each of the milliseconds, in order; none where the account did not exist."""
    found = _levels_at(connection, [(account_id, time_ms) for time_ms in times_ms])
    return [Level(time_ms, *found[account_id, time_ms]) for time_ms in times_ms if (account_id, time_ms) in found]


def read_used_at(connection: Connection, account_ids: Sequence[int], times_ms: Sequence[int]) -> dict[int, list[int]]:
    """By account, the used licenses at the end of each of the milliseconds; 0 where the account did not exist."""
    found = _levels_at(connection, [(account_id, time_ms) for account_id in account_ids for time_ms in times_ms])
    return {
        account_id: [found.get((account_id, time_ms), (0, 0))[0] for time_ms in times_ms] for account_id in account_ids
    }


def _levels_at(connection: Connection, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
    """Used licenses and those under notice, by account and millisecond."""
    if not keys:
        return {}
    rows = connection.fetch_rows(
        "SELECT k.id, k.until_ms, l.used, l.notice FROM {rows} k CROSS JOIN pool_level l"
        f" WHERE l.account_id = k.id AND l.at_ms = {_LAST_UNTIL}",
        "id,until_ms",
        keys,
    )
    return {(account_id, until_ms): (used, notice) for account_id, until_ms, used, notice in rows}
