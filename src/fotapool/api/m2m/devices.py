"""Connectivity Management: the list of devices (SDK models AccountDeviceListRequest, ThingspaceDevice)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from fotapool.api.common.bodies import read_document
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import optional_time
from fotapool.api.common.time_styles import rfc3339
from fotapool.domain.devices.devices import DeviceIdentifier, parse_identifier
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.context import Context
from fotapool.services.devices import identifiers
from fotapool.store.devices.devices import DeviceRow

MIN_DEVICES, MAX_DEVICES = 500, 2_000
"""How many devices a client may ask for in one response; the default is the most."""
UNKNOWN_FILTERS = ("filter", "currentState", "customFields", "earliest", "groupName", "latest", "servicePlan")

Number = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(pattern="^[0-9]{1,18}$")]
NotEmulated = Annotated[Any, msgspec.Meta(extra_json_schema={"type": "null", "description": "Not emulated"})]


class Identifier(msgspec.Struct):
    """An identifier of a device: its IMEI or its MDN."""

    id: str
    kind: str


class ListDevicesBody(msgspec.Struct):
    """`largestDeviceIdSeen` is the `DeviceId` among the extendedAttributes of the last device seen."""

    accountName: str | None = None
    deviceId: Identifier | None = None
    largestDeviceIdSeen: Number | None = None
    maxNumberOfDevices: Annotated[int, msgspec.Meta(ge=MIN_DEVICES, le=MAX_DEVICES)] | None = None
    filter: NotEmulated = None
    currentState: NotEmulated = None
    customFields: NotEmulated = None
    earliest: NotEmulated = None
    groupName: NotEmulated = None
    latest: NotEmulated = None
    servicePlan: NotEmulated = None


class DeviceKey(msgspec.Struct):
    id: str
    kind: str


class Attribute(msgspec.Struct):
    key: str
    value: str


class Carrier(msgspec.Struct):
    state: str


class Device(msgspec.Struct):
    """What is not known of a device is left out."""

    accountName: str
    carrierInformations: list[Carrier]
    createdAt: str
    deviceIds: list[DeviceKey]
    extendedAttributes: list[Attribute]
    lastConnectionDate: str | msgspec.UnsetType = msgspec.UNSET


class Devices(msgspec.Struct):
    hasMoreData: bool
    devices: list[Device]


def _device(account: str, row: DeviceRow) -> Device:
    keys = [DeviceKey(format_device_id(row.imei), "imei")]
    return Device(
        accountName=account,
        carrierInformations=[Carrier(row.status.lower())],
        createdAt=rfc3339(row.created_ms),
        deviceIds=keys + ([DeviceKey(row.mdn, "mdn")] if row.mdn else []),
        extendedAttributes=[Attribute("DeviceId", str(row.imei))],
        lastConnectionDate=optional_time(row.seen_ms),
    )


_list = msgspec.json.Decoder(ListDevicesBody)


def _read_identifier(given: ListDevicesBody) -> DeviceIdentifier | None:
    """Raises RequestRejected(NOT_EMULATED or DEVICE_ID_INVALID)."""
    return None if given.deviceId is None else parse_identifier(given.deviceId.kind, given.deviceId.id)


async def find_account(context: Context, username: str, body: bytes) -> str:
    """The account of a request that names none; see `identifiers.find_account`."""
    return await identifiers.find_account(context, username, _read_identifier(read_document(_list, body)))


operations = OperationTable()


@operations.post(
    "M2M-1",
    "/devices/actions/list",
    evidence=Evidence.SDK,
    request=ListDevicesBody,
    sdk="device_management.list_devices_information",
    reads=True,
    account_member="accountName",
    find_account=find_account,
    notes=f"By IMEI, {MAX_DEVICES:,} devices in an answer if `maxNumberOfDevices` ({MIN_DEVICES} to {MAX_DEVICES:,}) "
    "is left out. The `DeviceId` in extendedAttributes is the IMEI as a number. Without `accountName`, the account is "
    "the user's that has the device, or the user's only one. `deviceId` is an IMEI or an MDN; other kinds and other "
    "filters are refused. Known of a device are its IMEI, MDN, state, time of creation and last contact; everything "
    "else is left out.",
)
async def list_devices(call: Call) -> Devices:
    """List devices, or find one by its identifier."""
    given = read_document(_list, call.body)
    for name in UNKNOWN_FILTERS:
        if getattr(given, name) is not None:
            raise RequestRejected(ErrorCode.NOT_EMULATED, f"The filter {name}")
    identifier = _read_identifier(given)
    if identifier is not None:
        rows = await identifiers.find_devices(call.context, call.caller, identifier)
        return Devices(False, [_device(call.account, row) for row in rows])
    after = int(given.largestDeviceIdSeen or 0) or BEFORE_ALL
    size = given.maxNumberOfDevices or MAX_DEVICES
    page = await identifiers.list_devices_after(call.context, call.caller, after, size)
    return Devices(page.has_more, [_device(call.account, row) for row in page.rows])
