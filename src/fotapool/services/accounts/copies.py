"""Copies of accounts under another name, with their own devices and licenses; for the emulator."""

from __future__ import annotations

from fotapool.domain.errors import Conflict
from fotapool.services.accounts.accounts import check_account_name, check_name_is_free, check_open
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.identity.users import MAX_ACCOUNTS
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.accounts.copies import has_more_devices, read_users_with_most, record_access_copied, record_copy
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import MAX_INLINE_DEVICES


async def copy_account(context: Context, caller: Caller, name: str, users: bool) -> Account:
    """Copies the caller's account: subscription, devices, licenses, candidates, fleets; with `users`, its users too.

    Campaigns, upgrades, listeners, device keys, files and logs are not copied. The copy's devices keep their IMEIs,
    which otherwise belong to one account only. Raises Invalid or Conflict.
    """
    context.audit.about("account", name)
    check_account_name(name)

    def copy(connection: Connection, now_ms: int) -> Account | None:
        check_open(connection, caller.account_id)
        check_name_is_free(connection, name)
        full = read_users_with_most(connection, caller.account_id, MAX_ACCOUNTS) if users else []
        if full:
            raise Conflict(f"user {full[0]} has {MAX_ACCOUNTS} accounts already; leave out users, and create one")
        pool = connection.lock_pools([caller.account_id])[1][0]
        cause = caller.cause("copy account", of=caller.account_name)
        account_id = record_copy(
            connection, source=caller.account_id, used=pool[2], name=name, cause=cause, now_ms=now_ms
        )
        if users:
            record_access_copied(connection, caller.account_id, account_id)
        context.audit.record(connection, now_ms, after={"copyOf": caller.account_name, "users": users})
        return read_account_by_id(connection, account_id)

    is_large = await context.reader.short(has_more_devices, caller.account_id, MAX_INLINE_DEVICES)
    account = await context.writer.submit(DirectCommand(copy, caller=caller, inline=not is_large))
    if account is None:
        raise Conflict(f"account {caller.account_name} is gone")
    return account
