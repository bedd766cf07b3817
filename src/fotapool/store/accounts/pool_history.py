"""Sorted pages of pools, and the history of a pool."""

from __future__ import annotations

from fotapool.domain.accounts.pool_history import LastEntry
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.store.campaigns.upgrades import IS_OPEN
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import exists, fetch_all


def read_last_entries(connection: Connection, account_id: int, limit: int) -> list[LastEntry]:
    """The latest ledger entries, newest first."""
    sql = """SELECT (SELECT c.at_ms FROM pool_change c
            WHERE c.account_id = e.account_id AND c.number = e.change_number), e.kind, e.used_after
        FROM ledger_entry e WHERE e.account_id = :account_id ORDER BY e.number DESC LIMIT :limit"""
    return fetch_all(connection, LastEntry, sql, account_id=account_id, limit=limit)


def read_totals_since(connection: Connection, account_id: int, from_ms: int, limit: int) -> list[tuple[int, int]]:
    """The last subscription periods that lasted until `from_ms` or longer, as (start in ms, total), oldest first."""
    sql = """SELECT p.from_ms, p.total FROM
            (SELECT s.id, s.from_ms, s.total, lead(s.from_ms) OVER (ORDER BY s.id) AS next_ms
            FROM subscription_period s WHERE s.account_id = :account_id) p
        WHERE p.next_ms IS NULL OR p.next_ms >= :from_ms ORDER BY p.id DESC LIMIT :limit"""
    rows = connection.fetch(sql, {"account_id": account_id, "from_ms": from_ms, "limit": limit})
    return [(row[0], row[1]) for row in reversed(rows)]


_STATES = range((LicenseState.USED | LicenseState.NOTICE) + 1)


def read_parts(connection: Connection, account_id: int) -> tuple[dict[int, int], dict[int, int]]:
    """The number of licenses by LicenseState: of all, and of those whose device's upgrade is in progress."""
    counted = ", ".join(f"count(*) FILTER (WHERE state = {state})" for state in _STATES)
    counts = connection.fetch(f"SELECT {counted} FROM license WHERE account_id = :id", {"id": account_id})
    progressing = connection.fetch(
        f"""SELECT x.state, count(*) FROM (SELECT (SELECT l.state FROM license l
            WHERE l.account_id = u.account_id AND l.imei = u.imei) AS state FROM upgrade u
            WHERE u.account_id = :id AND u.{IS_OPEN} AND u.status = {UpgradeStatus.IN_PROGRESS:d}) x
        WHERE x.state IS NOT NULL GROUP BY x.state""",
        {"id": account_id},
    )
    return dict(enumerate(counts[0])), {row[0]: row[1] for row in progressing}


def has_devices(connection: Connection, account_id: int) -> bool:
    return exists(connection, "SELECT 1 FROM device WHERE account_id = :id LIMIT 1", id=account_id)


def has_users(connection: Connection, account_id: int) -> bool:
    """Whether any user has access to the account."""
    return exists(connection, "SELECT 1 FROM user_account WHERE account_id = :id LIMIT 1", id=account_id)
