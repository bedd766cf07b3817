"""Operations on scheduled changes of subscriptions: schedule, list, read, preview, edit, cancel."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, ClassVar

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts.scheduled_changes import (
    MAX_AHEAD_DAYS,
    NEXT_BILLING_MONTH,
    FailureCode,
    ScheduledChange,
    ScheduledState,
)
from fotapool.operator_api.accounts.accounts import (
    NO_LICENSES_FOR_EVENTS_ONLY,
    LicenseCount,
    PurchaseTypeText,
    SubscriptionChange,
    change_view,
    parse_purchase_type,
)
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts import scheduled_changes as service
from fotapool.services.accounts.scheduled_changes import Plan
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NUMBER, PAGE_BY_NUMBER, choice_parameter, id_in_path

ID = id_in_path("id", "scheduled change")
STATE = choice_parameter("state", "only changes in this state", {state.value: state for state in ScheduledState})
DueTime = Annotated[
    str,
    msgspec.Meta(
        description=f"in the future and at most {MAX_AHEAD_DAYS} days ahead; or `{NEXT_BILLING_MONTH}`",
        examples=[NEXT_BILLING_MONTH],
        extra_json_schema={"anyOf": [{"format": "date-time"}, {"const": NEXT_BILLING_MONTH}]},
    ),
]
StateText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [state.value for state in ScheduledState]})]
FailureText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [code.value for code in FailureCode]})]


class NewScheduledChange(msgspec.Struct, forbid_unknown_fields=True):
    """When, and `licenseCount`, `purchaseType` or both. What is missing stays as it is at that time."""

    json_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [{"required": ["licenseCount"]}, {"required": ["purchaseType"]}],
        **NO_LICENSES_FOR_EVENTS_ONLY,
    }

    dueTime: DueTime
    licenseCount: LicenseCount | msgspec.UnsetType = msgspec.UNSET
    purchaseType: PurchaseTypeText | msgspec.UnsetType = msgspec.UNSET


class EditedScheduledChange(msgspec.Struct, forbid_unknown_fields=True):
    """At least one member. What is missing is not edited."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1, **NO_LICENSES_FOR_EVENTS_ONLY}

    dueTime: DueTime | msgspec.UnsetType = msgspec.UNSET
    licenseCount: LicenseCount | msgspec.UnsetType = msgspec.UNSET
    purchaseType: PurchaseTypeText | msgspec.UnsetType = msgspec.UNSET


class ScheduledChangeView(msgspec.Struct):
    """A change of a subscription at `dueTime`.

    `change` is the number of the ledger's change once it is `done`. `failure` and `reason` say why it has `failed`.
    `operator` and `requestId` are those of who scheduled it or edited it last.
    """

    id: int
    account: str
    state: StateText
    dueTime: str
    licenseCount: int | None
    purchaseType: str | None
    operator: str
    requestId: str
    createTime: str
    updateTime: str
    endTime: str | None
    change: int | None
    failure: FailureText | None
    reason: str


class ScheduledChangeList(msgspec.Struct):
    scheduledChanges: list[ScheduledChangeView]
    hasMoreData: bool


def _view(account: str, change: ScheduledChange) -> ScheduledChangeView:
    return ScheduledChangeView(
        id=change.id,
        account=account,
        state=change.state.value,
        dueTime=format_timestamp(change.due_ms),
        licenseCount=change.total,
        purchaseType=change.purchase_type and change.purchase_type.value,
        operator=change.operator,
        requestId=change.request_id,
        createTime=format_timestamp(change.created_ms),
        updateTime=format_timestamp(change.updated_ms),
        endTime=time_or_none(change.ended_ms),
        change=change.change_number,
        failure=change.failure and change.failure.value,
        reason=change.reason,
    )


def _plan(given: NewScheduledChange | EditedScheduledChange) -> Plan:
    return Plan(
        due=None if given.dueTime is msgspec.UNSET else given.dueTime,
        total=None if given.licenseCount is msgspec.UNSET else given.licenseCount,
        purchase_type=None if given.purchaseType is msgspec.UNSET else parse_purchase_type(given.purchaseType),
    )


async def schedule_subscription_change(call: OperatorCall, given: NewScheduledChange) -> ScheduledChangeView:
    """Schedule a change of the subscription.

    It is carried out once, at `dueTime`, by the rules of a change at that time. 409 if another change is due then, or
    20 are scheduled. Preview it with `PUT …/subscription?preview=true` or after it is scheduled.
    """
    return _view(call.account_name, await service.schedule_change(call.context, await call.caller(), _plan(given)))


async def list_scheduled_changes(call: OperatorCall) -> ScheduledChangeList:
    """List the account's scheduled changes, of one state or all."""
    return await _list(call, call.account_name)


async def list_all_scheduled_changes(call: OperatorCall) -> ScheduledChangeList:
    """List the scheduled changes of all accounts, of one state or all."""
    return await _list(call, None)


async def _list(call: OperatorCall, account: str | None) -> ScheduledChangeList:
    found = await service.list_changes(
        call.context, account, call.find(STATE), after=call.get(AFTER_NUMBER), limit=call.read_limit
    )
    rows, more = call.page(found)
    return ScheduledChangeList([_view(*row) for row in rows], more)


async def read_scheduled_change(call: OperatorCall) -> ScheduledChangeView:
    """Read a scheduled change."""
    change = await service.get_change(call.context, await call.caller(), call.get(ID))
    return _view(call.account_name, change)


async def preview_scheduled_change(call: OperatorCall) -> SubscriptionChange:
    """Preview what a scheduled change would do if it were carried out now.

    409 if it is not scheduled any more, or the account is suspended.
    """
    caller = await call.caller()
    change = await service.get_change(call.context, caller, call.get(ID))
    return await asyncio.to_thread(change_view, await service.preview_now(call.context, caller, change), True)


async def edit_scheduled_change(call: OperatorCall, given: EditedScheduledChange) -> ScheduledChangeView:
    """Edit a scheduled change. 409 if it is done, has failed or was canceled."""
    change = await service.edit_change(call.context, await call.caller(), call.get(ID), _plan(given))
    return _view(call.account_name, change)


async def cancel_scheduled_change(call: OperatorCall) -> ScheduledChangeView:
    """Cancel a scheduled change. 409 if it is done, has failed or was canceled."""
    return _view(call.account_name, await service.cancel_change(call.context, await call.caller(), call.get(ID)))


_PATH = "/accounts/{name}/subscription/scheduled-changes"
_LIST = (STATE, *PAGE_BY_NUMBER)
OPERATIONS = (
    Operation("POST", _PATH, schedule_subscription_change, status=201),
    Operation("GET", _PATH, list_scheduled_changes, parameters=_LIST),
    Operation("GET", _PATH + "/{id}", read_scheduled_change, parameters=[ID]),
    Operation("PUT", _PATH + "/{id}", edit_scheduled_change, parameters=[ID]),
    Operation("DELETE", _PATH + "/{id}", cancel_scheduled_change, parameters=[ID]),
    Operation("GET", _PATH + "/{id}/preview", preview_scheduled_change, parameters=[ID]),
    Operation("GET", "/scheduled-changes", list_all_scheduled_changes, parameters=_LIST),
)
