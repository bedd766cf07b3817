"""Accounts by the use of their licenses, with the last days and a forecast: for lists and the overview."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import BASIS_DAYS, Forecast, forecast
from fotapool.domain.accounts.usage import UsageStatus, usage_status
from fotapool.domain.errors import Invalid
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.accounts import account_usage as store
from fotapool.store.accounts.account_usage import UsageFilter, UsageSums
from fotapool.store.accounts.accounts import Account
from fotapool.store.accounts.pool_levels import read_used_at
from fotapool.store.db.connection import Connection

DAYS = 30


class AccountUsage(msgspec.Struct, frozen=True):
    """An account, its free licenses, and its used licenses at the end of each of the last DAYS days, today last."""

    account: Account
    free: int
    days: list[int]
    forecast: Forecast
    status: UsageStatus


async def list_accounts_by_usage(
    context: Context, search: str, wanted: UsageFilter, order: str, descending: bool, offset: int, limit: int
) -> tuple[UsageSums, list[AccountUsage]]:
    """The sums of all accounts that have the text in a name of theirs, and a page of the wanted ones.

    Raises Invalid for an unknown order.
    """
    if order not in store.ORDERS:
        raise Invalid(f"order must be one of {', '.join(store.ORDERS)}")
    now_ms = context.clock.now_ms()
    today = now_ms // DAY_MS

    def read(connection: Connection) -> tuple[UsageSums, list[AccountUsage]]:
        accounts = store.read_usage_page(
            connection,
            search=search,
            wanted=wanted,
            order=order,
            descending=descending,
            today=today,
            offset=offset,
            limit=min(limit, OPERATOR_PAGE),
        )
        return store.read_usage_sums(connection, search, today), read_usage(connection, accounts, now_ms)

    return await context.reader.long(read)


def read_usage(connection: Connection, accounts: Sequence[Account], now_ms: int) -> list[AccountUsage]:
    """The use of the licenses of these accounts."""
    today = now_ms // DAY_MS
    ends = [(day + 1) * DAY_MS - 1 for day in range(today - DAYS + 1, today + 1)]
    days = read_used_at(connection, [account.id for account in accounts], ends)
    return [_usage(account, days[account.id], now_ms) for account in accounts]


def _usage(account: Account, days: list[int], now_ms: int) -> AccountUsage:
    basis = basis_days(account.created_ms, now_ms)
    expected = forecast(
        free=account.free, used_before=days[-1 - basis], used_now=account.used, basis_days=basis, now_ms=now_ms
    )
    status = usage_status(account.total, account.used, expected, now_ms)
    return AccountUsage(account=account, free=account.free, days=days, forecast=expected, status=status)


def basis_days(created_ms: int, now_ms: int) -> int:
    """The days of history that a forecast of an account is made from."""
    return min(BASIS_DAYS, now_ms // DAY_MS - created_ms // DAY_MS)


def basis_end(basis: int, now_ms: int) -> int:
    """The last millisecond before the growth of the last `basis` days."""
    return (now_ms // DAY_MS - basis + 1) * DAY_MS - 1
