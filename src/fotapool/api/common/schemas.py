"""Structures of responses that are equal in several versions, and the functions that fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.campaigns.campaigns import Hours
from fotapool.domain.campaigns.upgrades import Reason
from fotapool.domain.licenses.licenses import Outcome
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import Page
from fotapool.services.campaigns.campaigns import DeviceChange
from fotapool.services.campaigns.reports import CampaignUpgrade
from fotapool.services.licenses.candidates import CandidateList
from fotapool.services.licenses.licenses import LicenseStatus
from fotapool.store.accounts.accounts import Account
from fotapool.store.devices.devices import Installed

Row = TypeVar("Row")

SUCCESSES = frozenset({Outcome.ASSIGNED, Outcome.PREEXISTING, Outcome.REMOVED})
OUTCOME_REASONS: dict[Outcome, str] = {
    Outcome.ASSIGNED: "Success",
    Outcome.PREEXISTING: "Device license preexisting",
    Outcome.NO_FREE_LICENSE: "No unused license available.",
    Outcome.DEVICE_NOT_FOUND: "Device Not Found.",
    Outcome.REMOVED: "Success",
    Outcome.NO_LICENSE: "No license attached to device",
    Outcome.USED_BY_UPGRADE: "License removal not allowed for devices that have ever upgraded firmware.",
    Outcome.UPGRADE_IN_PROGRESS: "License removal not allowed while a firmware upgrade is in progress.",
    Outcome.UNDER_NOTICE: "License removal is already under way.",
}
"""The reason in a device's row: pages "Assign Licenses to Devices", "Remove unused licenses", "Error Messages"."""
DEVICE_NOT_FOUND = OUTCOME_REASONS[Outcome.DEVICE_NOT_FOUND]

_ADDED, _REMOVED = (
    ("AddDeviceSucceed", "Device added Successfully"),
    ("RemoveDeviceSucceed", "Device removed Successfully"),
)


class SuccessResult(msgspec.Struct):
    success: bool


class Subscription(msgspec.Struct):
    accountName: str
    purchaseType: str
    licenseCount: int
    licenseUsedCount: int
    updateTime: str


class DevicePage(msgspec.Struct, Generic[Row]):
    """A page of a list of devices."""

    accountName: str
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[Row]


class CampaignDevicesPage(msgspec.Struct, Generic[Row]):
    """A page of the devices of a campaign."""

    totalDevice: int
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[Row]


class LicensedDevice(msgspec.Struct):
    deviceId: str
    assignmentTime: str


class LicenseSummary(msgspec.Struct):
    """`totalLicense` is the name on the pages, `totalLicenses` the one of the v3 SDK; both are sent."""

    accountName: str
    totalLicense: int
    totalLicenses: int
    assignedLicenses: int
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[LicensedDevice]


class CandidatesResult(msgspec.Struct):
    count: int
    deviceList: list[str]


class CandidatesPage(msgspec.Struct):
    count: int
    hasMoreData: bool
    updateTime: str
    deviceList: list[str]


class TimeWindow(msgspec.Struct):
    startTime: int
    endTime: int


class ChangedDevice(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")


class DeviceStatusRow(msgspec.Struct):
    deviceId: str
    status: str
    resultReason: str


class SoftwareInfo(msgspec.Struct):
    """What a completed upgrade has put on the device, and when."""

    name: str
    version: str
    upgradeTime: str


class CallbackUrl(msgspec.Struct, omit_defaults=True):
    url: str | msgspec.UnsetType = msgspec.UNSET


OutcomeLabels = dict[Outcome, tuple[str, str]]


def outcome_labels(success: str, failure: str) -> OutcomeLabels:
    """The status and reason of each outcome, with these labels as status."""
    return {
        outcome: (success if outcome in SUCCESSES else failure, reason) for outcome, reason in OUTCOME_REASONS.items()
    }


def subscription(account: Account, write_time: WriteTime) -> Subscription:
    return Subscription(
        accountName=account.name,
        purchaseType=account.purchase_type.value,
        licenseCount=account.total,
        licenseUsedCount=account.used,
        updateTime=write_time(account.subscription_updated_ms),
    )


def licensed_devices(status: LicenseStatus, write_time: WriteTime) -> list[LicensedDevice]:
    return [LicensedDevice(f"{imei:015d}", write_time(assigned_ms)) for imei, assigned_ms in status.page.rows]


def license_summary(account: str, status: LicenseStatus, page_size: int, write_time: WriteTime) -> LicenseSummary:
    return LicenseSummary(
        accountName=account,
        totalLicense=status.total,
        totalLicenses=status.total,
        assignedLicenses=status.used,
        deviceList=licensed_devices(status, write_time),
        **page_members(status.page, page_size),
    )


def candidates_page(found: CandidateList, write_time: WriteTime) -> CandidatesPage:
    devices = [format_device_id(device) for device in found.page.rows]
    return CandidatesPage(found.count, found.page.has_more, write_time(found.updated_ms), devices)


def changed_devices(changes: Sequence[DeviceChange], added: bool, reasons: Mapping[Reason, str]) -> list[ChangedDevice]:
    """The rows of devices that were added or removed; `reasons` has the version's text for each reason."""
    done, failed = (_ADDED, "AddDeviceFailed") if added else (_REMOVED, "RemoveDeviceFailed")
    return [
        ChangedDevice(
            format_device_id(change.device),
            *(done if change.reason is Reason.NONE else (failed, reasons[change.reason])),
        )
        for change in changes
    ]


def upgrade_members(account: str, trial: CampaignUpgrade, labels: tuple[str, str]) -> dict[str, Any]:
    """The members that a device's upgrade has in every version; `labels` are its status and reason."""
    return {
        "deviceId": format_device_id(trial.upgrade.imei),
        "id": trial.campaign.uuid,
        "accountName": account,
        "startDate": trial.campaign.start_date,
        "status": labels[0],
        "reason": labels[1],
    }


def installed_software(installed: Sequence[Installed]) -> list[SoftwareInfo]:
    return [SoftwareInfo(one.name, one.version, rfc3339(one.at_ms)) for one in installed]


def time_windows(hours: Hours) -> list[TimeWindow] | msgspec.UnsetType:
    """A campaign's windows; without any, the member is left out."""
    return [TimeWindow(first, end) for first, end in hours] or msgspec.UNSET


def page_members(page: Page[Any], page_size: int) -> dict[str, Any]:
    """The members of a list that say whether and where it goes on."""
    return {"hasMoreData": page.has_more, "lastSeenDeviceId": last_seen(page), "maxPageSize": page_size}


def last_seen(page: Page[Any]) -> str:
    """The cursor of the next page, `0` on the last one."""
    return format_device_id(page.next_cursor) if page.has_more else "0"


def optional_time(timestamp_ms: int | None, write_time: WriteTime = rfc3339) -> str | msgspec.UnsetType:
    """The time as text; for None the member is left out."""
    return msgspec.UNSET if timestamp_ms is None else write_time(timestamp_ms)


def campaign_protocol(protocol: str) -> str:
    """The protocol as campaigns and callbacks name it (SDK examples)."""
    return "OMA" if protocol == "OMADM" else protocol


def listed_protocol(protocol: str) -> str:
    """The protocol as lists of software, firmware and campaigns name it: misspelled, as in the SDK's enumeration."""
    return "OMD-DM" if protocol == "OMADM" else protocol
