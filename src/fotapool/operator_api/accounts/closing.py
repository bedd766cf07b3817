"""The operation that closes an account."""

from __future__ import annotations

import msgspec

from fotapool.domain.accounts.closing import Holdings
from fotapool.domain.identity import Role
from fotapool.operator_api.accounts.accounts import PREVIEW
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts import closing
from fotapool.web.operations import Operation


class Closure(msgspec.Struct):
    """What the account held. Upgrades in progress complete; the licenses of their devices end at `noticeUntil`,
    or when the upgrade ends if that is later."""

    account: str
    preview: bool
    campaignsEnded: int
    upgradesInProgress: int
    licensesEnded: int
    licensesUnderNotice: int
    noticeUntil: str | None


async def close_account(call: OperatorCall) -> Closure:
    """Close an account for good, or preview what that would end.

    Its subscription is reduced to 0 and its campaigns are canceled, by the rules of both. The documented API answers
    its users as for a suspended account. Its records stay readable. It cannot be opened again.
    """
    if call.get(PREVIEW):
        call.context.audit.reads_only()
        return _closure(call, await closing.preview_closing(call.context, await call.caller()), True)
    return _closure(call, await closing.close_account(call.context, await call.caller()), False)


def _closure(call: OperatorCall, holdings: Holdings, preview: bool) -> Closure:
    return Closure(
        account=call.account_name,
        preview=preview,
        campaignsEnded=holdings.campaigns,
        upgradesInProgress=holdings.upgrades_in_progress,
        licensesEnded=holdings.licenses_ended,
        licensesUnderNotice=holdings.licenses_under_notice,
        noticeUntil=time_or_none(holdings.notice_until_ms),
    )


OPERATIONS = (Operation("POST", "/accounts/{name}/closure", close_account, parameters=[PREVIEW], role=Role.ADMIN),)
