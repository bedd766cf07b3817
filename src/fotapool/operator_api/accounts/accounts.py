"""Operations on accounts: create, list, read, describe, subscription, status."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, ClassVar

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts import subscriptions as domain
from fotapool.domain.accounts.descriptions import MAX_DISPLAY_NAME, MAX_NOTES
from fotapool.domain.accounts.subscriptions import MAX_LICENSES
from fotapool.domain.billing import next_billing_month_ms
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import ACCOUNT_NAME_PATTERN, AccountStatus, PurchaseType, format_device_id
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.accounts import accounts, subscriptions
from fotapool.services.accounts.subscriptions import PreviewOutdated
from fotapool.store.accounts.accounts import Account
from fotapool.web.endpoint import json_response
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NAME, PAGE_BY_NAME, flag_parameter, if_match_parameter
from fotapool.web.problems import problem

PREVIEW = flag_parameter("preview", "true changes nothing")
IF_MATCH = if_match_parameter("the `ETag` of a preview: change only what it showed, or answer 412")
PURCHASE_TYPES = [*(member.value for member in PurchaseType), "TS-HFOTA-MRC,TS-HFOTA-EVNT"]
PurchaseTypeText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": PURCHASE_TYPES})]
LicenseCount = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": MAX_LICENSES})]
AccountName = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": f"^{ACCOUNT_NAME_PATTERN}$"}, examples=["0242078689-00002"])
]
DisplayName = Annotated[
    str, msgspec.Meta(extra_json_schema={"maxLength": MAX_DISPLAY_NAME}, examples=["Heart of Gold"])
]
Notes = Annotated[
    str, msgspec.Meta(extra_json_schema={"maxLength": MAX_NOTES}, examples=["Contract 42. Contact: fleet desk."])
]
SETTABLE = {status.value: status for status in (AccountStatus.ACTIVE, AccountStatus.SUSPENDED)}
"""Closing is an operation of its own."""
StatusText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(SETTABLE)})]
NO_LICENSES_FOR_EVENTS_ONLY = {
    "if": {"properties": {"purchaseType": {"const": PurchaseType.EVENT.value}}, "required": ["purchaseType"]},
    "then": {"properties": {"licenseCount": {"const": 0}}},
}


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    json_schema: ClassVar[dict[str, Any]] = NO_LICENSES_FOR_EVENTS_ONLY

    name: AccountName
    purchaseType: PurchaseTypeText = "TS-HFOTA-MRC"
    licenseCount: LicenseCount = 0


class AccountView(msgspec.Struct):
    """An account with its pool: total, used, free, under notice, and when the next billing month begins."""

    name: str
    displayName: str
    notes: str
    purchaseType: str
    status: str
    licenseCount: int
    licenseUsedCount: int
    free: int
    underNotice: int
    candidates: int
    createTime: str
    updateTime: str
    nextBillingMonth: str


class AccountList(msgspec.Struct):
    accounts: list[AccountView]
    hasMoreData: bool


class NewSubscription(msgspec.Struct, forbid_unknown_fields=True):
    """At least one member. `licenseCount` is 0 if the account has event billing only."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1, **NO_LICENSES_FOR_EVENTS_ONLY}

    licenseCount: LicenseCount | msgspec.UnsetType = msgspec.UNSET
    purchaseType: PurchaseTypeText | msgspec.UnsetType = msgspec.UNSET


class Reason(msgspec.Struct):
    deviceId: str
    what: str
    why: str
    place: int


class SubscriptionChange(msgspec.Struct):
    """Devices that lose their license, are put under notice or have their upgrade canceled; `reasons` of each.

    `mark` changes when the change would have another effect on any device.
    """

    licenseCount: int
    preview: bool
    need: int
    reclaimed: list[str]
    notice: list[str]
    canceledUpgrades: list[str]
    withdrawnNotices: list[str]
    noticeUntil: str | None
    mark: str
    reasons: list[Reason]


