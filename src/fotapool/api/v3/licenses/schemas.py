"""Version 3's words and shapes (page "Assign Licenses to Devices" v3; SDK models V3License…).

The page's table, its example and the SDK name two members differently; all names are sent.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import WriteTime
from fotapool.domain.licenses.licenses import Outcome
from fotapool.domain.names import format_device_id
from fotapool.services.licenses.licenses import LicenseResult, LicenseStatus
from fotapool.store.accounts.accounts import Account

WORDS: dict[Outcome, tuple[str, str]] = {
    Outcome.ASSIGNED: ("LicenseAssignSuccess", "Success"),
    Outcome.PREEXISTING: ("LicenseAssignSuccess", "Device license preexisting"),
    Outcome.NO_FREE_LICENSE: ("LicenseAssignFailure", "No unused license available."),
    Outcome.REMOVED: ("LicenseRemoveSuccess", "Success"),
    Outcome.NO_LICENSE: ("LicenseRemoveFailure", "No license attached to device"),
    Outcome.USED_BY_UPGRADE: (
        "LicenseRemoveFailure",
        "License removal not allowed for devices that have ever upgraded firmware.",
    ),
    Outcome.UPGRADE_IN_PROGRESS: (
        "LicenseRemoveFailure",
        "License removal not allowed while a firmware upgrade is in progress.",
    ),
    Outcome.UNDER_NOTICE: ("LicenseRemoveFailure", "License removal is already under way."),
}
"""Status and reason of each outcome; DEVICE_NOT_FOUND fails with the word of its verb."""

ASSIGN_WORDS = {**WORDS, Outcome.DEVICE_NOT_FOUND: ("LicenseAssignFailure", "Device Not Found.")}
REMOVE_WORDS = {**WORDS, Outcome.DEVICE_NOT_FOUND: ("LicenseRemoveFailure", "Device Not Found.")}


class DeviceRow(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")
    resultReason: str


class LicensesResult(msgspec.Struct):
    accountName: str
    licCount: int
    licTotalCount: int
    licUsedCount: int
    deviceList: list[DeviceRow]


class LicensedDevice(msgspec.Struct):
    deviceId: str
    assignmentTime: str


class LicenseSummary(msgspec.Struct):
    """`totalLicense` is the page's name, `totalLicenses` the SDK's; both are sent."""

    accountName: str
    totalLicense: int
    totalLicenses: int
    assignedLicenses: int
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[LicensedDevice]


class Subscription(msgspec.Struct):
    accountName: str
    purchaseType: str
    licenseCount: int
    licenseUsedCount: int
    updateTime: str


def licenses_result(
    account: str, device_ids: Sequence[str], result: LicenseResult, words: dict[Outcome, tuple[str, str]]
) -> LicensesResult:
    rows = []
    for device, outcome in zip(device_ids, result.outcomes, strict=True):
        status, reason = words[outcome]
        rows.append(DeviceRow(device, status, reason, reason))
    return LicensesResult(
        accountName=account,
        licCount=result.total,
        licTotalCount=result.total,
        licUsedCount=result.used,
        deviceList=rows,
    )


def license_summary(account: str, status: LicenseStatus, page_size: int, write_time: WriteTime) -> LicenseSummary:
    page = status.page
    rows = [LicensedDevice(f"{imei:015d}", write_time(assigned_ms)) for imei, assigned_ms in page.rows]
    last = format_device_id(page.next_cursor) if page.has_more else "0"
    return LicenseSummary(
        accountName=account,
        totalLicense=status.total,
        totalLicenses=status.total,
        assignedLicenses=status.used,
        hasMoreData=page.has_more,
        lastSeenDeviceId=last,
        maxPageSize=page_size,
        deviceList=rows,
    )


def subscription(account: Account, write_time: WriteTime) -> Subscription:
    return Subscription(
        accountName=account.name,
        purchaseType=account.purchase_type.value,
        licenseCount=account.total,
        licenseUsedCount=account.used,
        updateTime=write_time(account.subscription_updated_ms),
    )
