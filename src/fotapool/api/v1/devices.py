"""Version 1: devices, and the firmware that fits them (SDK models DeviceListQueryResult, Firmware)."""

from __future__ import annotations

import msgspec

from fotapool.api.common.bodies import read_protocol
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.time_styles import rfc3339
from fotapool.domain.callbacks import PackageFacts
from fotapool.domain.devices.devices import is_eligible
from fotapool.domain.names import format_device_id
from fotapool.domain.packages import Package
from fotapool.domain.paging import parse_device_cursor
from fotapool.domain.records import from_attributes
from fotapool.services.devices import devices
from fotapool.services.packages import packages

CLIENT_TYPES = ("OMADM", "LWM2M")
NEVER_UPGRADED = "01/01/1900 0:0:0"
"""The upgradeTime of a device that was never upgraded (SDK text of the model)."""


class DeviceView(msgspec.Struct):
    deviceId: str
    mdn: str
    model: str
    make: str
    firmware: str
    fotaEligible: bool
    licenseAssigned: bool
    upgradeTime: str


class DevicesResult(msgspec.Struct):
    accountName: str
    hasMoreData: bool
    lastSeenDeviceId: int
    deviceList: list[DeviceView]


class Firmware(msgspec.Struct):
    """A firmware image for devices of the account. `participantName` is internal to the service: the account."""

    firmwareName: str
    participantName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    fromVersion: str
    toVersion: str


def firmware(account: str, package: Package | PackageFacts) -> Firmware:
    return from_attributes(
        Firmware,
        package,
        firmwareName=package.name,
        participantName=account,
        launchDate=rfc3339(package.launched_ms),
    )


operations = OperationTable()


@operations.get(
    "V1-8",
    "/firmware/{account}",
    evidence=Evidence.SDK,
    sdk="firmware_v1.list_available_firmware",
    notes="An image fits if a device has its make, model and protocol, and its fromVersion as current firmware. "
    f"At most {packages.MAX_PACKAGES_LISTED:,} are listed, by name.",
)
async def list_firmware(call: Call) -> list[Firmware]:
    """List firmware that fits devices of the account."""
    found = await packages.list_fitting_packages(call.context, call.caller, None)
    return [firmware(call.account, package) for package in found]


@operations.get(
    "V1-13",
    "/devices/{account}/index/{index}",
    query=["clientType"],
    sdk="software_management_reports_v1.list_account_devices",
    notes="Without `clientType` (`OMADM` or `LWM2M`) devices of every protocol are listed.",
)
async def list_devices(call: Call) -> DevicesResult:
    """List devices with IMEIs greater than the last seen one."""
    protocol = read_protocol(call.query("clientType"), CLIENT_TYPES)
    cursor = parse_device_cursor(call.start("startIndex"))
    page = (await devices.read_page(call.context, call.caller, protocol, cursor)).page
    write_time = call.write_time()
    rows = [
        DeviceView(
            deviceId=format_device_id(row.imei),
            mdn=row.mdn,
            model=row.model,
            make=row.make,
            firmware=row.firmware,
            fotaEligible=is_eligible(row.protocol, row.status),
            licenseAssigned=row.licensed_ms is not None,
            upgradeTime=NEVER_UPGRADED if row.upgraded_ms is None else write_time(row.upgraded_ms),
        )
        for row in page.rows
    ]
    return DevicesResult(call.account, page.has_more, page.next_cursor, rows)
