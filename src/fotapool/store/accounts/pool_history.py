"""Lists of pools in any order, and what they used on the days before."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.accounts.pool_history import LastEntry
from fotapool.store.accounts.accounts import ACCOUNT_COLUMNS, ACCOUNT_TABLES, Account
from fotapool.store.db.connection import Connection

ORDERS = {"name": "a.name", "total": "p.total", "used": "p.used", "notice": "p.notice", "free": "p.total - p.used"}


def count_accounts(connection: Connection, search: str) -> int:
    """How many accounts have the text in their name."""
    count: int = connection.fetch(f"SELECT count(*) FROM account a WHERE {_NAMED}", _named(search))[0][0]
    return count


def read_pool_page(
    connection: Connection, search: str, order: str, descending: bool, offset: int, limit: int
) -> list[Account]:
    """Accounts with the text in their name, by one of ORDERS."""
    direction = "DESC" if descending else "ASC"
    rows = connection.fetch(
        f"SELECT {ACCOUNT_COLUMNS} {ACCOUNT_TABLES} WHERE {_NAMED}"
        f" ORDER BY {ORDERS[order]} {direction}, a.name {direction} LIMIT :limit OFFSET :offset",
        {**_named(search), "limit": limit, "offset": offset},
    )
    return [Account.of_row(row) for row in rows]


def read_pool_days(
    connection: Connection, account_ids: Sequence[int], first_day: int
) -> dict[int, list[tuple[int, int, int]]]:
    """Of each account (day, used, under notice at its end), by day, for the days since `first_day` with changes.

    Before them stands the last such day before `first_day`, if there is one. Days are counted from 1970-01-01.
    """
    found: dict[int, list[tuple[int, int, int]]] = {account_id: [] for account_id in account_ids}
    if not found:
        return found
    rows = connection.fetch_rows(
        "SELECT d.account_id, d.day, d.used, d.notice FROM {rows} k JOIN pool_day d ON d.account_id = k.id"
        " AND d.day >= coalesce((SELECT max(b.day) FROM pool_day b WHERE b.account_id = k.id AND b.day < k.first_day),"
        " k.first_day) ORDER BY d.account_id, d.day",
        "id,first_day",
        [(account_id, first_day) for account_id in account_ids],
    )
    for account_id, day, used, notice in rows:
        found[account_id].append((day, used, notice))
    return found


_NAMED = "a.name LIKE :pattern ESCAPE '!'"


def _named(search: str) -> dict[str, str]:
    escaped = search.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return {"pattern": f"%{escaped}%"}


def read_last_entries(connection: Connection, account_id: int, limit: int) -> list[LastEntry]:
    """The ledger's last entries, newest first."""
    rows = connection.fetch(
        "SELECT (SELECT c.at_ms FROM pool_change c WHERE c.account_id = e.account_id AND c.number = e.change_number),"
        " e.kind, e.used_after FROM ledger_entry e WHERE e.account_id = :account_id"
        " ORDER BY e.number DESC LIMIT :limit",
        {"account_id": account_id, "limit": limit},
    )
    return [LastEntry(*row) for row in rows]


def read_totals_since(connection: Connection, account_id: int, from_ms: int, limit: int) -> list[tuple[int, int]]:
    """(from in ms, total) of the last periods of the subscription that lasted until then or longer, oldest first."""
    rows = connection.fetch(
        "SELECT p.from_ms, p.total FROM (SELECT s.id, s.from_ms, s.total,"
        " lead(s.from_ms) OVER (ORDER BY s.id) AS next_ms"
        " FROM subscription_period s WHERE s.account_id = :account_id) p"
        " WHERE p.next_ms IS NULL OR p.next_ms >= :from ORDER BY p.id DESC LIMIT :limit",
        {"account_id": account_id, "from": from_ms, "limit": limit},
    )
    return [(row[0], row[1]) for row in reversed(rows)]


def read_parts(connection: Connection, account_id: int) -> tuple[dict[int, int], dict[int, int]]:
    """How many licenses are in each state; and of those whose device's upgrade is in progress, how many are."""
    counts = connection.fetch(
        "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),"
        " count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 3)"
        " FROM license WHERE account_id = :account_id",
        {"account_id": account_id},
    )
    progressing = connection.fetch(
        "SELECT x.state, count(*) FROM (SELECT (SELECT l.state FROM license l WHERE l.account_id = u.account_id"
        " AND l.imei = u.imei) AS state FROM upgrade u WHERE u.account_id = :account_id AND u.status <= 2"
        " AND u.status = 2) x WHERE x.state IS NOT NULL GROUP BY x.state",
        {"account_id": account_id},
    )
    return dict(enumerate(counts[0])), {row[0]: row[1] for row in progressing}


def has_devices(connection: Connection, account_id: int) -> bool:
    return bool(connection.fetch("SELECT 1 FROM device WHERE account_id = :id LIMIT 1", {"id": account_id}))


def has_users(connection: Connection, account_id: int) -> bool:
    """Whether any user has access to the account."""
    return bool(connection.fetch("SELECT 1 FROM user_account WHERE account_id = :id LIMIT 1", {"id": account_id}))
