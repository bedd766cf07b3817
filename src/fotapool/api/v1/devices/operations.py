"""Version 1's operations on devices and the firmware that fits them."""

from __future__ import annotations

from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v1.devices import schemas as words
from fotapool.domain.devices.devices import parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.devices import devices
from fotapool.services.packages import packages

CLIENT_TYPES = ("OMADM", "LWM2M")


def _client_type(word: str | None) -> str | None:
    """The protocol asked for, or None for all. Raises RequestRejected(PROTOCOL_INVALID)."""
    if word is None:
        return None
    protocol = parse_protocol(word)
    if protocol not in CLIENT_TYPES:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID, word[:40])
    return protocol


async def list_firmware(call: Call) -> list[words.Firmware]:
    found = await packages.list_fitting_packages(call.context, call.caller, None)
    return words.firmware_list(call.caller.account_name, found)


async def list_devices(call: Call) -> words.DevicesResult:
    protocol = _client_type(call.query("clientType"))
    cursor = parse_device_cursor(call.start("startIndex"))
    found = await devices.read_page(call.context, call.caller, protocol, cursor)
    return words.devices_result(call.caller.account_name, found.page, call.write_time())


OPERATIONS = (
    Operation(
        id="V1-8",
        name="list_firmware",
        method="GET",
        paths=["/firmware/{account}"],
        handle=list_firmware,
        summary="List firmware that fits devices of the account",
        response=list[words.Firmware],
        evidence=Evidence.SDK,
        sdk="firmware_v1.list_available_firmware",
        notes="An image fits if a device has its make, model and protocol, and its fromVersion as current firmware. "
        f"At most {packages.MAX_PACKAGES_LISTED:,} are listed, by name.",
    ),
    Operation(
        id="V1-13",
        name="list_devices",
        method="GET",
        paths=["/devices/{account}/index/{index}"],
        handle=list_devices,
        summary="List devices with IMEIs greater than the last seen one",
        response=words.DevicesResult,
        evidence=Evidence.DOCUMENTED,
        query=["clientType"],
        sdk="software_management_reports_v1.list_account_devices",
        notes="Without `clientType` (`OMADM` or `LWM2M`) devices of every protocol are listed.",
    ),
)
