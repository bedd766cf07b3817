"""Pools and their use on the last days: for lists, charts and forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.errors import Invalid
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.accounts import pool_history as store
from fotapool.store.accounts.accounts import Account
from fotapool.store.db.connection import Connection

DAYS = 30


@dataclass(frozen=True, slots=True)
class PoolRow:
    """An account, its free licenses, and its used licenses at the end of each of the last DAYS days, today last."""

    account: Account
    free: int
    days: list[int]


async def list_pools(
    context: Context, search: str, order: str, descending: bool, offset: int, limit: int
) -> tuple[int, list[PoolRow]]:
    """How many accounts have the text in a name of theirs, and a page of them. Raises Invalid for an unknown order."""
    if order not in store.ORDERS:
        raise Invalid(f"order must be one of {', '.join(store.ORDERS)}")
    today = context.clock.now_ms() // DAY_MS

    def read(connection: Connection) -> tuple[int, list[PoolRow]]:
        accounts = store.read_pool_page(
            connection,
            search=search,
            order=order,
            descending=descending,
            offset=offset,
            limit=min(limit, OPERATOR_PAGE),
        )
        first = today - DAYS + 1
        days = store.read_pool_days(connection, [account.id for account in accounts], first)
        rows = [PoolRow(one, free_of(one), used_by_day(one, days[one.id], first, today)) for one in accounts]
        return store.count_accounts(connection, search), rows

    return await context.reader.short(read)


def free_of(account: Account) -> int:
    """Licenses that can be assigned; none while licenses under notice exceed the total."""
    return max(0, account.total - account.used)


def used_by_day(account: Account, days: Sequence[tuple[int, int, int]], first: int, last: int) -> list[int]:
    """Used licenses at the end of each day from `first` to `last`; a day without changes repeats the one before."""
    changed = {day: used for day, used, _ in days}
    used = account.used if not days else days[0][1] if days[0][0] < first else 0
    return [used := changed.get(day, used) for day in range(first, last + 1)]
