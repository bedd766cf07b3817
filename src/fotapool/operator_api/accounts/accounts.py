"""Operations on accounts: create, list, read, subscription, status, upgrades, ledger, audit."""

from __future__ import annotations

import json
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
from fotapool.domain.names import (
    ACCOUNT_NAME_PATTERN,
    AccountStatus,
    PurchaseType,
    format_device_id,
    is_device_id,
)
from fotapool.operator_api.requests import MAX_CURSOR, ControlCall, ControlOperation, answer
from fotapool.services.accounts import accounts, audits, subscriptions
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


class LedgerEntry(msgspec.Struct):
    number: int
    time: str
    actor: str
    requestId: str
    deviceId: str
    what: str
    why: str
    request: str
    detail: dict[str, Any]
    usedBefore: int
    usedAfter: int


class Ledger(msgspec.Struct):
    entries: list[LedgerEntry]
    hasMoreData: bool


class CheckView(msgspec.Struct):
    name: str
    says: str
    ok: bool
    found: str


class Audit(msgspec.Struct):
    consistent: bool
    checks: list[CheckView]


def _purchase_type(text: str) -> PurchaseType:
    try:
        return PurchaseType.parse(text)
    except ValueError as error:
        raise Invalid(str(error)) from error


def account_view(account: Account, now_ms: int) -> AccountView:
    """The account as the operator sees it."""
    return AccountView(
        account.name, account.purchase_type.value, account.status.value, account.total, account.used,
        max(0, account.total - account.used), account.notice, account.candidates, time_text(account.created_ms),
        time_text(account.subscription_updated_ms), time_text(next_billing_month_ms(now_ms)),
    )  # fmt: skip


async def create_account(call: ControlCall) -> Response:
    given = await call.body(NewAccount)
    purchase_type = _purchase_type(given.purchaseType)
    account = await accounts.create_account(call.context, given.name, purchase_type, given.licenseCount)
    return answer(account_view(account, call.context.clock.now_ms()), 201)


async def list_accounts(call: ControlCall) -> Response:
    limit = call.limit()
    found = await accounts.list_accounts(call.context, call.after(), limit + 1)
    now_ms = call.context.clock.now_ms()
    return answer(AccountList([account_view(account, now_ms) for account in found[:limit]], len(found) > limit))


async def read_account(call: ControlCall) -> Response:
    account = await accounts.get_account(call.context, call.request.path_params["name"])
    return answer(account_view(account, call.context.clock.now_ms()))


async def change_subscription(call: ControlCall) -> Response:
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
        decision.total, preview, decision.need,
        devices_of(EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST), notice,
        [format_device_id(device) for device in decision.canceled_upgrades],
        devices_of(EntryKind.NOTICE_WITHDRAWN), time_text(decision.notice_until_ms) if notice else None,
        [
            Reason(format_device_id(entry.device), entry.kind.what, entry.kind.why, place)
            for place, entry in enumerate(decision.entries, start=1)
        ],
    )  # fmt: skip


async def set_status(call: ControlCall) -> Response:
    given = await call.body(NewStatus)
    if given.status not in {status.value for status in AccountStatus}:
        raise Invalid("status must be active or suspended")
    account = await accounts.set_account_status(
        call.context, call.request.path_params["name"], AccountStatus(given.status)
    )
    return answer(account_view(account, call.context.clock.now_ms()))


def _device(text: str | None) -> int:
    if text is None or not is_device_id(text):
        raise Invalid("deviceId must be 15 digits")
    return int(text)


async def set_upgrade(call: ControlCall) -> Response:
    device = _device(call.request.path_params["deviceId"])
    given = await call.body(NewUpgrade)
    if given.status not in STATUS_OF_WORD:
        raise Invalid(f"status must be one of {', '.join(STATUS_OF_WORD)}")
    status = await upgrades.set_upgrade(call.context, await call.caller(), device, STATUS_OF_WORD[given.status])
    return answer(UpgradeView(format_device_id(device), status.word))


async def list_devices(call: ControlCall) -> Response:
    limit = call.limit()
    after = call.number("after", BEFORE_ALL, 0, MAX_CURSOR)
    rows = await devices.list_devices(call.context, await call.caller(), after, limit + 1)
    now_ms = call.context.clock.now_ms()
    return answer(DeviceList([_device_view(row, now_ms) for row in rows[:limit]], len(rows) > limit))


