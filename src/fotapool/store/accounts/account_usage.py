"""All accounts by the use of their licenses: which need attention, sums, and sorted pages."""

from __future__ import annotations

import enum
from typing import NamedTuple

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import BASIS_DAYS
from fotapool.domain.accounts.usage import NEARLY_FULL_DAYS, NEARLY_FULL_PERCENT, SOON_DAYS
from fotapool.store.accounts.accounts import ACCOUNT_COLUMNS, ACCOUNTS, Account, account_of
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_all, field_names, like_pattern

_CREATED = f"(a.created_ms / {DAY_MS})"


class UsageFilter(enum.Enum):
    """Which accounts; the value names it in queries."""

    ALL = "all"
    ATTENTION = "attention"
    FULL = "full"
    SOON = "soon"
    SUSPENDED = "suspended"


class UsageSums(NamedTuple):
    """Numbers of accounts by filter, and of licenses of all accounts. `empty`: none available; `over`: over the limit.

    An account without monthly licenses is never full.
    """

    accounts: int
    attention: int
    full: int
    over: int
    soon: int
    suspended: int
    total: int
    used: int
    notice: int
    free: int


_FULL = "(x.total > 0 AND x.used = x.total)"
_OVER = "(x.used > x.total)"
_GROWN = "(x.used - x.used_before)"

_NAMED = "(a.name LIKE :pattern ESCAPE '!' OR lower(a.display_name) LIKE lower(:pattern) ESCAPE '!')"


def _within(days: int) -> str:
    """Whether the licenses run out within so many days, as domain/accounts/forecast.py extrapolates.

    The use cannot have grown by more than itself; comparing with that first spares most accounts the look at the past.
    """
    left = "(x.total - x.used) * x.basis_days"
    return (
        "(x.used < x.total AND x.basis_days > 0"
        f" AND CASE WHEN {left} <= {days:d} * x.used THEN {left} <= {days:d} * {_GROWN} ELSE FALSE END)"
    )


_NEAR = f"(x.used < x.total AND (x.used * 100 >= x.total * {NEARLY_FULL_PERCENT:d} OR {_within(NEARLY_FULL_DAYS)}))"
_ATTENTION = f"({_FULL} OR {_OVER} OR {_NEAR})"
_WHERE = {
    UsageFilter.ALL: "1 = 1",
    UsageFilter.ATTENTION: _ATTENTION,
    UsageFilter.FULL: f"({_FULL} OR {_OVER})",
    UsageFilter.SOON: _within(SOON_DAYS),
    UsageFilter.SUSPENDED: "x.status = 'suspended'",
}
ORDERS = {
    "usage": "CASE WHEN x.total > 0 THEN x.used * 1.0 / x.total WHEN x.used > 0 THEN 9 ELSE -1 END",
    "name": "x.name",
    "total": "x.total",
    "used": "x.used",
    "notice": "x.notice",
    "free": "x.total - x.used",
    "growth": _GROWN,
}


def _accounts(today: int, needs_history: bool) -> str:
    """All accounts as a subquery `x`: with the days of the forecast, and the licenses used before them if needed."""
    basis = f"CASE WHEN {_CREATED} > {today - BASIS_DAYS:d} THEN {today:d} - {_CREATED} ELSE {BASIS_DAYS} END"
    end = (
        f"CASE WHEN {_CREATED} > {today - BASIS_DAYS:d} THEN ({_CREATED} + 1) * {DAY_MS} - 1"
        f" ELSE {(today - BASIS_DAYS + 1) * DAY_MS - 1:d} END"
    )
    before = (
        "coalesce((SELECT l.used FROM pool_level l WHERE l.account_id = a.id AND l.at_ms <="
        f" {end} ORDER BY l.at_ms DESC LIMIT 1), 0)"
    )
    columns = f"{ACCOUNT_COLUMNS}, {basis} AS basis_days, {before if needs_history else 'p.used'} AS used_before"
    return f"(SELECT {columns} FROM {ACCOUNTS} WHERE {_NAMED}) x"


def read_usage_sums(connection: Connection, search: str, today: int) -> UsageSums:
    """The sums of the accounts whose name contains the text; `today` is a day since 1970."""
    counted = [f"count(*) FILTER (WHERE {_WHERE[one]})" for one in (UsageFilter.ATTENTION, UsageFilter.FULL)]
    counted += [f"count(*) FILTER (WHERE {_OVER})"]
    counted += [f"count(*) FILTER (WHERE {_WHERE[one]})" for one in (UsageFilter.SOON, UsageFilter.SUSPENDED)]
    free = "CASE WHEN x.used < x.total THEN x.total - x.used ELSE 0 END"
    sums = [f"CAST(coalesce(sum({one}), 0) AS BIGINT)" for one in ("x.total", "x.used", "x.notice", free)]
    sql = f"SELECT count(*), {', '.join(counted + sums)} FROM {_accounts(today, True)}"
    return UsageSums(*connection.fetch(sql, {"pattern": f"%{like_pattern(search)}%"})[0])


def read_usage_page(
    connection: Connection,
    search: str,
    wanted: UsageFilter,
    order: str,
    descending: bool,
    today: int,
    offset: int,
    limit: int,
) -> list[Account]:
    """Accounts whose name contains the text, sorted by one of ORDERS."""
    direction = "DESC" if descending else "ASC"
    needs_history = order == "growth" or wanted in (UsageFilter.ATTENTION, UsageFilter.SOON)
    sql = f"""SELECT {", ".join(field_names(Account))} FROM {_accounts(today, needs_history)} WHERE {_WHERE[wanted]}
        ORDER BY {ORDERS[order]} {direction}, x.name {direction} LIMIT :limit OFFSET :offset"""
    return fetch_all(connection, account_of, sql, pattern=f"%{like_pattern(search)}%", limit=limit, offset=offset)
