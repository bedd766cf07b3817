"""One resource of a dialect as an ASGI application: tokens, account, body, operation, answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from fotapool.api.common.errors import error_response
from fotapool.api.common.operations import Call, Operation, Takes, Upload
from fotapool.api.common.responses import (
    Answer,
    GatewayFault,
    json_answer,
    method_not_allowed,
    send_answer,
    unknown_resource,
)
from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.services.accounts.rejections import count_rejection
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.db.writer import AuthEpochChanged
from fotapool.web.http import REJECTION, ClientGone, RequestIds, read_body, stream_body

log = logging.getLogger(__name__)

READING = ("GET", "HEAD")
SIGN_IN_TRIES = 3
"""How often a change is tried whose sign-in had to be checked anew because some sign-in was ended meanwhile."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text: msgspec.json.Decoder[Any] = msgspec.json.Decoder(str | None)
_BEARER = b"bearer "
_TAKES_GZIP = re.compile(rb"(?:^|[\s,])gzip\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))", re.IGNORECASE)
"""An Accept-Encoding that names gzip, and not with the weight 0, which refuses it."""


class RequestHead:
    """The headers that matter, read in one pass."""

    __slots__ = ("bearer", "content_length", "request_id", "session", "takes_gzip", "user_agent")

    def __init__(self, scope: Scope) -> None:
        self.bearer: str | None = None
        self.session: str | None = None
        self.user_agent = b""
        self.request_id: bytes | None = None
        self.content_length = 0
        self.takes_gzip = False
        for name, value in scope["headers"]:
            if name == b"authorization":
                if value[:7].lower() == _BEARER:
                    self.bearer = value[7:].strip().decode("latin-1")
            elif name == b"vz-m2m-token":
                self.session = value.strip().decode("latin-1")
            elif name == b"user-agent":
                self.user_agent = value
            elif name == b"accept-encoding":
                self.takes_gzip = _TAKES_GZIP.search(value) is not None
            elif name == b"x-request-id":
                self.request_id = value
            elif name == b"content-length":
                self.content_length = int(value) if value.isdigit() else 0


