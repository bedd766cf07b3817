"""Version 2's words and shapes of devices and software (SDK models V2AccountDeviceList, SoftwarePackage)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.devices.devices import is_eligible
from fotapool.domain.names import format_device_id
from fotapool.domain.packages import Package
from fotapool.services.devices.devices import NOTHING_INSTALLED, DeviceList
from fotapool.store.devices.devices import DeviceRow, Installed

_DISTRIBUTION_TYPES = {"OMADM": "OMD-DM"}
"""Where `distributionType` has a word of its own for a protocol, misspelled as documented (facts, section 9.4)."""


class SoftwareInfo(msgspec.Struct):
    """What a completed upgrade has put on the device, and when."""

    name: str
    version: str
    upgradeTime: str


class DeviceView(msgspec.Struct):
    """`appFotaEligible`: whether software can be upgraded over HTTP. Times that are not known are left out."""

    deviceId: str
    mdn: str
    model: str
    make: str
    fotaEligible: bool
    appFotaEligible: bool
    licenseAssigned: bool
    distributionType: str
    softwareList: list[SoftwareInfo]
    createTime: str
    updateTime: str
    upgradeTime: str | msgspec.UnsetType = msgspec.UNSET
    refreshTime: str | msgspec.UnsetType = msgspec.UNSET


class DevicesResult(msgspec.Struct):
    accountName: str
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[DeviceView]


class Software(msgspec.Struct):
    """`launchDate` is a date, as YYYY-MM-DD."""

    softwareName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    distributionType: str
    devicePlatformId: str


def distribution_type(protocol: str) -> str:
    return _DISTRIBUTION_TYPES.get(protocol, protocol)


def _software(installed: Sequence[Installed]) -> list[SoftwareInfo]:
    return [SoftwareInfo(one.name, one.version, rfc3339(one.at_ms)) for one in installed]


def _device(row: DeviceRow, installed: Sequence[Installed], write_time: WriteTime) -> DeviceView:
    eligible = is_eligible(row.protocol, row.status)
    return DeviceView(
        deviceId=format_device_id(row.imei),
        mdn=row.mdn,
        model=row.model,
        make=row.make,
        fotaEligible=eligible,
        appFotaEligible=eligible and row.protocol == "HTTP",
        licenseAssigned=row.licensed_ms is not None,
        distributionType=distribution_type(row.protocol),
        softwareList=_software(installed),
        createTime=write_time(row.created_ms),
        updateTime=write_time(row.updated_ms),
        upgradeTime=msgspec.UNSET if row.upgraded_ms is None else write_time(row.upgraded_ms),
        refreshTime=msgspec.UNSET if row.refreshed_ms is None else write_time(row.refreshed_ms),
    )


def devices_result(account: str, found: DeviceList, page_size: int, write_time: WriteTime) -> DevicesResult:
    page = found.page
    rows = [_device(row, found.installed.get(row.imei, NOTHING_INSTALLED).packages, write_time) for row in page.rows]
    last = format_device_id(page.next_cursor) if page.has_more else "0"
    return DevicesResult(
        accountName=account, hasMoreData=page.has_more, lastSeenDeviceId=last, maxPageSize=page_size, deviceList=rows
    )


def software_list(packages: Sequence[Package]) -> list[Software]:
    return [
        Software(
            softwareName=package.name,
            launchDate=rfc3339(package.launched_ms)[:10],
            releaseNote=package.release_note,
            model=package.model,
            make=package.make,
            distributionType=distribution_type(package.protocol),
            devicePlatformId=package.platform,
        )
        for package in packages
    ]
