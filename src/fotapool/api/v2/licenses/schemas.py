"""Version 2's words and shapes (pages of the API reference v2; SDK models V2License…)."""

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
    Outcome.ASSIGNED: ("Success", "Success"),
    Outcome.PREEXISTING: ("Success", "Device license preexisting"),
    Outcome.NO_FREE_LICENSE: ("Failure", "No unused license available."),
    Outcome.DEVICE_NOT_FOUND: ("Failure", "Device Not Found."),
    Outcome.REMOVED: ("Success", "Success"),
    Outcome.NO_LICENSE: ("Failure", "No license attached to device"),
    Outcome.USED_BY_UPGRADE: ("Failure", "License removal not allowed for devices that have ever upgraded firmware."),
    Outcome.UPGRADE_IN_PROGRESS: ("Failure", "License removal not allowed while a firmware upgrade is in progress."),
    Outcome.UNDER_NOTICE: ("Failure", "License removal is already under way."),
}


class DeviceRow(msgspec.Struct):
    deviceId: str
    status: str
    resultReason: str


class LicensesResult(msgspec.Struct):
    accountName: str
    licTotalCount: int
    licUsedCount: int
    deviceList: list[DeviceRow]


class LicensedDevice(msgspec.Struct):
    deviceId: str
    assignmentTime: str


class LicenseSummary(msgspec.Struct):
    """`totalLicense` is the page's name, `totalLicenses` that of the other versions; both are sent."""

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


def licenses_result(account: str, device_ids: Sequence[str], result: LicenseResult) -> LicensesResult:
    rows = [DeviceRow(device, *WORDS[outcome]) for device, outcome in zip(device_ids, result.outcomes, strict=True)]
    return LicensesResult(account, result.total, result.used, rows)


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


def candidates_result(devices: Sequence[int]) -> CandidatesResult:
    return CandidatesResult(len(devices), [format_device_id(device) for device in devices])


def candidates_page(found: CandidateList, write_time: WriteTime) -> CandidatesPage:
    devices = [format_device_id(device) for device in found.page.rows]
    return CandidatesPage(found.count, found.page.has_more, write_time(found.updated_ms), devices)
