"""Version 1's words and shapes (pages "Remove unused licenses", "Get an account's license status" and their kin)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import WriteTime
from fotapool.domain.licenses.licenses import Outcome
from fotapool.domain.names import format_device_id
from fotapool.services.licenses.candidates import CandidateList
from fotapool.services.licenses.licenses import LicenseResult, LicenseStatus
from fotapool.store.accounts.accounts import Account

WORDS: dict[Outcome, tuple[str, str]] = {
    Outcome.ASSIGNED: ("LicenseAssignSuccess", "Success"),
    Outcome.PREEXISTING: ("LicenseAssignSuccess", "Device license preexisting"),
    Outcome.NO_FREE_LICENSE: ("LicenseAssignFailed", "No unused license available."),
    Outcome.REMOVED: ("LicenseRemoveSuccess", "Success"),
    Outcome.NO_LICENSE: ("LicenseRemoveFailed", "No license attached to device"),
    Outcome.USED_BY_UPGRADE: (
        "LicenseRemoveFailed",
        "License removal not allowed for devices that have ever upgraded firmware.",
    ),
    Outcome.UPGRADE_IN_PROGRESS: (
        "LicenseRemoveFailed",
        "License removal not allowed while a firmware upgrade is in progress.",
    ),
    Outcome.UNDER_NOTICE: ("LicenseRemoveFailed", "License removal is already under way."),
}
"""Status and reason of each outcome; DEVICE_NOT_FOUND fails with the word of its verb."""

ASSIGN_WORDS = {**WORDS, Outcome.DEVICE_NOT_FOUND: ("LicenseAssignFailed", "Device Not Found.")}
REMOVE_WORDS = {**WORDS, Outcome.DEVICE_NOT_FOUND: ("LicenseRemoveFailed", "Device Not Found.")}


class DeviceRow(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")


class LicensesResult(msgspec.Struct):
    accountName: str
    licCount: int
    licUsedCount: int
    deviceList: list[DeviceRow]


class LicensedDevice(msgspec.Struct):
    deviceId: str
    assignmentTime: str


class LicenseSummary(msgspec.Struct):
    accountName: str
    totalLicenses: int
    assignedLicenses: int
    hasMoreData: bool
    lastSeenDeviceId: int
    deviceList: list[LicensedDevice]


class Subscription(msgspec.Struct):
    accountName: str
    purchaseType: str
    licenseCount: int
    licenseUsedCount: int
    updateTime: str


class CandidatesResult(msgspec.Struct):
    count: int
    deviceList: list[str]


class CandidatesPage(msgspec.Struct):
    count: int
    hasMoreData: bool
    updateTime: str
    deviceList: list[str]


class SuccessResult(msgspec.Struct):
    success: bool


def licenses_result(
    account: str, device_ids: Sequence[str], result: LicenseResult, words: dict[Outcome, tuple[str, str]]
) -> LicensesResult:
    rows = [DeviceRow(device, *words[outcome]) for device, outcome in zip(device_ids, result.outcomes, strict=True)]
    return LicensesResult(account, result.total, result.used, rows)


def license_summary(account: str, status: LicenseStatus, write_time: WriteTime) -> LicenseSummary:
    page = status.page
    rows = [LicensedDevice(f"{imei:015d}", write_time(assigned_ms)) for imei, assigned_ms in page.rows]
    return LicenseSummary(
        accountName=account,
        totalLicenses=status.total,
        assignedLicenses=status.used,
        hasMoreData=page.has_more,
        lastSeenDeviceId=page.next_cursor,
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


def candidates_result(devices: Sequence[int]) -> CandidatesResult:
    return CandidatesResult(len(devices), [format_device_id(device) for device in devices])


def candidates_page(found: CandidateList, write_time: WriteTime) -> CandidatesPage:
    devices = [format_device_id(device) for device in found.page.rows]
    return CandidatesPage(found.count, found.page.has_more, write_time(found.updated_ms), devices)
