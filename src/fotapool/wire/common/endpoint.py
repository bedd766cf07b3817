"""One resource of a dialect as an ASGI application: tokens, account, body, operation, answer."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from fotapool.domain.errors import NotFound, Refusal, Refused
from fotapool.http import RequestIds, read_body
from fotapool.store.database import StoreUnavailable
from fotapool.usecases.context import Context
from fotapool.usecases.signins import Gate
from fotapool.wire.common.answers import (
    Answer,
    GatewayFault,
    json_answer,
    method_not_allowed,
    send_answer,
    unknown_resource,
)
from fotapool.wire.common.errors import refusal_answer
from fotapool.wire.common.operations import Call, Operation

log = logging.getLogger(__name__)

_BEARER = b"bearer "


class RequestHead:
    """The headers that matter, read in one pass."""

    __slots__ = ("bearer", "content_length", "request_id", "session", "user_agent")

    def __init__(self, scope: Scope) -> None:
        self.bearer: str | None = None
        self.session: str | None = None
        self.user_agent = b""
        self.request_id: bytes | None = None
        self.content_length = 0
        for name, value in scope["headers"]:
            if name == b"authorization":
                if value[:7].lower() == _BEARER:
                    self.bearer = value[7:].strip().decode("latin-1")
            elif name == b"vz-m2m-token":
                self.session = value.strip().decode("latin-1")
            elif name == b"user-agent":
                self.user_agent = value
            elif name == b"x-request-id":
                self.request_id = value
            elif name == b"content-length":
                self.content_length = int(value) if value.isdigit() else 0


class Endpoint:
    """The operations of one path, by method."""

    def __init__(
        self,
        context: Context,
        gate: Gate,
        request_ids: RequestIds,
        api_context: str,
        operations: Iterable[Operation],
    ) -> None:
        self._context = context
        self._gate = gate
        self._request_ids = request_ids
        self._api_context = api_context
        self._operations = {operation.method: operation for operation in operations}
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]
        self._allowed = ", ".join(sorted([*self._operations, "OPTIONS"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead(scope)
        request_id = self._request_ids.choose(head.request_id)
        method = scope["method"]
        operation = self._operations.get(method)
        if operation is not None:
            answer = await self._answer(operation, scope, receive, head, request_id)
        elif method == "OPTIONS":
            answer = Answer(204, b"", ((b"allow", self._allowed.encode()),))
        else:
            answer = method_not_allowed(self._allowed)
        await send_answer(send, answer, request_id, method != "HEAD")

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead, request_id: bytes
    ) -> Answer:
        try:
            return json_answer(await self._handle(operation, scope, receive, head, request_id))
        except Refused as refused:
            return self._refuse(refused)
        except StoreUnavailable:
            return self._refuse(Refused(Refusal.STORE_UNAVAILABLE))
        except NotFound:
            return self._refuse(Refused(Refusal.ACCOUNT_NOT_FOUND, scope["path_params"]["account"]))
        except Exception:
            log.exception("request %s failed", request_id.decode())
            return self._refuse(Refused(Refusal.INTERNAL))

    async def _handle(
        self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead, request_id: bytes
    ) -> msgspec.Struct:
        path = scope["path_params"]
        caller = await self._gate.check_account(head.bearer, head.session, path["account"], request_id.decode())
        limit = self._context.settings.max_body_bytes
        body = await read_body(receive, head.content_length, limit) if operation.request else b""
        call = Call(self._context, caller, path, scope["query_string"], head.user_agent, body)
        answer: msgspec.Struct = await operation.handle(call)
        return answer

    def _refuse(self, refused: Refused) -> Answer:
        return refusal_answer(refused, self._api_context, self._context.settings.retry_after_s)


def dialect_router(
    context: Context, gate: Gate, request_ids: RequestIds, api_context: str, operations: Iterable[Operation]
) -> Router:
    """The routes of one dialect; whatever it lacks is answered as the gateway does."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        for path in operation.paths:
            by_path.setdefault(path, []).append(operation)
    routes = [
        Route(path, Endpoint(context, gate, request_ids, api_context, of_path)) for path, of_path in by_path.items()
    ]
    return Router(routes, redirect_slashes=False, default=GatewayFault(unknown_resource(api_context)))
