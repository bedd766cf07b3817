"""Version 3's operations on devices and their firmware."""

from __future__ import annotations

from fotapool.api.common.device_list_bodies import DeviceListBody, read_device_list
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v3.devices import schemas as words
from fotapool.domain.devices.devices import parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import parse_device_ids
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.devices import devices
from fotapool.services.packages import packages

ALL = "all"
FIRMWARE_PROTOCOLS = ("LWM2M", "OMADM")


def _protocol(call: Call, default: str) -> str | None:
    """The protocol asked for, or None for all. Raises RequestRejected(PROTOCOL_INVALID)."""
    given = call.query("protocol")
    word = default if given is None else given
    protocol = parse_protocol(word)
    if protocol is None and word.lower() != ALL:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID, word[:40])
    return protocol


async def list_firmware(call: Call) -> list[words.Firmware]:
    protocol = _protocol(call, ALL)
    if protocol is not None and protocol not in FIRMWARE_PROTOCOLS:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID, protocol)
    return words.firmware_list(await packages.list_fitting_packages(call.context, call.caller, protocol))


async def synchronize_firmware(call: Call) -> words.DevicesFirmware:
    texts, ids = read_device_list(call.body, devices.MAX_DEVICES_NAMED)
    found, at_ms = await devices.synchronize_firmware(call.context, call.caller, ids)
    return words.devices_firmware(call.caller.account_name, list(zip(texts, ids, strict=True)), found, at_ms)


async def report_firmware(call: Call) -> words.ReportRequest:
    (device,) = parse_device_ids([call.path["deviceId"]])
    request_id = await devices.request_report(call.context, call.caller, device)
    return words.ReportRequest(call.caller.account_name, request_id)


async def list_devices(call: Call) -> words.AccountDevices:
    protocol = _protocol(call, "LWM2M")
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    found = await devices.read_page(call.context, call.caller, protocol, cursor)
    page_size = call.context.settings.page_size
    return words.account_devices(call.caller.account_name, found, page_size, call.write_time())


async def find_devices(call: Call) -> words.NamedDevices:
    protocol = _protocol(call, ALL)
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    texts, ids = read_device_list(call.body, devices.MAX_DEVICES_NAMED)
    found, installed = await devices.read_named(call.context, call.caller, ids)
    wanted = [
        (text, imei)
        for text, imei in zip(texts, ids, strict=True)
        if (cursor == 0 or imei > cursor)
        and (protocol is None or imei not in found or found[imei].protocol == protocol)
    ]
    return words.named_devices(
        account=call.caller.account_name, wanted=wanted, found=found, installed=installed, write_time=call.write_time()
    )


OPERATIONS = (
    Operation(
        id="V3-17",
        name="list_firmware",
        method="GET",
        paths=["/firmware/{account}"],
        handle=list_firmware,
        summary="List firmware that fits devices of the account",
        response=list[words.Firmware],
        evidence=Evidence.SDK,
        query=["protocol"],
        sdk="firmware_v3.list_available_firmware",
        notes="`protocol` is `LWM2M`, `OMD-DM` or `all`; without it, `all`. Firmware fits if a device has its make, "
        "model and protocol, and its firmwareFrom as current firmware. "
        f"At most {packages.MAX_PACKAGES_LISTED:,} are listed, by name.",
    ),
    Operation(
        id="V3-18",
        name="synchronize_firmware",
        method="PUT",
        paths=["/firmware/{account}/devices"],
        handle=synchronize_firmware,
        summary="Synchronize what is known of devices' firmware",
        response=words.DevicesFirmware,
        evidence=Evidence.SDK,
        request=DeviceListBody,
        sdk="firmware_v3.synchronize_device_firmware",
        notes=f"Up to {devices.MAX_DEVICES_NAMED:,} devices (the SDK's schema; its text says 100). A device that the "
        "account does not have fails in its row. The list and the time are sent under both of their names.",
    ),
    Operation(
        id="V3-19",
        name="report_firmware",
        method="PUT",
        paths=["/firmware/{account}/async/{deviceId}"],
        handle=report_firmware,
        summary="Ask a device to report its firmware when it next checks in",
        response=words.ReportRequest,
        evidence=Evidence.SDK,
        sdk="firmware_v3.report_device_firmware",
        notes="While a request of the device is open, asking again answers its id.",
    ),
    Operation(
        id="V3-20",
        name="list_devices",
        method="GET",
        paths=["/devices/{account}"],
        handle=list_devices,
        summary="List devices with IMEIs greater than the last seen one",
        response=words.AccountDevices,
        evidence=Evidence.DOCUMENTED,
        query=["lastSeenDeviceId", "protocol"],
        sdk="account_devices.get_account_device_information",
        notes="`protocol` is `LWM2M` (if left out), `OMADM`, `HTTP` or `all`, the last one being our addition.",
    ),
    Operation(
        id="V3-21",
        name="find_devices",
        method="POST",
        paths=["/devices/{account}"],
        handle=find_devices,
        summary="Read what is known of the devices named",
        response=words.NamedDevices,
        evidence=Evidence.DOCUMENTED,
        request=DeviceListBody,
        query=["lastSeenDeviceId", "protocol"],
        sdk="account_devices.list_account_devices_information",
        notes=f"Up to {devices.MAX_DEVICES_NAMED:,} devices. The page's two queries leave devices out: those with "
        "IMEIs up to lastSeenDeviceId, and those of another protocol. lastConnectionTime is there while the device "
        "is licensed and was heard of since.",
    ),
)
