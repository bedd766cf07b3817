"""Pools and their use on the last days: for lists, charts and forecasts."""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import BASIS_DAYS
from fotapool.domain.errors import Invalid
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.accounts import pool_history as store
from fotapool.store.accounts.accounts import Account
from fotapool.store.accounts.pool_levels import read_used_at
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
    """How many accounts have the text in their name, and a page of them. Raises Invalid for an unknown order."""
    if order not in store.ORDERS:
        raise Invalid(f"order must be one of {', '.join(store.ORDERS)}")
    ends = day_ends(context.clock.now_ms())

    def read(connection: Connection) -> tuple[int, list[PoolRow]]:
        accounts = store.read_pool_page(
            connection,
            search=search,
            order=order,
            descending=descending,
            offset=offset,
            limit=min(limit, OPERATOR_PAGE),
        )
        days = read_used_at(connection, [account.id for account in accounts], ends)
        rows = [PoolRow(one, free_of(one), days[one.id]) for one in accounts]
        return store.count_accounts(connection, search), rows

    return await context.reader.short(read)


def free_of(account: Account) -> int:
    """Licenses that can be assigned; none while licenses under notice exceed the total."""
    return max(0, account.total - account.used)


def day_ends(now_ms: int) -> list[int]:
    """The last milliseconds of the last DAYS days, today last."""
    today = now_ms // DAY_MS
    return [(day + 1) * DAY_MS - 1 for day in range(today - DAYS + 1, today + 1)]


def basis_days(account: Account, now_ms: int) -> int:
    """The days of history that a forecast of the account is made from."""
    return min(BASIS_DAYS, now_ms // DAY_MS - account.created_ms // DAY_MS)


def basis_end(basis: int, now_ms: int) -> int:
    """The last millisecond before the growth of the last `basis` days."""
    return (now_ms // DAY_MS - basis + 1) * DAY_MS - 1