class Endpoint:
    """The operations of one path, by method."""

    def __init__(
        self,
        context: Context,
        gate: Authenticator,
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
            answer = await self._answer(
                operation=operation, scope=scope, receive=receive, head=head, request_id=request_id
            )
        elif method == "OPTIONS":
            answer = Answer(204, b"", ((b"allow", self._allowed.encode()),))
        else:
            answer = method_not_allowed(self._allowed)
        await send_answer(
            send=send, answer=answer, request_id=request_id, with_body=method != "HEAD", takes_gzip=head.takes_gzip
        )

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead, request_id: bytes
    ) -> Answer:
        try:
            if operation.takes is not None:
                taken = self._handle_upload(
                    operation=operation,
                    takes=operation.takes,
                    scope=scope,
                    receive=receive,
                    head=head,
                    request_id=request_id,
                )
                return json_answer(await taken)
            return json_answer(
                await self._handle(operation=operation, scope=scope, receive=receive, head=head, request_id=request_id)
            )
        except RequestRejected as rejected:
            count_rejection(self._context, scope["path_params"].get("account", ""), rejected.code)
            return self._refuse(scope, rejected)
        except StoreUnavailable:
            return self._refuse(scope, RequestRejected(ErrorCode.STORE_UNAVAILABLE))
        except NotFound:
            return self._refuse(scope, RequestRejected(ErrorCode.ACCOUNT_NOT_FOUND, scope["path_params"]["account"]))
        except ClientGone:
            return self._refuse(scope, RequestRejected(ErrorCode.BODY_INVALID))
        except Exception:
            log.exception("request %s failed", request_id.decode())
            return self._refuse(scope, RequestRejected(ErrorCode.INTERNAL))

    async def _handle(
        self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead, request_id: bytes
    ) -> msgspec.Struct:
        path = scope["path_params"]
        changes = operation.method not in READING
        body: bytes | None = None
        limit = self._context.settings.max_body_bytes
        if operation.account_member:
            await self._gate.check_session(head.bearer, head.session)  # only then may it make us read a body
            body = await read_body(receive, head.content_length, limit)
            path = scope["path_params"] = {**path, "account": _account_in(body, operation.account_member)}
        tokens = head.bearer, head.session, path["account"], request_id.decode()
        for _ in range(SIGN_IN_TRIES):
            caller = await self._gate.check_account(*tokens, changes)
            if body is None:
                body = await read_body(receive, head.content_length, limit) if operation.request else b""
            call = Call(
                context=self._context,
                caller=caller,
                path=path,
                query_string=scope["query_string"],
                user_agent=head.user_agent,
                body=body,
            )
            try:
                answer: msgspec.Struct = await operation.handle(call)
                return answer
            except AuthEpochChanged:
                self._gate.forget()
            except RequestRejected:
                if changes:  # the change did not get as far as to check its remembered sign-in
                    await self._gate.check_account(*tokens)
                raise
        raise RequestRejected(ErrorCode.BUSY)

    async def _handle_upload(
        self, operation: Operation, takes: Takes, scope: Scope, receive: Receive, head: RequestHead, request_id: bytes
    ) -> msgspec.Struct:
        """The same for a body that is read once, as a stream; the sign-in is looked up before, and again after it."""
        path = scope["path_params"]
        tokens = head.bearer, head.session, path["account"], request_id.decode()
        await self._gate.check_account(*tokens)
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        upload = Upload(content_type.decode("latin-1"), head.content_length, stream_body(receive))
        async with takes(self._context, upload) as taken:
            for _ in range(SIGN_IN_TRIES):
                caller = await self._gate.check_account(*tokens, True)
                call = Call(
                    context=self._context,
                    caller=caller,
                    path=path,
                    query_string=scope["query_string"],
                    user_agent=head.user_agent,
                    body=b"",
                    taken=taken,
                )
                try:
                    answer: msgspec.Struct = await operation.handle(call)
                    return answer
                except AuthEpochChanged:
                    self._gate.forget()
        raise RequestRejected(ErrorCode.BUSY)

    def _refuse(self, scope: Scope, rejected: RequestRejected) -> Answer:
        scope[REJECTION] = rejected.with_traceback(None)  # whose frames hold the scope
        return error_response(rejected, self._api_context, self._context.settings.retry_after_s)


def _account_in(body: bytes, member: str) -> str:
    """The account that the body names, or "", which is no account's name. Raises RequestRejected(BODY_INVALID)."""
    try:
        named = _members.decode(body).get(member)
        return (_text.decode(named) if named is not None else None) or ""
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error


class VersionApp:
    """One dialect as an ASGI application; whatever it lacks is answered as the gateway does.

    Its few paths are told apart by their segments: a general router costs as much as the rest of a small request.
    """

    def __init__(
        self,
        context: Context,
        gate: Authenticator,
        request_ids: RequestIds,
        base: str,
        api_context: str,
        operations: Iterable[Operation],
    ) -> None:
        by_path: dict[str, list[Operation]] = {}
        for operation in operations:
            for path in operation.paths:
                by_path.setdefault(path, []).append(operation)
        self._base_length = len(base)
        self._unknown = GatewayFault(unknown_resource(api_context))
        self._by_length: dict[int, list[tuple[list[str], Endpoint]]] = {}
        for path, of_path in by_path.items():
            template = path.split("/")
            endpoint = Endpoint(
                context=context, gate=gate, request_ids=request_ids, api_context=api_context, operations=of_path
            )
            self._by_length.setdefault(len(template), []).append((template, endpoint))
        for found in self._by_length.values():  # a segment as it is printed goes before a parameter in its place
            found.sort(key=lambda pair: [segment[:1] == "{" for segment in pair[0]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        segments = scope["path"][self._base_length :].split("/")
        for template, endpoint in self._by_length.get(len(segments), ()):
            params = _match(template, segments)
            if params is not None:
                scope["path_params"] = params
                await endpoint(scope, receive, send)
                return
        await self._unknown(scope, receive, send)


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    """The path's parameters, or None if it does not fit the template."""
    params: dict[str, str] = {}
    for wanted, segment in zip(template, segments, strict=True):
        if wanted[:1] == "{" and segment:
            params[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return params
