"""Version 3: devices and their firmware (SDK models V3AccountDeviceList, DeviceListResult, …)."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from fotapool.api.common.bodies import DeviceListBody, read_device_list, read_protocol
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import (
    DEVICE_NOT_FOUND,
    DevicePage,
    SoftwareInfo,
    installed_software,
    listed_protocol,
    optional_time,
    page_members,
)
from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.callbacks import PackageFacts
from fotapool.domain.devices.devices import PROTOCOLS, is_eligible, last_connection_ms
from fotapool.domain.names import format_device_id
from fotapool.domain.packages import Package
from fotapool.domain.paging import parse_device_cursor
from fotapool.domain.records import from_attributes
from fotapool.services.devices import devices
from fotapool.services.devices.devices import NOTHING_INSTALLED, InstalledOn
from fotapool.services.packages import packages
from fotapool.store.devices.devices import DeviceRow

ALL = "all"
FIRMWARE_PROTOCOLS = ("LWM2M", "OMADM")


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


class AccountDevices(DevicePage[AccountDevice]):
    """A page of the account's devices."""


class NamedDevice(msgspec.Struct):
    """A named device; one that the account does not have has only the first three members.

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


def firmware(package: Package | PackageFacts, protocol: str) -> Firmware:
    return from_attributes(
        Firmware,
        package,
        firmwareName=package.name,
        firmwareFrom=package.from_version,
        firmwareTo=package.to_version,
        launchDate=rfc3339(package.launched_ms),
        protocol=protocol,
    )


def _members(row: DeviceRow, installed: InstalledOn, write_time: WriteTime) -> dict[str, Any]:
    """The members that AccountDevice and NamedDevice have in common, without the device's id."""
    return {
        "mdn": row.mdn,
        "model": row.model,
        "make": row.make,
        "firmware": row.firmware,
        "fotaEligible": is_eligible(row.protocol, row.status),
        "status": row.status,
        "licenseAssigned": row.licensed_ms is not None,
        "protocol": row.protocol,
        "softwareList": installed_software(installed.packages),
        "fileList": installed_software(installed.files),
        "createTime": write_time(row.created_ms),
        "updateTime": write_time(row.updated_ms),
        "refreshTime": optional_time(row.refreshed_ms, write_time),
    }


def _read_protocol(call: Call, default: str, allowed: tuple[str, ...] = PROTOCOLS) -> str | None:
    """The protocol asked for, or None for all. Raises RequestRejected(PROTOCOL_INVALID)."""
    given = call.query("protocol")
    text = default if given is None else given
    return None if text.lower() == ALL else read_protocol(text, allowed)


operations = OperationTable()


@operations.get(
    "V3-17",
    "/firmware/{account}",
    evidence=Evidence.SDK,
    query=["protocol"],
    sdk="firmware_v3.list_available_firmware",
    notes="`protocol` is `LWM2M`, `OMD-DM` or `all`; without it, `all`. Packages for HTTP devices are software: "
    "version 2 lists them. Firmware fits if a device has its make, "
    "model and protocol, and its firmwareFrom as current firmware. "
    f"At most {packages.MAX_PACKAGES_LISTED:,} are listed, by name.",
)
async def list_firmware(call: Call) -> list[Firmware]:
    """List firmware that fits devices of the account."""
    protocol = _read_protocol(call, ALL, FIRMWARE_PROTOCOLS)
    found = await packages.list_fitting_packages(call.context, call.caller, protocol, FIRMWARE_PROTOCOLS)
    return [firmware(package, listed_protocol(package.protocol)) for package in found]


@operations.put(
    "V3-18",
    "/firmware/{account}/devices",
    evidence=Evidence.SDK,
    request=DeviceListBody,
    sdk="firmware_v3.synchronize_device_firmware",
    notes=f"Up to {devices.MAX_DEVICES_NAMED:,} devices (the SDK's schema; its text says 100). A device that the "
    "account does not have fails in its row. The list and the time are sent under both of their names.",
)
async def synchronize_firmware(call: Call) -> DevicesFirmware:
    """Synchronize what is known of devices' firmware."""
    texts, ids = read_device_list(call.body, devices.MAX_DEVICES_NAMED)

    def write(synchronized: tuple[dict[int, DeviceRow], int]) -> DevicesFirmware:
        found, at_ms = synchronized
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
            for text, imei in zip(texts, ids, strict=True)
        ]
        return DevicesFirmware(call.account, rows, rows)

    return await call.answer(devices.synchronize_firmware(call.context, call.caller, ids), write)


@operations.put(
    "V3-19",
    "/firmware/{account}/async/{deviceId}",
    evidence=Evidence.SDK,
    sdk="firmware_v3.report_device_firmware",
    notes="While a request for the device is open, another one returns its id.",
)
async def report_firmware(call: Call) -> ReportRequest:
    """Ask a device to report its firmware when it next checks in."""
    change = devices.request_report(call.context, call.caller, call.device)
    return await call.answer(change, partial(ReportRequest, call.account))


@operations.get(
    "V3-20",
    "/devices/{account}",
    query=["lastSeenDeviceId", "protocol"],
    sdk="account_devices.get_account_device_information",
    notes="`protocol` is `LWM2M` (if left out), `OMADM`, `HTTP` or `all`, the last one being our addition.",
)
async def list_devices(call: Call) -> AccountDevices:
    """List devices with IMEIs greater than the last seen one."""
    protocol = _read_protocol(call, "LWM2M")
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    found = await devices.read_page(call.context, call.caller, protocol, cursor)
    page, write_time = found.page, call.write_time()
    rows = [
        AccountDevice(
            deviceId=format_device_id(row.imei),
            upgradeTime=optional_time(row.upgraded_ms, write_time),
            **_members(row, found.installed.get(row.imei, NOTHING_INSTALLED), write_time),
        )
        for row in page.rows
    ]
    return AccountDevices(accountName=call.account, deviceList=rows, **page_members(page, call.page_size))


@operations.post(
    "V3-21",
    "/devices/{account}",
    request=DeviceListBody,
    query=["lastSeenDeviceId", "protocol"],
    sdk="account_devices.list_account_devices_information",
    reads=True,
    notes=f"Up to {devices.MAX_DEVICES_NAMED:,} devices. The page's two queries leave devices out: those with "
    "IMEIs up to lastSeenDeviceId, and those of another protocol. lastConnectionTime is there while the device "
    "is licensed and was heard of since.",
)
async def find_devices(call: Call) -> NamedDevices:
    """Read what is known of the devices named."""
    protocol = _read_protocol(call, ALL)
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    texts, ids = read_device_list(call.body, devices.MAX_DEVICES_NAMED)
    found, installed = await devices.read_named(call.context, call.caller, ids)
    write_time = call.write_time()
    rows = [
        _named_device(text, found[imei], installed.get(imei, NOTHING_INSTALLED), write_time)
        if imei in found
        else NamedDevice(text, "failure", DEVICE_NOT_FOUND)
        for text, imei in zip(texts, ids, strict=True)
        if (cursor == 0 or imei > cursor)
        and (protocol is None or imei not in found or found[imei].protocol == protocol)
    ]
    return NamedDevices(call.account, len(rows), rows)


def _named_device(device: str, row: DeviceRow, installed: InstalledOn, write_time: WriteTime) -> NamedDevice:
    return NamedDevice(
        deviceId=device,
        requestStatus="success",
        resultReason="Success",
        statusTime=optional_time(row.upgraded_ms, write_time),
        lastConnectionTime=optional_time(last_connection_ms(row.licensed_ms, row.seen_ms)),
        **_members(row, installed, write_time),
    )
