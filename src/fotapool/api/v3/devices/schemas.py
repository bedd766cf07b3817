"""Version 3's words and shapes of devices and firmware (SDK models V3AccountDeviceList, DeviceListResult, …)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.devices.devices import is_eligible, last_connection_ms
from fotapool.domain.names import format_device_id
from fotapool.domain.packages import Package
from fotapool.services.devices.devices import NOTHING_INSTALLED, DeviceList, InstalledOn
from fotapool.store.devices.devices import DeviceRow, Installed

DEVICE_NOT_FOUND = "Device Not Found."
_FIRMWARE_PROTOCOLS = {"OMADM": "OMD-DM"}
"""Where a firmware's `protocol` is another word than a device's, misspelled as documented (facts, section 9.4)."""


class SoftwareInfo(msgspec.Struct):
    """What a completed upgrade has put on the device, and when."""

    name: str
    version: str
    upgradeTime: str


class AccountDevice(msgspec.Struct):
    """Times that are not known are left out."""

    deviceId: str
    mdn: str
    model: str
    make: str
    firmware: str
    fotaEligible: bool
    status: str
    licenseAssigned: bool
    protocol: str
    softwareList: list[SoftwareInfo]
    fileList: list[SoftwareInfo]
    createTime: str
    updateTime: str
    upgradeTime: str | msgspec.UnsetType = msgspec.UNSET
    refreshTime: str | msgspec.UnsetType = msgspec.UNSET


class AccountDevices(msgspec.Struct):
    accountName: str
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[AccountDevice]


class NamedDevice(msgspec.Struct):
    """A device that was asked about; of one that the account does not have only the first three members.

    `statusTime` is when its firmware or software was upgraded (SDK text), `lastConnectionTime` when it was last heard
    of while it was licensed.
    """

    deviceId: str
    requestStatus: str
    resultReason: str
    mdn: str | msgspec.UnsetType = msgspec.UNSET
    model: str | msgspec.UnsetType = msgspec.UNSET
    make: str | msgspec.UnsetType = msgspec.UNSET
    firmware: str | msgspec.UnsetType = msgspec.UNSET
    fotaEligible: bool | msgspec.UnsetType = msgspec.UNSET
    status: str | msgspec.UnsetType = msgspec.UNSET
    licenseAssigned: bool | msgspec.UnsetType = msgspec.UNSET
    protocol: str | msgspec.UnsetType = msgspec.UNSET
    softwareList: list[SoftwareInfo] | msgspec.UnsetType = msgspec.UNSET
    fileList: list[SoftwareInfo] | msgspec.UnsetType = msgspec.UNSET
    createTime: str | msgspec.UnsetType = msgspec.UNSET
    updateTime: str | msgspec.UnsetType = msgspec.UNSET
    statusTime: str | msgspec.UnsetType = msgspec.UNSET
    refreshTime: str | msgspec.UnsetType = msgspec.UNSET
    lastConnectionTime: str | msgspec.UnsetType = msgspec.UNSET


class NamedDevices(msgspec.Struct):
    accountName: str
    deviceCount: int
    deviceList: list[NamedDevice]


class Firmware(msgspec.Struct):
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    protocol: str


class DeviceFirmware(msgspec.Struct):
    """The time is sent under the SDK's name and under the page's."""

    deviceId: str
    status: str
    reason: str
    firmwareVersion: str
    firmwareVersionUpdateTime: str | msgspec.UnsetType = msgspec.UNSET
    VersionUpdateTime: str | msgspec.UnsetType = msgspec.UNSET


class DevicesFirmware(msgspec.Struct):
    """The list is sent under the documented name, which is misspelled, and under the one that was meant."""

    accountName: str
    deviceFirmwarVersionList: list[DeviceFirmware]
    deviceFirmwareVersionList: list[DeviceFirmware]


class ReportRequest(msgspec.Struct):
    accountName: str
    requestId: str


def _software(installed: Sequence[Installed]) -> list[SoftwareInfo]:
    return [SoftwareInfo(one.name, one.version, rfc3339(one.at_ms)) for one in installed]


def _time(timestamp_ms: int | None, write_time: WriteTime) -> str | msgspec.UnsetType:
    return msgspec.UNSET if timestamp_ms is None else write_time(timestamp_ms)


def _account_device(row: DeviceRow, installed: InstalledOn, write_time: WriteTime) -> AccountDevice:
    return AccountDevice(
        deviceId=format_device_id(row.imei),
        mdn=row.mdn,
        model=row.model,
        make=row.make,
        firmware=row.firmware,
        fotaEligible=is_eligible(row.protocol, row.status),
        status=row.status,
        licenseAssigned=row.licensed_ms is not None,
        protocol=row.protocol,
        softwareList=_software(installed.packages),
        fileList=_software(installed.files),
        createTime=write_time(row.created_ms),
        updateTime=write_time(row.updated_ms),
        upgradeTime=_time(row.upgraded_ms, write_time),
        refreshTime=_time(row.refreshed_ms, write_time),
    )


def account_devices(account: str, found: DeviceList, page_size: int, write_time: WriteTime) -> AccountDevices:
    page = found.page
    rows = [_account_device(row, found.installed.get(row.imei, NOTHING_INSTALLED), write_time) for row in page.rows]
    last = format_device_id(page.next_cursor) if page.has_more else "0"
    return AccountDevices(
        accountName=account, hasMoreData=page.has_more, lastSeenDeviceId=last, maxPageSize=page_size, deviceList=rows
    )


def _named_device(device: str, row: DeviceRow, installed: InstalledOn, write_time: WriteTime) -> NamedDevice:
    return NamedDevice(
        deviceId=device,
        requestStatus="success",
        resultReason="Success",
        mdn=row.mdn,
        model=row.model,
        make=row.make,
        firmware=row.firmware,
        fotaEligible=is_eligible(row.protocol, row.status),
        status=row.status,
        licenseAssigned=row.licensed_ms is not None,
        protocol=row.protocol,
        softwareList=_software(installed.packages),
        fileList=_software(installed.files),
        createTime=write_time(row.created_ms),
        updateTime=write_time(row.updated_ms),
        statusTime=_time(row.upgraded_ms, write_time),
        refreshTime=_time(row.refreshed_ms, write_time),
        lastConnectionTime=_time(last_connection_ms(row.licensed_ms, row.seen_ms), rfc3339),
    )


def named_devices(
    account: str,
    wanted: Sequence[tuple[str, int]],
    found: Mapping[int, DeviceRow],
    installed: Mapping[int, InstalledOn],
    write_time: WriteTime,
) -> NamedDevices:
    """A row for each wanted device, given as it was sent and as a number, in order."""
    rows = [
        _named_device(text, found[imei], installed.get(imei, NOTHING_INSTALLED), write_time)
        if imei in found
        else NamedDevice(text, "failure", DEVICE_NOT_FOUND)
        for text, imei in wanted
    ]
    return NamedDevices(account, len(rows), rows)


def firmware_list(packages: Sequence[Package]) -> list[Firmware]:
    return [
        Firmware(
            firmwareName=package.name,
            firmwareFrom=package.from_version,
            firmwareTo=package.to_version,
            launchDate=rfc3339(package.launched_ms),
            releaseNote=package.release_note,
            model=package.model,
            make=package.make,
            protocol=_FIRMWARE_PROTOCOLS.get(package.protocol, package.protocol),
        )
        for package in packages
    ]


def devices_firmware(
    account: str, wanted: Sequence[tuple[str, int]], found: Mapping[int, DeviceRow], at_ms: int
) -> DevicesFirmware:
    """A row for each wanted device, given as it was sent and as a number, in order."""
    at = rfc3339(at_ms)
    rows = [
        DeviceFirmware(
            deviceId=text,
            status="FirmwareVersionUpdateSuccess",
            reason="Success",
            firmwareVersion=found[imei].firmware,
            firmwareVersionUpdateTime=at,
            VersionUpdateTime=at,
        )
        if imei in found
        else DeviceFirmware(text, "FirmwareVersionUpdateFailure", DEVICE_NOT_FOUND, "")
        for text, imei in wanted
    ]
    return DevicesFirmware(account, rows, rows)
