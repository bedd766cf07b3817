"""Operations on the keys by which devices identify themselves at /device/v1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.identity import Role
from fotapool.domain.names import format_device_id
from fotapool.operator_api.calls import DEVICE_ID, OperatorCall, time_or_none
from fotapool.operator_api.identity.credentials import Name
from fotapool.operator_api.identity.keys import KeyView, Rotation, key_view, old_key_view
from fotapool.services.identity import device_keys
from fotapool.store.identity.device_keys import DeviceKey
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


class RotatedDeviceKey(msgspec.Struct):
    """The new key is shown only in this answer. `oldKeyExpireTime` is null if the old key has ended."""

    name: str
    deviceId: str | None
    key: str
    oldKeyExpireTime: str | None


class DeviceKeyView(msgspec.Struct):
    """The key with this name, and the one that was replaced while it is valid."""

    name: str
    deviceId: str | None
    createTime: str
    key: KeyView
    oldKey: KeyView | None


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
    return DeviceKeyList([_key_view(keys) for keys in found], more)


def _key_view(keys: Sequence[DeviceKey]) -> DeviceKeyView:
    one = keys[0]
    created = format_timestamp(one.created_ms)
    return DeviceKeyView(
        name=one.name, deviceId=_device_of(one), createTime=created, key=key_view(one), oldKey=old_key_view(keys)
    )


def _device_of(key: DeviceKey) -> str | None:
    return None if key.imei is None else format_device_id(key.imei)


async def rotate_device_key(call: OperatorCall, given: Rotation) -> RotatedDeviceKey:
    """Replace a device key; the old one stays valid for a while."""
    name, caller = call.path["key"], await call.caller()
    key, facts, expires_ms = await device_keys.rotate_device_key(call.context, caller, name, given.overlap_ms)
    return RotatedDeviceKey(name, _device_of(facts), key, time_or_none(expires_ms))


async def delete_device_key(call: OperatorCall) -> None:
    """Revoke a device key."""
    await device_keys.delete_device_key(call.context, await call.caller(), call.path["key"])


_PATH = "/accounts/{name}/device-keys"
OPERATIONS = (
    Operation("POST", _PATH, create_device_key, status=201, role=Role.ADMIN),
    Operation("GET", _PATH, list_device_keys, parameters=PAGE_BY_NAME),
    Operation("POST", _PATH + "/{key}/rotate", rotate_device_key, role=Role.ADMIN),
    Operation("DELETE", _PATH + "/{key}", delete_device_key, role=Role.ADMIN),
)
