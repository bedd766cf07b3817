"""Accounts as the operator sees them: create, list, read, suspend; and an account's own subscription page."""

from __future__ import annotations

from collections.abc import Collection

from fotapool.domain.accounts.subscriptions import check_total
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.names import AccountStatus, PurchaseType, is_account_name
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.store.accounts.accounts import (
    Account,
    read_account,
    read_account_by_id,
    read_accounts,
    record_account,
    record_status,
)
from fotapool.store.db.connection import Connection
from fotapool.store.identity.sessions import record_auth_epoch


async def create_account(context: Context, name: str, purchase_type: PurchaseType, total: int) -> Account:
    """Creates an account with an empty pool. Raises Invalid or Conflict."""
    if not is_account_name(name):
        raise Invalid("name must be 1 to 64 letters, digits, '-', '_' or '.', as in 0242078689-00001")
    check_total(purchase_type, total)

    def create(connection: Connection, now_ms: int) -> Account:
        if read_account(connection, name) is not None:
            raise Conflict(f"account {name} exists already")
        record_account(connection, name=name, purchase_type=purchase_type, total=total, now_ms=now_ms)
        return _existing(read_account(connection, name), name)

    return await context.writer.submit(DirectCommand(create))


def _existing(account: Account | None, name: str) -> Account:
    if account is None:
        raise NotFound(f"account {name} does not exist")
    return account


async def get_account(context: Context, name: str) -> Account:
    """Raises NotFound."""
    if not is_account_name(name):
        raise NotFound(f"account {name[:100]} does not exist")
    return _existing(await context.reader.short(read_account, name), name)


async def name_accounts(context: Context, ids: Collection[int]) -> dict[int, str]:
    """The names of the first OPERATOR_PAGE of these accounts; those that are gone are left out."""

    def read(connection: Connection) -> dict[int, str]:
        found = (read_account_by_id(connection, account_id) for account_id in sorted(ids)[:OPERATOR_PAGE])
        return {account.id: account.name for account in found if account is not None}

    return await context.reader.short(read) if ids else {}


async def list_accounts(context: Context, after: str, limit: int) -> list[Account]:
    """Accounts by name, after the given one."""
    return await context.reader.short(read_accounts, after, min(limit, OPERATOR_PAGE + 1))


async def set_account_status(context: Context, name: str, status: AccountStatus) -> Account:
    """Suspends an account or makes it active again. Raises NotFound."""

    def change(connection: Connection, now_ms: int) -> Account:
        account = _existing(read_account(connection, name) if is_account_name(name) else None, name)
        record_status(connection, account.id, status)
        record_auth_epoch(connection)
        return _existing(read_account(connection, name), name)

    return await context.writer.submit(DirectCommand(change))


async def read_subscription(context: Context, caller: Caller) -> Account:
    """The account with its subscription. Raises NotFound if it is gone since the caller was checked."""
    return _existing(await context.reader.short(read_account_by_id, caller.account_id), caller.account_name)
