"""Reads requests of devices: key, device, body; and sends answers and errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fotapool.device.problems import problem, problem_of
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.services.context import Caller, Context
from fotapool.services.identity.device_keys import KeyRing, KeyUnknown
from fotapool.web.http import Endpoint, RequestIds, by_method, read_body

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=msgspec.Struct)
MAX_BODY_BYTES = 16 * 1024
"""How long a body may be, logs aside."""
NO_DEVICE = -1


@dataclass(slots=True)
class DeviceCall:
    """A request of a device whose key was checked."""

    context: Context
    caller: Caller
    key_hash: bytes
    imei: int
    request: Request
    look_up: Callable[[], Awaitable[Caller]]
    """Looks the key up again, where the caller is a remembered one and turned out not to hold. Raises KeyUnknown."""

    async def body(self, shape: type[Body], limit_bytes: int = MAX_BODY_BYTES) -> Body:
        """Raises Invalid that says what is wrong with the body, or RequestRejected(BODY_TOO_LARGE)."""
        length = self.request.headers.get("content-length", "0")
        declared = int(length) if length.isascii() and length.isdigit() else 0
        text = await read_body(self.request.receive, declared, limit_bytes)
        try:
            return msgspec.json.decode(text, type=shape)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise Invalid(f"the body is not what the operation takes: {error}") from error


@dataclass(frozen=True, slots=True)
class DeviceOperation:
    """One operation of the devices' edge; one table drives routes and the OpenAPI document."""

    name: str
    method: str
    path: str
    """Below the edge's base; begins with the device."""
    handle: Callable[[DeviceCall], Awaitable[Response]]
    summary: str
    response: type | None
    """None for one that answers the octets of a content."""
    request: type | None = None
    checks_key: bool = False
    """Whether it checks the key itself, in the transaction of its change."""


class DeviceEndpoint(Endpoint):
    """The operations of one path, by method, as an ASGI application."""

    def __init__(
        self, context: Context, keys: KeyRing, request_ids: RequestIds, operations: Sequence[DeviceOperation]
    ) -> None:
        super().__init__(request_ids)
        self._context = context
        self._keys = keys
        self._operations = by_method(operations)
        self._allowed = ", ".join(sorted([*self._operations, "OPTIONS"]))

    async def respond(self, request: Request, request_id: str) -> Response:
        operation = self._operations.get(request.method)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allowed})
        if operation is None:
            return problem(405, f"this resource takes {self._allowed}", {"Allow": self._allowed})
        try:
            return await operation.handle(await self._identified(operation, request, request_id))
        except Exception as error:
            answer = problem_of(error, self._context.settings.retry_after_s)
            if answer is None:
                log.exception("request %s failed", request_id)
                return problem(500, "a fault of the server; its log has the details")
            return answer

    async def _identified(self, operation: DeviceOperation, request: Request, request_id: str) -> DeviceCall:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise KeyUnknown
        text = request.path_params["deviceId"]
        imei = int(text) if is_device_id(text) else NO_DEVICE

        async def look_up() -> Caller:
            return (await self._keys.identify(key.strip(), imei, request_id, False))[0]

        caller, key_hash = await self._keys.identify(key.strip(), imei, request_id, operation.checks_key)
        return DeviceCall(
            context=self._context, caller=caller, key_hash=key_hash, imei=imei, request=request, look_up=look_up
        )


class UnknownDevicePath(Endpoint):
    """Answers whatever the devices' edge does not have."""

    async def respond(self, request: Request, request_id: str) -> Response:
        return problem(404, "there is no such resource for devices; see docs/device-protocol.md")


def answer(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
