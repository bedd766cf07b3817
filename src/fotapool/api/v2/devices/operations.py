"""Version 2's operations on devices and the software that fits them."""

from __future__ import annotations

from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v2.devices import schemas as words
from fotapool.domain.devices.devices import parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.devices import devices
from fotapool.services.packages import packages


def _protocol(word: str | None) -> str | None:
    """The protocol asked for, or None for all. Raises RequestRejected(PROTOCOL_INVALID)."""
    if word is None:
        return None
    protocol = parse_protocol(word)
    if protocol is None:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID, word[:40])
    return protocol


async def list_software(call: Call) -> list[words.Software]:
    protocol = _protocol(call.query("distributionType"))
    return words.software_list(await packages.list_fitting_packages(call.context, call.caller, protocol))


async def list_devices(call: Call) -> words.DevicesResult:
    protocol = _protocol(call.query("distributionType"))
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    found = await devices.read_page(call.context, call.caller, protocol, cursor)
    page_size = call.context.settings.page_size
    return words.devices_result(call.caller.account_name, found, page_size, call.write_time())


OPERATIONS = (
    Operation(
        id="V2-19",
        name="list_software",
        method="GET",
        paths=["/software/{account}"],
        handle=list_software,
        summary="List software that fits devices of the account",
        response=list[words.Software],
        evidence=Evidence.SDK,
        query=["distributionType"],
        sdk="software_management_reports_v2.list_available_software",
        notes="`distributionType` is `LWM2M`, `OMD-DM` or `HTTP`; without it, software of every type is listed. "
        "Software fits if a device has its make, model and protocol, and its from-version as current firmware. "
        f"At most {packages.MAX_PACKAGES_LISTED:,} are listed, by name.",
    ),
    Operation(
        id="V2-20",
        name="list_devices",
        method="GET",
        paths=["/devices/{account}"],
        handle=list_devices,
        summary="List devices with IMEIs greater than the last seen one",
        response=words.DevicesResult,
        evidence=Evidence.DOCUMENTED,
        query=["lastSeenDeviceId", "distributionType"],
        sdk="software_management_reports_v2.list_account_devices",
        notes="Without `distributionType` devices of every type are listed, as the SDK's text says of a filter. "
        "`appFotaEligible` is true of eligible HTTP devices.",
    ),
)
