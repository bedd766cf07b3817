"""Copies of accounts under another name, with devices and licenses of their own; for the emulator."""

from __future__ import annotations

from fotapool.domain.errors import Conflict, Invalid
from fotapool.domain.names import is_account_name
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.identity.credentials import MAX_ACCOUNTS
from fotapool.store.accounts.accounts import Account, read_account, read_account_by_id
from fotapool.store.accounts.copies import has_more_devices, read_users_with_most, record_access_copied, record_copy
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import MAX_INLINE_DEVICES


async def copy_account(context: Context, caller: Caller, name: str, users: bool) -> Account:
    """Copies the caller's account: subscription, devices, licenses, candidates, fleets; and who may use it.

    Not copied is what is under way or leads outside: campaigns and their upgrades, listeners, device keys, files, logs.
    The copy's devices have the IMEIs of the original's, which no other account could have. Raises Invalid or Conflict.
    """
    if not is_account_name(name):
        raise Invalid("name must be 1 to 64 letters, digits, '-', '_' or '.', as in 0242078689-00001")

    def copy(connection: Connection, now_ms: int) -> Account | None:
        if read_account(connection, name) is not None:
            raise Conflict(f"account {name} exists already")
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
        return read_account_by_id(connection, account_id)

    command = DirectCommand(copy, (caller.account_id,))
    if await context.reader.short(has_more_devices, caller.account_id, MAX_INLINE_DEVICES):
        command.devices = MAX_INLINE_DEVICES + 1
    account = await context.writer.submit(command)
    if account is None:
        raise Conflict(f"account {caller.account_name} is gone")
    return account
