"""Version 1's words and shapes of devices and firmware (SDK models DeviceListQueryResult, Firmware)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.devices.devices import is_eligible
from fotapool.domain.names import format_device_id
from fotapool.domain.packages import Package
from fotapool.domain.paging import Page
from fotapool.store.devices.devices import DeviceRow

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
    """An image that devices of the account can take. `participantName` is internal to the service: the account."""

    firmwareName: str
    participantName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    fromVersion: str
    toVersion: str


def devices_result(account: str, page: Page[DeviceRow], write_time: WriteTime) -> DevicesResult:
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
    return DevicesResult(account, page.has_more, page.next_cursor, rows)


def firmware_list(account: str, packages: Sequence[Package]) -> list[Firmware]:
    return [
        Firmware(
            firmwareName=package.name,
            participantName=account,
            launchDate=rfc3339(package.launched_ms),
            releaseNote=package.release_note,
            model=package.model,
            make=package.make,
            fromVersion=package.from_version,
            toVersion=package.to_version,
        )
        for package in packages
    ]