def _device_view(row: OperatorDeviceRow, now_ms: int) -> DeviceView:
    since = "unknown" if row.licensed_ms == UNKNOWN_TIME_MS else _time_or_none(row.licensed_ms)
    return DeviceView(
        format_device_id(row.imei), row.make, row.model, row.firmware, row.protocol, row.mdn, row.status,
        row.licensed_ms is not None, since, bool((row.license_state or 0) & LicenseState.USED),
        _time_or_none(row.notice_until_ms), UpgradeStatus(row.open_upgrade).word if row.open_upgrade else None,
        _time_or_none(row.upgraded_ms), _time_or_none(row.seen_ms),
        reachability(row.licensed_ms, row.seen_ms, now_ms).value,
    )  # fmt: skip


def _time_or_none(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else time_text(moment_ms)


async def list_ledger(call: ControlCall) -> Response:
    text = call.request.query_params.get("deviceId")
    device = None if text is None else _device(text)
    limit = call.limit()
    after = call.number("after", 0, 0, MAX_CURSOR)
    rows = await audits.list_ledger(call.context, await call.caller(), device, after, limit + 1)
    return answer(Ledger([_entry(*row) for row in rows[:limit]], len(rows) > limit))


def _entry(
    number: int,
    at_ms: int,
    actor: str,
    request_id: str,
    verb: str,
    detail: str,
    imei: int,
    kind: int,
    used_after: int,
) -> LedgerEntry:
    entry = EntryKind(kind)
    return LedgerEntry(
        number, time_text(at_ms), actor, request_id, format_device_id(imei), entry.what, entry.why, verb,
        json.loads(detail), used_after - entry.delta, used_after,
    )  # fmt: skip


async def read_audit(call: ControlCall) -> Response:
    checks = await audits.audit_account(call.context, call.request.path_params["name"])
    views = [CheckView(check.name, check.says, check.ok, check.found) for check in checks]
    return answer(Audit(all(check.ok for check in checks), views))


_PAGE = (
    ("after", "the last name of the page before"),
    ("limit", "rows of a page, 1 to 1000; 100 by default"),
)
_NUMBERED = (
    ("after", "the last number of the page before"),
    ("limit", "rows of a page, 1 to 1000; 100 by default"),
)
OPERATIONS = (
    ControlOperation(
        "create_account", "POST", "/accounts", create_account, "Create an account", AccountView, 201, NewAccount
    ),
    ControlOperation(
        "list_accounts", "GET", "/accounts", list_accounts, "List accounts by name", AccountList, query=_PAGE
    ),
    ControlOperation(
        "read_account", "GET", "/accounts/{name}", read_account, "Read an account's pool and status", AccountView
    ),
    ControlOperation(
        "change_subscription",
        "PUT",
        "/accounts/{name}/subscription",
        change_subscription,
        "Change the number of licenses or the purchase type, or preview what that would do",
        SubscriptionChange,
        request=NewSubscription,
        query=(("preview", "true changes nothing"),),
    ),
    ControlOperation(
        "set_status",
        "PUT",
        "/accounts/{name}/status",
        set_status,
        "Suspend an account, or make it active again",
        AccountView,
        request=NewStatus,
    ),
    ControlOperation(
        "list_devices",
        "GET",
        "/accounts/{name}/devices",
        list_devices,
        "List the account's devices by IMEI",
        DeviceList,
        query=_NUMBERED,
    ),
    ControlOperation(
        "set_upgrade",
        "PUT",
        "/accounts/{name}/devices/{deviceId}/upgrade",
        set_upgrade,
        "Schedule, start, complete, fail or cancel the device's upgrade",
        UpgradeView,
        request=NewUpgrade,
    ),
    ControlOperation(
        "list_ledger",
        "GET",
        "/accounts/{name}/ledger",
        list_ledger,
        "Read the ledger, of one device or of all",
        Ledger,
        query=(("deviceId", "only this device's entries"), *_NUMBERED),
    ),
    ControlOperation(
        "read_audit", "GET", "/accounts/{name}/audit", read_audit, "Recompute every invariant from the rows", Audit
    ),
)
