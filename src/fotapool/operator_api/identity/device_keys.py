"""Operations on the keys by which devices identify themselves at /device/v1."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.identity import Role
from fotapool.domain.names import format_device_id
from fotapool.operator_api.calls import DEVICE_ID, OperatorCall
from fotapool.operator_api.identity.credentials import Name
from fotapool.services.identity import device_keys
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NAME, PAGE_BY_NAME

_DeviceId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[0-9]{15}$"})]


class NewDeviceKey(msgspec.Struct, forbid_unknown_fields=True):
    """Without `deviceId`, the key is for all devices of the account."""

    name: Name
    deviceId: _DeviceId | None = None


class CreatedDeviceKey(msgspec.Struct):
    """The key is shown only in this answer."""

    name: str
    deviceId: str | None
    key: str


class DeviceKeyView(msgspec.Struct):
    name: str
    deviceId: str | None
    createTime: str


class DeviceKeyList(msgspec.Struct):
    deviceKeys: list[DeviceKeyView]
    hasMoreData: bool


async def create_device_key(call: OperatorCall, given: NewDeviceKey) -> CreatedDeviceKey:
    """Create a key for one device of the account or for all of them."""
    caller = await call.caller()
    imei = None if given.deviceId is None else DEVICE_ID.check(given.deviceId)
    key = await device_keys.create_device_key(call.context, caller, given.name, imei)
    return CreatedDeviceKey(given.name, given.deviceId, key)


async def list_device_keys(call: OperatorCall) -> DeviceKeyList:
    """List the account's device keys."""
    found, more = call.page(
        await device_keys.list_device_keys(call.context, await call.caller(), call.get(AFTER_NAME), call.read_limit)
    )
    views = [
        DeviceKeyView(
            key.name, None if key.imei is None else format_device_id(key.imei), format_timestamp(key.created_ms)
        )
        for key in found
    ]
    return DeviceKeyList(views, more)


async def delete_device_key(call: OperatorCall) -> None:
    """Revoke a device key."""
    await device_keys.delete_device_key(call.context, await call.caller(), call.path["key"])


_PATH = "/accounts/{name}/device-keys"
OPERATIONS = (
    Operation("POST", _PATH, create_device_key, status=201, role=Role.ADMIN),
    Operation("GET", _PATH, list_device_keys, parameters=PAGE_BY_NAME),
    Operation("DELETE", _PATH + "/{key}", delete_device_key, role=Role.ADMIN),
)