class NewDescription(msgspec.Struct, forbid_unknown_fields=True):
    """Members that are missing stay as they are; an empty text deletes one."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}

    displayName: DisplayName | msgspec.UnsetType = msgspec.UNSET
    notes: Notes | msgspec.UnsetType = msgspec.UNSET


class NewStatus(msgspec.Struct, forbid_unknown_fields=True):
    status: StatusText


def parse_purchase_type(text: str) -> PurchaseType:
    """The purchase type of a body. Raises Invalid."""
    try:
        return PurchaseType.parse(text)
    except ValueError as error:
        raise Invalid(str(error)) from error


def account_view(account: Account, now_ms: int) -> AccountView:
    """The account as the operator API returns it; `now_ms` decides the next billing month."""
    return AccountView(
        name=account.name,
        displayName=account.display_name,
        notes=account.notes,
        purchaseType=account.purchase_type.value,
        status=account.status.value,
        licenseCount=account.total,
        licenseUsedCount=account.used,
        free=account.free,
        underNotice=account.notice,
        candidates=account.candidates,
        createTime=format_timestamp(account.created_ms),
        updateTime=format_timestamp(account.subscription_updated_ms),
        nextBillingMonth=format_timestamp(next_billing_month_ms(now_ms)),
    )


async def create_account(call: OperatorCall, given: NewAccount) -> AccountView:
    """Create an account."""
    purchase_type = parse_purchase_type(given.purchaseType)
    account = await accounts.create_account(call.context, given.name, purchase_type, given.licenseCount)
    return account_view(account, call.context.clock.now_ms())


async def list_accounts(call: OperatorCall) -> AccountList:
    """List accounts by name."""
    found, more = call.page(await accounts.list_accounts(call.context, call.get(AFTER_NAME), call.read_limit))
    now_ms = call.context.clock.now_ms()
    return AccountList([account_view(account, now_ms) for account in found], more)


async def read_account(call: OperatorCall) -> AccountView:
    """Read an account's pool and status."""
    account = await accounts.get_account(call.context, call.account_name)
    return account_view(account, call.context.clock.now_ms())


async def change_subscription(call: OperatorCall, given: NewSubscription) -> Response:
    """Change the number of licenses or the purchase type, or preview what that would do.

    A preview has its mark as `ETag` too. With it as `If-Match`, an outdated preview is a 412 with the new one.
    """
    preview = call.get(PREVIEW)
    if preview:
        call.context.audit.reads_only()
    total = None if given.licenseCount is msgspec.UNSET else given.licenseCount
    purchase_type = None if given.purchaseType is msgspec.UNSET else parse_purchase_type(given.purchaseType)
    if total is None and purchase_type is None:
        raise Invalid("the body must have licenseCount, purchaseType or both")
    marks, caller = call.find(IF_MATCH), await call.caller()
    try:
        change = subscriptions.preview_change if preview else subscriptions.change_subscription
        found = await change(call.context, caller=caller, total=total, purchase_type=purchase_type, marks=marks)
    except PreviewOutdated as outdated:
        return await asyncio.to_thread(_response, outdated.change, True, str(outdated))
    return await asyncio.to_thread(_response, found, preview)


def _response(change: domain.SubscriptionChange, preview: bool, outdated: str = "") -> Response:
    """The response; a preview has its mark as ETag. `outdated` is the detail of a 412."""
    result = change_view(change, preview)
    headers = {"ETag": f'"{result.mark}"'} if preview else None
    return problem(412, outdated, headers, result) if outdated else json_response(result, headers=headers)


def change_view(change: domain.SubscriptionChange, preview: bool) -> SubscriptionChange:
    """The change as the operator API returns it."""
    decision = change.decision

    def devices_of(*kinds: EntryKind) -> list[str]:
        return [format_device_id(device) for device in decision.devices(*kinds)]

    notice = devices_of(EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST)
    return SubscriptionChange(
        licenseCount=decision.total,
        preview=preview,
        need=decision.need,
        reclaimed=devices_of(EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST),
        notice=notice,
        canceledUpgrades=[format_device_id(device) for device in decision.canceled_upgrades],
        withdrawnNotices=devices_of(EntryKind.NOTICE_WITHDRAWN),
        noticeUntil=format_timestamp(decision.notice_until_ms) if notice else None,
        mark=change.mark,
        reasons=[
            Reason(format_device_id(entry.device), entry.kind.what, entry.kind.why, place)
            for place, entry in enumerate(decision.entries, start=1)
        ],
    )


async def describe_account(call: OperatorCall, given: NewDescription) -> AccountView:
    """Change an account's display name or notes."""
    display_name = None if given.displayName is msgspec.UNSET else given.displayName
    notes = None if given.notes is msgspec.UNSET else given.notes
    if display_name is None and notes is None:
        raise Invalid("the body must have displayName, notes or both")
    account = await accounts.describe_account(call.context, call.account_name, display_name, notes)
    return account_view(account, call.context.clock.now_ms())


async def set_status(call: OperatorCall, given: NewStatus) -> AccountView:
    """Suspend an account, or make it active again."""
    if given.status not in SETTABLE:
        raise Invalid("status must be active or suspended")
    account = await accounts.set_account_status(call.context, call.account_name, SETTABLE[given.status])
    return account_view(account, call.context.clock.now_ms())


_PATH = "/accounts/{name}"
OPERATIONS = (
    Operation("POST", "/accounts", create_account, status=201),
    Operation("GET", "/accounts", list_accounts, parameters=PAGE_BY_NAME),
    Operation("GET", _PATH, read_account),
    Operation("PATCH", _PATH, describe_account),
    Operation(
        "PUT",
        _PATH + "/subscription",
        change_subscription,
        parameters=[PREVIEW, IF_MATCH],
        answers=SubscriptionChange,
        other_statuses={412: "The preview is outdated; `result` is the new one"},
    ),
    Operation("PUT", _PATH + "/status", set_status),
)
