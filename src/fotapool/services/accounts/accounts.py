"""Accounts, for operators: create, list, read, describe, suspend. For users: the subscription of their account."""

from __future__ import annotations

from collections.abc import Collection

from fotapool.domain.accounts.descriptions import clean_display_name, clean_notes
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
    record_description,
    record_status,
)
from fotapool.store.db.connection import Connection
from fotapool.store.identity.sessions import record_auth_epoch


def check_account_name(name: str) -> None:
    """Raises Invalid for a malformed account name."""
    if not is_account_name(name):
        raise Invalid("name must be 1 to 64 letters, digits, '-', '_' or '.', as in 0242078689-00001")


def check_name_is_free(connection: Connection, name: str) -> None:
    """Raises Conflict if an account has the name."""
    if read_account(connection, name) is not None:
        raise Conflict(f"account {name} exists already")


async def create_account(context: Context, name: str, purchase_type: PurchaseType, total: int) -> Account:
    """Creates an account with an empty pool. Raises Invalid or Conflict."""
    context.audit.about("account", name)
    check_account_name(name)
    check_total(purchase_type, total)

    def create(connection: Connection, now_ms: int) -> Account:
        check_name_is_free(connection, name)
        record_account(connection, name=name, purchase_type=purchase_type, total=total, now_ms=now_ms)
        created = {"purchaseType": purchase_type.value, "licenseCount": total, "status": AccountStatus.ACTIVE.value}
        context.audit.record(connection, now_ms, after=created)
        return require_account(connection, name)

    return await context.writer.submit(DirectCommand(create))


def require_account(connection: Connection, name: str) -> Account:
    """The account of this name. Raises NotFound."""
    account = read_account(connection, name) if is_account_name(name) else None
    if account is None:
        raise NotFound(f"account {name[:100]} does not exist")
    return account


def check_not_closed(account: Account) -> None:
    """Raises Conflict if the account is closed."""
    if account.status is AccountStatus.CLOSED:
        raise Conflict(f"account {account.name} is closed: it cannot be changed or opened again")


def check_open(connection: Connection, account_id: int) -> None:
    """Raises Conflict if the account is closed, within the transaction of a change that a closed one does not take."""
    account = read_account_by_id(connection, account_id)
    if account is not None:
        check_not_closed(account)


async def get_account(context: Context, name: str) -> Account:
    """The account of this name. Raises NotFound."""
    return await context.reader.short(require_account, name)


async def name_accounts(context: Context, ids: Collection[int]) -> dict[int, str]:
    """Account names by id, of the first OPERATOR_PAGE ids; accounts that no longer exist are left out."""

    def read(connection: Connection) -> dict[int, str]:
        found = (read_account_by_id(connection, account_id) for account_id in sorted(ids)[:OPERATOR_PAGE])
        return {account.id: account.name for account in found if account is not None}

    return await context.reader.short(read) if ids else {}


async def list_accounts(context: Context, after: str, limit: int) -> list[Account]:
    """Accounts by name, after the given one."""
    return await context.reader.short(read_accounts, after, min(limit, OPERATOR_PAGE + 1))


async def set_account_status(context: Context, name: str, status: AccountStatus) -> Account:
    """Suspends or activates an account. Raises NotFound, and Conflict if it is closed."""

    def change(connection: Connection, now_ms: int) -> Account:
        before = require_account(connection, name)
        check_not_closed(before)
        record_status(connection, before.id, status)
        record_auth_epoch(connection)
        context.audit.record(connection, now_ms, {"status": before.status.value}, {"status": status.value})
        return require_account(connection, name)

    return await context.writer.submit(DirectCommand(change))


async def describe_account(
    context: Context, name: str, display_name: str | None = None, notes: str | None = None
) -> Account:
    """Sets the account's display name and notes; None leaves one as it is. Raises Invalid or NotFound."""
    new_name = None if display_name is None else clean_display_name(display_name)
    new_notes = None if notes is None else clean_notes(notes)

    def change(connection: Connection, now_ms: int) -> Account:
        before = require_account(connection, name)
        after = before._replace(
            display_name=before.display_name if new_name is None else new_name,
            notes=before.notes if new_notes is None else new_notes,
        )
        record_description(connection, before.id, after.display_name, after.notes)
        context.audit.record(connection, now_ms, *(_description(account) for account in (before, after)))
        return after

    return await context.writer.submit(DirectCommand(change))


def _description(account: Account) -> dict[str, str]:
    return {"displayName": account.display_name, "notes": account.notes}


async def read_subscription(context: Context, caller: Caller) -> Account:
    """The caller's account with its subscription. Raises NotFound if it was deleted since the caller was checked."""
    account = await context.reader.short(read_account_by_id, caller.account_id)
    if account is None:
        raise NotFound(f"account {caller.account_name} does not exist")
    return account
