"""Version 2: devices, and the software that fits them (SDK models V2AccountDeviceList, SoftwarePackage)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.bodies import read_protocol
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import (
    DevicePage,
    SoftwareInfo,
    installed_software,
    listed_protocol,
    optional_time,
    page_members,
)
from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.devices.devices import is_eligible
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import parse_device_cursor
from fotapool.domain.records import from_attributes
from fotapool.services.devices import devices
from fotapool.services.devices.devices import NOTHING_INSTALLED
from fotapool.services.packages import packages
from fotapool.store.devices.devices import DeviceRow, Installed


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


class DevicesResult(DevicePage[DeviceView]):
    """A page of the account's devices."""


class Software(msgspec.Struct):
    """`launchDate` is a date, as YYYY-MM-DD."""

    softwareName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    distributionType: str
    devicePlatformId: str


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
        distributionType=listed_protocol(row.protocol),
        softwareList=installed_software(installed),
        createTime=write_time(row.created_ms),
        updateTime=write_time(row.updated_ms),
        upgradeTime=optional_time(row.upgraded_ms, write_time),
        refreshTime=optional_time(row.refreshed_ms, write_time),
    )


operations = OperationTable()


@operations.get(
    "V2-19",
    "/software/{account}",
    evidence=Evidence.SDK,
    query=["distributionType"],
    sdk="software_management_reports_v2.list_available_software",
    notes="`distributionType` is `LWM2M`, `OMD-DM` or `HTTP`; without it, software of every type is listed. "
    "Software fits if a device has its make, model and protocol, and its from-version as current firmware. "
    f"At most {packages.MAX_PACKAGES_LISTED:,} are listed, by name.",
)
async def list_software(call: Call) -> list[Software]:
    """List software that fits devices of the account."""
    protocol = read_protocol(call.query("distributionType"))
    return [
        from_attributes(
            Software,
            package,
            softwareName=package.name,
            launchDate=rfc3339(package.launched_ms)[:10],
            distributionType=listed_protocol(package.protocol),
            devicePlatformId=package.platform,
        )
        for package in await packages.list_fitting_packages(call.context, call.caller, protocol)
    ]


@operations.get(
    "V2-20",
    "/devices/{account}",
    query=["lastSeenDeviceId", "distributionType"],
    sdk="software_management_reports_v2.list_account_devices",
    notes="Without `distributionType` devices of every type are listed, as the SDK's text says of a filter. "
    "`appFotaEligible` is true of eligible HTTP devices.",
)
async def list_devices(call: Call) -> DevicesResult:
    """List devices with IMEIs greater than the last seen one."""
    protocol = read_protocol(call.query("distributionType"))
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    found = await devices.read_page(call.context, call.caller, protocol, cursor)
    page, write_time = found.page, call.write_time()
    rows = [_device(row, found.installed.get(row.imei, NOTHING_INSTALLED).packages, write_time) for row in page.rows]
    return DevicesResult(accountName=call.account, deviceList=rows, **page_members(page, call.page_size))
