"""The operation that copies an account, which only the emulator has."""

from __future__ import annotations

import msgspec

from fotapool.operator_api.accounts.accounts import AccountName, AccountView, account_view
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.accounts import copies
from fotapool.web.operations import Operation


class NewCopy(msgspec.Struct, forbid_unknown_fields=True):
    """The copy's name, and whether users of the original may use the copy."""

    name: AccountName
    users: bool = False


async def copy_account(call: OperatorCall, given: NewCopy) -> AccountView:
    """Copy an account under another name, with its devices and licenses."""
    account = await copies.copy_account(call.context, await call.caller(), given.name, given.users)
    return account_view(account, call.context.clock.now_ms())


OPERATIONS = (Operation("POST", "/accounts/{name}/copies", copy_account, status=201),)
