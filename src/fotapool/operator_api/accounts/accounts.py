"""Operations on accounts: create, list, read, subscription, status, upgrades, ledger, audit."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.accounts.subscriptions import MAX_LICENSES, SubscriptionDecision
from fotapool.domain.billing import next_billing_month_ms
from fotapool.domain.campaigns.upgrades import STATUS_OF_WORD, UpgradeStatus
from fotapool.domain.devices.devices import reachability
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS, LicenseState
from fotapool.domain.names import ACCOUNT_NAME_PATTERN, AccountStatus, PurchaseType, format_device_id, is_device_id
from fotapool.operator_api.requests import MAX_CURSOR, OperatorCall, OperatorOperation, answer
from fotapool.services.accounts import accounts, subscriptions
from fotapool.services.campaigns import upgrades
from fotapool.services.devices import devices
from fotapool.store.accounts.accounts import Account
from fotapool.store.devices.devices import OperatorDeviceRow

BEFORE_ALL = -1
"""The cursor before the first device, whose IMEI may be 0."""
PURCHASE_TYPES = [*(member.value for member in PurchaseType), "TS-HFOTA-MRC,TS-HFOTA-EVNT"]
PurchaseTypeText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": PURCHASE_TYPES})]
LicenseCount = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": MAX_LICENSES})]
AccountName = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": f"^{ACCOUNT_NAME_PATTERN}$"}, examples=["0242078689-00002"])
]
StatusWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [status.value for status in AccountStatus]})]
UpgradeWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATUS_OF_WORD)})]
_NO_LICENSES_FOR_EVENTS_ONLY = {
    "if": {"properties": {"purchaseType": {"const": PurchaseType.EVENT.value}}, "required": ["purchaseType"]},
    "then": {"properties": {"licenseCount": {"const": 0}}},
}


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    json_schema: ClassVar[dict[str, Any]] = _NO_LICENSES_FOR_EVENTS_ONLY

    name: AccountName
    purchaseType: PurchaseTypeText = "TS-HFOTA-MRC"
    licenseCount: LicenseCount = 0


class AccountView(msgspec.Struct):
    """An account with its pool: total, used, free, under notice, and when the next billing month begins."""

    name: str
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
    """One of the two, or both. The count is 0 where the account has event billing only."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1, **_NO_LICENSES_FOR_EVENTS_ONLY}

    licenseCount: LicenseCount | msgspec.UnsetType = msgspec.UNSET
    purchaseType: PurchaseTypeText | msgspec.UnsetType = msgspec.UNSET


class Reason(msgspec.Struct):
    deviceId: str
    what: str
    why: str
    place: int


class SubscriptionChange(msgspec.Struct):
    """Who loses a license, who is put under notice, whose upgrade is canceled; `reasons` has every device's."""

    licenseCount: int
    preview: bool
    need: int
    reclaimed: list[str]
    notice: list[str]
    canceledUpgrades: list[str]
    withdrawnNotices: list[str]
    noticeUntil: str | None
    reasons: list[Reason]


class NewStatus(msgspec.Struct, forbid_unknown_fields=True):
    status: StatusWord


class NewUpgrade(msgspec.Struct, forbid_unknown_fields=True):
    status: UpgradeWord


class UpgradeView(msgspec.Struct):
    deviceId: str
    status: str


class DeviceView(msgspec.Struct):
    deviceId: str
    make: str
    model: str
    firmware: str
    protocol: str
    mdn: str
    status: str
    licensed: bool
    licensedAt: str | None
    usedByUpgrade: bool
    noticeUntil: str | None
    openUpgrade: str | None
    upgradedAt: str | None
    lastSeenAt: str | None
    reachable: str


class DeviceList(msgspec.Struct):
    devices: list[DeviceView]
    hasMoreData: bool


def _purchase_type(text: str) -> PurchaseType:
    try:
        return PurchaseType.parse(text)
    except ValueError as error:
        raise Invalid(str(error)) from error


def account_view(account: Account, now_ms: int) -> AccountView:
    """The account as the operator sees it."""
    return AccountView(
        name=account.name,
        purchaseType=account.purchase_type.value,
        status=account.status.value,
        licenseCount=account.total,
        licenseUsedCount=account.used,
        free=max(0, account.total - account.used),
        underNotice=account.notice,
        candidates=account.candidates,
        createTime=time_text(account.created_ms),
        updateTime=time_text(account.subscription_updated_ms),
        nextBillingMonth=time_text(next_billing_month_ms(now_ms)),
    )


async def create_account(call: OperatorCall) -> Response:
    given = await call.body(NewAccount)
    purchase_type = _purchase_type(given.purchaseType)
    account = await accounts.create_account(call.context, given.name, purchase_type, given.licenseCount)
    return answer(account_view(account, call.context.clock.now_ms()), 201)


async def list_accounts(call: OperatorCall) -> Response:
    limit = call.limit()
    found = await accounts.list_accounts(call.context, call.after(), limit + 1)
    now_ms = call.context.clock.now_ms()
    return answer(AccountList([account_view(account, now_ms) for account in found[:limit]], len(found) > limit))


async def read_account(call: OperatorCall) -> Response:
    account = await accounts.get_account(call.context, call.request.path_params["name"])
    return answer(account_view(account, call.context.clock.now_ms()))


