"""Accounts and their license pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import AccountStatus, PurchaseType
from fotapool.store.accounts.pool_levels import record_levels
from fotapool.store.billing import record_subscription
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, fetch_all, fetch_one, fetch_value, field_names

ACCOUNTS = "account a JOIN license_pool p ON p.account_id = a.id"


class Account(NamedTuple):
    """An account with the numbers of its pool. Times in ms."""

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
    display_name: str
    notes: str

    @property
    def free(self) -> int:
        """Licenses that can be assigned; 0 while licenses under notice exceed the total."""
        return max(0, self.total - self.used)


ACCOUNT_COLUMNS = columns(Account)
account_of = converting(Account, purchase_type=PurchaseType, status=AccountStatus)
"""Builds an Account from a row of ACCOUNT_COLUMNS."""
_SELECT = f"SELECT {ACCOUNT_COLUMNS} FROM {ACCOUNTS}"


def read_account(connection: Connection, name: str) -> Account | None:
    return fetch_one(connection, account_of, f"{_SELECT} WHERE a.name = :name", name=name)


def read_account_by_id(connection: Connection, account_id: int) -> Account | None:
    return fetch_one(connection, account_of, f"{_SELECT} WHERE a.id = :id", id=account_id)


def read_accounts(connection: Connection, after: str, limit: int) -> list[Account]:
    """Accounts by name, after the given name."""
    sql = f"{_SELECT} WHERE a.name > :after ORDER BY a.name LIMIT :limit"
    return fetch_all(connection, account_of, sql, after=after, limit=limit)


def record_account(connection: Connection, name: str, purchase_type: PurchaseType, total: int, now_ms: int) -> int:
    """Creates an account with its pool. Returns its id."""
    account_id: int = fetch_value(
        connection,
        "INSERT INTO account (name, purchase_type, status, created_ms)"
        " VALUES (:name, :purchase_type, :status, :now) RETURNING id",
        name=name,
        purchase_type=purchase_type.value,
        status=AccountStatus.ACTIVE.value,
        now=now_ms,
    )
    pool = Pool(*(account_id, total, 0, 0, 0, 0, 0, now_ms, now_ms))
    connection.insert("license_pool", f"account_id, {_POOL_NUMBERS}", [pool.row])
    record_subscription(connection, account_id=account_id, total=total, purchase_type=purchase_type, now_ms=now_ms)
    record_levels(connection, [pool], now_ms)
    return account_id


_POOL_NUMBERS = ", ".join(field_names(Pool)[1:])


def record_pools(connection: Connection, pools: Sequence[Pool], now_ms: int) -> None:
    """Writes the pools' numbers; a constraint of the schema checks them again."""
    connection.update_rows("license_pool", "account_id", _POOL_NUMBERS, [pool.row for pool in pools])
    record_levels(connection, pools, now_ms)


def record_purchase_type(connection: Connection, account_id: int, purchase_type: PurchaseType) -> None:
    connection.update_rows("account", "id", "purchase_type", [(account_id, purchase_type.value)])


def record_description(connection: Connection, account_id: int, display_name: str, notes: str) -> None:
    connection.update_rows("account", "id", "display_name, notes", [(account_id, display_name, notes)])


def record_status(connection: Connection, account_id: int, status: AccountStatus) -> None:
    connection.update_rows("account", "id", "status", [(account_id, status.value)])
