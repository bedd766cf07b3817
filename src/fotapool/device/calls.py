"""Requests of devices: the device key, the device in the path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request

from fotapool.core.logs.context import note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.names import is_device_id
from fotapool.services.context import Caller, Context
from fotapool.services.identity.device_keys import KeyRing, KeyUnknown
from fotapool.web.endpoint import JsonEndpoint, bearer_key
from fotapool.web.http import RequestIds, sender_address
from fotapool.web.operations import Call, Operation

log = Log(__name__)

MAX_BODY_BYTES = 16 * 1024
"""The limit of a body, except for logs."""
NO_DEVICE = -1


class DeviceOperation(Operation, frozen=True, kw_only=True):
    """An operation of the device API."""

    checks_key: bool = False
    """Whether it checks the key itself, in the transaction of its change."""


class DeviceCall(Call):
    """A request of a device."""

    caller: Caller
    key_hash: bytes
    imei: int
    look_up: Callable[[], Awaitable[Caller]]
    """Looks the key up again, if the remembered caller turned out to be outdated. Raises KeyUnknown."""


class DeviceEndpoint(JsonEndpoint[DeviceOperation]):
    """The operations of one path, for devices with a key."""

    api = "device"
    unknown_path = "there is no such resource for devices; see docs/reference/device-protocol.md"
    key_hint = "send the device key as Authorization: Bearer KEY"
    realm = "fotapool device"

    def __init__(
        self, context: Context, request_ids: RequestIds, keys: KeyRing, operations: Sequence[DeviceOperation]
    ) -> None:
        super().__init__(context, request_ids, operations)
        self.max_body_bytes = MAX_BODY_BYTES
        self._keys = keys

    async def _identify(
        self, request: Request, key: str, imei: int, request_id: str, cached: bool = False
    ) -> tuple[Caller, bytes]:
        try:
            return await self._keys.identify(key, imei, request_id, cached)
        except KeyUnknown:
            log.write(LogEvent.DEVICE_KEY_REFUSED, address=sender_address(request.scope) or "an unknown address")
            raise

    async def identify(self, operation: DeviceOperation, request: Request, request_id: str) -> DeviceCall:
        key = bearer_key(request)
        text = request.path_params["deviceId"]
        imei = int(text) if is_device_id(text) else NO_DEVICE

        async def look_up() -> Caller:
            return (await self._identify(request, key, imei, request_id))[0]

        caller, key_hash = await self._identify(request, key, imei, request_id, cached=operation.checks_key)
        note_sender(caller.actor, caller.account_name)
        return DeviceCall(
            context=self.context,
            operation=operation,
            request=request,
            request_id=request_id,
            caller=caller,
            key_hash=key_hash,
            imei=imei,
            look_up=look_up,
        )
