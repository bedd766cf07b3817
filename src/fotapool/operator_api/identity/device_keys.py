"""Operations on the keys by which devices identify themselves at /device/v1."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.operator_api.identity.credentials import Name
from fotapool.operator_api.requests import OperatorCall, OperatorOperation, answer, no_content
from fotapool.services.identity import device_keys

_DeviceId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[0-9]{15}$"})]


class NewDeviceKey(msgspec.Struct, forbid_unknown_fields=True):
    """Without a device, the key is for all devices of the account."""

    name: Name
    deviceId: _DeviceId | None = None


class CreatedDeviceKey(msgspec.Struct):
    """The key is shown this once."""

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


async def create_device_key(call: OperatorCall) -> Response:
    caller = await call.caller()
    given = await call.body(NewDeviceKey)
    if given.deviceId is not None and not is_device_id(given.deviceId):
        raise Invalid("deviceId must be 15 digits")
    imei = None if given.deviceId is None else int(given.deviceId)
    key = await device_keys.create_device_key(call.context, caller, given.name, imei)
    return answer(CreatedDeviceKey(given.name, given.deviceId, key), 201)


async def list_device_keys(call: OperatorCall) -> Response:
    limit = call.limit()
    found = await device_keys.list_device_keys(call.context, await call.caller(), call.after(), limit + 1)
    views = [
        DeviceKeyView(key.name, None if key.imei is None else format_device_id(key.imei), time_text(key.created_ms))
        for key in found[:limit]
    ]
    return answer(DeviceKeyList(views, len(found) > limit))


async def delete_device_key(call: OperatorCall) -> Response:
    await device_keys.delete_device_key(call.context, await call.caller(), call.request.path_params["key"])
    return no_content()


_PATH = "/accounts/{name}/device-keys"
OPERATIONS = (
    OperatorOperation(
        name="create_device_key",
        method="POST",
        path=_PATH,
        handle=create_device_key,
        summary="Make a key for one device of the account or for all of them",
        response=CreatedDeviceKey,
        status=201,
        request=NewDeviceKey,
        role=Role.ADMIN,
    ),
    OperatorOperation(
        name="list_device_keys",
        method="GET",
        path=_PATH,
        handle=list_device_keys,
        summary="List the account's device keys",
        response=DeviceKeyList,
        query=(("after", "the last name of the page before"), ("limit", "rows of a page, 1 to 1000; 100 by default")),
    ),
    OperatorOperation(
        name="delete_device_key",
        method="DELETE",
        path=_PATH + "/{key}",
        handle=delete_device_key,
        summary="Take a device key away",
        response=None,
        status=204,
        role=Role.ADMIN,
    ),
)