async def change_subscription(call: OperatorCall) -> Response:
    preview = call.flag("preview")
    given = await call.body(NewSubscription)
    total = None if given.licenseCount is msgspec.UNSET else given.licenseCount
    purchase_type = None if given.purchaseType is msgspec.UNSET else _purchase_type(given.purchaseType)
    if total is None and purchase_type is None:
        raise Invalid("the body must have licenseCount, purchaseType or both")
    use_case = subscriptions.preview_subscription if preview else subscriptions.change_subscription
    decision = await use_case(call.context, await call.caller(), total, purchase_type)
    return answer(_change(decision, preview))


def _change(decision: SubscriptionDecision, preview: bool) -> SubscriptionChange:
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
        noticeUntil=time_text(decision.notice_until_ms) if notice else None,
        reasons=[
            Reason(format_device_id(entry.device), entry.kind.what, entry.kind.why, place)
            for place, entry in enumerate(decision.entries, start=1)
        ],
    )


async def set_status(call: OperatorCall) -> Response:
    given = await call.body(NewStatus)
    if given.status not in {status.value for status in AccountStatus}:
        raise Invalid("status must be active or suspended")
    account = await accounts.set_account_status(
        call.context, call.request.path_params["name"], AccountStatus(given.status)
    )
    return answer(account_view(account, call.context.clock.now_ms()))


def parse_device(text: str | None) -> int:
    if text is None or not is_device_id(text):
        raise Invalid("deviceId must be 15 digits")
    return int(text)


async def set_upgrade(call: OperatorCall) -> Response:
    device = parse_device(call.request.path_params["deviceId"])
    given = await call.body(NewUpgrade)
    if given.status not in STATUS_OF_WORD:
        raise Invalid(f"status must be one of {', '.join(STATUS_OF_WORD)}")
    status = await upgrades.set_upgrade(call.context, await call.caller(), device, STATUS_OF_WORD[given.status])
    return answer(UpgradeView(format_device_id(device), status.word))


async def list_devices(call: OperatorCall) -> Response:
    limit = call.limit()
    after = call.number("after", BEFORE_ALL, 0, MAX_CURSOR)
    rows = await devices.list_devices(call.context, await call.caller(), after, limit + 1)
    now_ms = call.context.clock.now_ms()
    return answer(DeviceList([_device_view(row, now_ms) for row in rows[:limit]], len(rows) > limit))


def _device_view(row: OperatorDeviceRow, now_ms: int) -> DeviceView:
    since = "unknown" if row.licensed_ms == UNKNOWN_TIME_MS else _time_or_none(row.licensed_ms)
    return DeviceView(
        deviceId=format_device_id(row.imei),
        make=row.make,
        model=row.model,
        firmware=row.firmware,
        protocol=row.protocol,
        mdn=row.mdn,
        status=row.status,
        licensed=row.licensed_ms is not None,
        licensedAt=since,
        usedByUpgrade=bool((row.license_state or 0) & LicenseState.USED),
        noticeUntil=_time_or_none(row.notice_until_ms),
        openUpgrade=UpgradeStatus(row.open_upgrade).word if row.open_upgrade else None,
        upgradedAt=_time_or_none(row.upgraded_ms),
        lastSeenAt=_time_or_none(row.seen_ms),
        reachable=reachability(row.licensed_ms, row.seen_ms, now_ms).value,
    )


def _time_or_none(timestamp_ms: int | None) -> str | None:
    return None if timestamp_ms is None else time_text(timestamp_ms)


_PAGE = (("after", "the last name of the page before"), ("limit", "rows of a page, 1 to 1000; 100 by default"))
NUMBERED = (("after", "the last number of the page before"), ("limit", "rows of a page, 1 to 1000; 100 by default"))
OPERATIONS = (
    OperatorOperation(
        name="create_account",
        method="POST",
        path="/accounts",
        handle=create_account,
        summary="Create an account",
        response=AccountView,
        status=201,
        request=NewAccount,
    ),
    OperatorOperation(
        name="list_accounts",
        method="GET",
        path="/accounts",
        handle=list_accounts,
        summary="List accounts by name",
        response=AccountList,
        query=_PAGE,
    ),
    OperatorOperation(
        name="read_account",
        method="GET",
        path="/accounts/{name}",
        handle=read_account,
        summary="Read an account's pool and status",
        response=AccountView,
    ),
    OperatorOperation(
        name="change_subscription",
        method="PUT",
        path="/accounts/{name}/subscription",
        handle=change_subscription,
        summary="Change the number of licenses or the purchase type, or preview what that would do",
        response=SubscriptionChange,
        request=NewSubscription,
        query=(("preview", "true changes nothing"),),
    ),
    OperatorOperation(
        name="set_status",
        method="PUT",
        path="/accounts/{name}/status",
        handle=set_status,
        summary="Suspend an account, or make it active again",
        response=AccountView,
        request=NewStatus,
    ),
    OperatorOperation(
        name="list_devices",
        method="GET",
        path="/accounts/{name}/devices",
        handle=list_devices,
        summary="List the account's devices by IMEI",
        response=DeviceList,
        query=NUMBERED,
    ),
    OperatorOperation(
        name="set_upgrade",
        method="PUT",
        path="/accounts/{name}/devices/{deviceId}/upgrade",
        handle=set_upgrade,
        summary="Schedule, start, complete, fail or cancel the device's upgrade",
        response=UpgradeView,
        request=NewUpgrade,
    ),
)
