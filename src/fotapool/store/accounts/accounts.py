"""Accounts and their pool rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import AccountStatus, PurchaseType
from fotapool.store.billing import record_subscription
from fotapool.store.db.connection import Connection, Row

ACCOUNT_COLUMNS = (
    "a.id, a.name, a.purchase_type, a.status, a.created_ms, p.total, p.used, p.notice, p.candidates,"
    " p.subscription_updated_ms"
)
ACCOUNT_TABLES = "FROM account a JOIN license_pool p ON p.account_id = a.id"


@dataclass(frozen=True, slots=True)
class Account:
    """An account with the numbers of its pool. Times in milliseconds since 1970-01-01 UTC."""

    id: int
    name: str
    purchase_type: PurchaseType
    status: AccountStatus
    created_ms: int
    total: int
    used: int
    notice: int
    candidates: int
    subscription_updated_ms: int

    @classmethod
    def of_row(cls, row: Row) -> Account:
        """The account of a row of ACCOUNT_COLUMNS."""
        return cls(row[0], row[1], PurchaseType(row[2]), AccountStatus(row[3]), *row[4:])


def read_account(connection: Connection, name: str) -> Account | None:
    rows = connection.fetch(f"SELECT {ACCOUNT_COLUMNS} {ACCOUNT_TABLES} WHERE a.name = :name", {"name": name})
    return Account.of_row(rows[0]) if rows else None


def read_account_by_id(connection: Connection, account_id: int) -> Account | None:
    rows = connection.fetch(f"SELECT {ACCOUNT_COLUMNS} {ACCOUNT_TABLES} WHERE a.id = :id", {"id": account_id})
    return Account.of_row(rows[0]) if rows else None


def read_accounts(connection: Connection, after: str, limit: int) -> list[Account]:
    """Accounts by name, from the first one greater than `after`."""
    rows = connection.fetch(
        f"SELECT {ACCOUNT_COLUMNS} {ACCOUNT_TABLES} WHERE a.name > :after ORDER BY a.name LIMIT :limit",
        {"after": after, "limit": limit},
    )
    return [Account.of_row(row) for row in rows]


def record_account(connection: Connection, name: str, purchase_type: PurchaseType, total: int, now_ms: int) -> int:
    """Creates an account with its pool; answers its id."""
    rows = connection.fetch(
        "INSERT INTO account (name, purchase_type, status, created_ms)"
        " VALUES (:name, :purchase_type, 'active', :now) RETURNING id",
        {"name": name, "purchase_type": purchase_type.value, "now": now_ms},
    )
    account_id: int = rows[0][0]
    connection.execute(
        "INSERT INTO license_pool VALUES (:id, :total, 0, 0, 0, 0, 0, :now, :now)",
        {"id": account_id, "total": total, "now": now_ms},
    )
    record_subscription(connection, account_id=account_id, total=total, purchase_type=purchase_type, now_ms=now_ms)
    _record_day(connection, [(account_id, 0, 0)], now_ms)
    return account_id


_POOL_NUMBERS = "total, used, notice, entries, changes, candidates, candidates_updated_ms, subscription_updated_ms"


def record_pools(connection: Connection, pools: Sequence[Pool], now_ms: int) -> None:
    """Writes the pools' numbers; the schema's constraint has the last word on them."""
    connection.update_rows("license_pool", "account_id", _POOL_NUMBERS, [pool.row for pool in pools])
    _record_day(connection, [(pool.account_id, pool.used, pool.notice) for pool in pools], now_ms)


def _record_day(connection: Connection, pools: Sequence[Row], now_ms: int) -> None:
    """Keeps what was used, and under notice, at the end of each day on which a pool changed: (account id, both)."""
    connection.insert(
        "pool_day",
        "account_id, day, used, notice",
        [(account_id, now_ms // DAY_MS, used, notice) for account_id, used, notice in pools],
        "ON CONFLICT (account_id, day) DO UPDATE SET used = excluded.used, notice = excluded.notice",
    )


def record_purchase_type(connection: Connection, account_id: int, purchase_type: PurchaseType) -> None:
    connection.execute(
        "UPDATE account SET purchase_type = :purchase_type WHERE id = :id",
        {"purchase_type": purchase_type.value, "id": account_id},
    )


def record_status(connection: Connection, account_id: int, status: AccountStatus) -> None:
    connection.execute("UPDATE account SET status = :status WHERE id = :id", {"status": status.value, "id": account_id})


def read_account_totals(connection: Connection) -> tuple[int, int, int, int]:
    """Over all accounts: their number, licenses in all, used, under notice."""
    row = connection.fetch(
        "SELECT count(*), coalesce(sum(total), 0), coalesce(sum(used), 0), coalesce(sum(notice), 0) FROM license_pool"
    )[0]
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])
