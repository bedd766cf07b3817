"""The operation that copies an account, which only the emulator has."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.operator_api.accounts.accounts import AccountName, AccountView, account_view
from fotapool.operator_api.requests import Only, OperatorCall, OperatorOperation, answer
from fotapool.services.accounts.copies import copy_account


class NewCopy(msgspec.Struct, forbid_unknown_fields=True):
    """The copy's name, and whether the users of the original may use it too."""

    name: AccountName
    users: bool = False


async def create_copy(call: OperatorCall) -> Response:
    given = await call.body(NewCopy)
    account = await copy_account(call.context, await call.caller(), given.name, given.users)
    return answer(account_view(account, call.context.clock.now_ms()), 201)


OPERATIONS = (
    OperatorOperation(
        name="copy_account",
        method="POST",
        path="/accounts/{name}/copies",
        handle=create_copy,
        summary="Copy an account under another name, with its devices and licenses",
        response=AccountView,
        status=201,
        request=NewCopy,
        only=Only.EMULATE,
    ),
)
