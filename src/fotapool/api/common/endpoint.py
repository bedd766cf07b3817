"""The operations of a version as an ASGI application: tokens, account, body, handler, response."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable
from operator import itemgetter
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from fotapool.api.common.errors import (
    AUTH_ERRORS,
    FixedResponse,
    method_not_allowed,
)
from fotapool.api.common.idempotency import REPLAYED, handle_once
from fotapool.api.common.operations import Call, Operation, Upload, UploadStream
from fotapool.api.common.strict import strict
from fotapool.core.logs.context import begin_request, note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.services.accounts.rejections import count_rejection
from fotapool.services.context import Caller, Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.store.accounts.kept_answers import AnsweredBefore
from fotapool.store.db.commands import AuthEpochChanged
from fotapool.store.db.connection import StoreUnavailable
from fotapool.web.http import (
    ACCEPTS_GZIP,
    NO_STORE,
    REJECTION,
    ApiResponse,
    ClientGone,
    RequestIds,
    json_response,
    read_body,
    send_response,
    sender_address,
    stream_body,
)
from fotapool.web.observed import OPERATION

log = Log(__name__)

SIGN_IN_TRIES = 3
"""How often a change is tried if a session or token ends anywhere while it waits (AuthEpochChanged)."""

_BEARER = b"bearer "


Describe = Callable[[RequestRejected, int], ApiResponse]
"""The response of an API to a rejected request, with the seconds of Retry-After."""


class RequestHead:
    """The headers that matter, read in one pass."""

    __slots__ = (
        "accepts_gzip",
        "bearer",
        "content_length",
        "content_type",
        "idempotency_key",
        "request_id",
        "session",
        "user_agent",
    )

    def __init__(self, scope: Scope, request_ids: RequestIds) -> None:
        self.bearer: str | None = None
        self.session: str | None = None
        self.user_agent = b""
        request_id: bytes | None = None
        self.content_type = b""
        self.content_length = 0
        self.accepts_gzip = False
        self.idempotency_key: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization" and value[:7].lower() == _BEARER:
                self.bearer = value[7:].strip().decode("latin-1")
            elif name == b"vz-m2m-token":
                self.session = value.strip().decode("latin-1")
            elif name == b"user-agent":
                self.user_agent = value
            elif name == b"accept-encoding":
                self.accepts_gzip = ACCEPTS_GZIP.search(value) is not None
            elif name == b"x-request-id":
                request_id = value
            elif name == b"content-length":
                self.content_length = int(value) if value.isdigit() else 0
            elif name == b"content-type" and not self.content_type:
                self.content_type = value
            elif name == b"idempotency-key":
                given: bytes | None = self.idempotency_key  # two keys are joined as HTTP says, which is no key
                self.idempotency_key = value if given is None else b", ".join((given, value))
        self.request_id = request_ids.choose(request_id)


class Endpoint:
    """The operations of one path, by method."""

    def __init__(
        self,
        context: Context,
        authenticator: Authenticator,
        request_ids: RequestIds,
        version: str,
        describe: Describe,
        operations: Iterable[Operation],
    ) -> None:
        self._context = context
        self._authenticator = authenticator
        self._request_ids = request_ids
        self._version = version
        self._describe = describe
        if context.settings.strict:
            operations = map(strict, operations)
        self._operations = {method: one for one in operations for method in (one.method, *one.other_methods)}
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]
        self._observed = {method: (self._version, one.name, method) for method, one in self._operations.items()}
        self._allowed = ", ".join(sorted([*self._operations, "OPTIONS"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead(scope, self._request_ids)
        begin_request(head.request_id)
        operation = self._operations.get(scope["method"])
        if operation is not None:
            scope[OPERATION] = self._observed[scope["method"]]
            response = await self._respond(operation, scope, receive, head)
        elif scope["method"] == "OPTIONS":
            response = ApiResponse(204, b"", ((b"allow", self._allowed.encode()),))
        else:
            response = method_not_allowed(self._allowed)
        await send_response(send, scope, response, head.request_id, accepts_gzip=head.accepts_gzip)

    async def _respond(self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead) -> ApiResponse:
        try:
            if operation.upload_reader is not None:
                return json_response(await self._upload(operation, scope, receive, head))
            answer = await self._handle(operation, scope, receive, head)
            return json_response(answer, headers=NO_STORE if operation.has_secrets else ())
        except AnsweredBefore as before:
            return json_response(msgspec.Raw(before.answer), headers=REPLAYED)
        except RequestRejected as error:
            count_rejection(self._context, scope["path_params"].get("account", ""), error.code)
            if error.code in AUTH_ERRORS:
                await self._context.throttle.delay_answer(sender_address(scope))
            return self._reject(scope, error)
        except StoreUnavailable:
            return self._reject(scope, RequestRejected(ErrorCode.STORE_UNAVAILABLE))
        except NotFound:
            return self._reject(scope, RequestRejected(ErrorCode.ACCOUNT_NOT_FOUND, scope["path_params"]["account"]))
        except ClientGone:
            return self._reject(scope, RequestRejected(ErrorCode.BODY_INVALID))
        except Exception as error:
            log.write(LogEvent.REQUEST_FAILED, error, request_id=head.request_id.decode())
            return self._reject(scope, RequestRejected(ErrorCode.INTERNAL))

    async def _handle(self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead) -> object:
        changes = operation.changes
        body: bytes | None = None
        limit = self._context.settings.max_body_bytes
        if operation.account_member:
            username = await self._authenticator.check_session(head.bearer, head.session)  # before the body is read
            body = await read_body(receive, head.content_length, limit)
            account = _account_in(body, operation.account_member)
            if not account and operation.find_account is not None:
                account = await operation.find_account(self._context, username, body)
            scope["path_params"] = {**scope["path_params"], "account": account}
        tokens = head.bearer, head.session, scope["path_params"]["account"], head.request_id.decode()
        counts = not operation.account_member  # else counted above
        for _ in range(SIGN_IN_TRIES):
            caller = await self._authenticator.check_account(*tokens, changes=changes, counts=counts)
            counts = False
            note_sender(caller.actor, caller.account_name)
            if body is None:
                body = await read_body(receive, head.content_length, limit) if operation.request else b""
            call = self._call(scope, head, caller, body)
            try:
                return await _handle(operation, call, scope, head.idempotency_key)
            except AuthEpochChanged:
                self._authenticator.invalidate()
            except RequestRejected:
                if changes:  # rejected before the writer checked the remembered sign-in
                    await self._authenticator.check_account(*tokens)
                raise
        raise RequestRejected(ErrorCode.BUSY)

    async def _upload(self, operation: Operation, scope: Scope, receive: Receive, head: RequestHead) -> object:
        """Handles a body that is read once, as a stream; the sign-in is checked before and after it is read."""
        assert operation.upload_reader is not None
        tokens = head.bearer, head.session, scope["path_params"]["account"], head.request_id.decode()
        caller = await self._authenticator.check_account(*tokens, counts=True)
        note_sender(caller.actor, caller.account_name)
        stream = UploadStream(
            head.content_type.decode("latin-1"), head.content_length, stream_body(receive), caller.account_name
        )
        async with operation.upload_reader(self._context, stream) as upload:
            for _ in range(SIGN_IN_TRIES):
                caller = await self._authenticator.check_account(*tokens, changes=True)
                call = self._call(scope, head, caller, upload=upload)
                try:
                    return await _handle(operation, call, scope, head.idempotency_key)
                except AuthEpochChanged:
                    self._authenticator.invalidate()
        raise RequestRejected(ErrorCode.BUSY)

    def _call(
        self, scope: Scope, head: RequestHead, caller: Caller, body: bytes = b"", upload: Upload | None = None
    ) -> Call:
        return Call(
            context=self._context,
            caller=caller,
            version=self._version,
            account=caller.account_name,
            max_devices=self._context.settings.max_devices_per_request,
            page_size=self._context.settings.page_size,
            path=scope["path_params"],
            query_string=scope["query_string"],
            user_agent=head.user_agent,
            body=body,
            upload=upload,
        )

    def _reject(self, scope: Scope, error: RequestRejected) -> ApiResponse:
        scope[REJECTION] = error.with_traceback(None)  # its frames refer to the scope
        retry_after_s = error.retry_after_s or self._context.settings.retry_after_s
        return self._describe(error, retry_after_s)


def _handle(operation: Operation, call: Call, scope: Scope, key: bytes | None) -> Awaitable[object]:
    """Handles a call; a change with an Idempotency-Key, once."""
    if key is None or not operation.changes:
        return operation.handle(call)
    return handle_once(operation, call, scope, key)


def _account_in(body: bytes, member: str) -> str:
    """The account that the body names, or "". Raises RequestRejected(BODY_INVALID)."""
    try:
        return getattr(_account_decoder(member).decode(body), member) or ""
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error


@functools.cache
def _account_decoder(member: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("Named", [(member, str | None, None)]))


class VersionApp:
    """One version of the API as an ASGI application; `unknown` responds to all other paths.

    A path is looked up by its literal segments, for each choice of parameters that the templates of its length have:
    a general router takes as long as the rest of a small request.
    """

    def __init__(
        self,
        context: Context,
        authenticator: Authenticator,
        request_ids: RequestIds,
        base: str,
        version: str,
        describe: Describe,
        unknown: ApiResponse,
        operations: Iterable[Operation],
    ) -> None:
        by_path: dict[str, list[Operation]] = {}
        for operation in operations:
            for path in operation.paths:
                by_path.setdefault(path, []).append(operation)
        self._base_length = len(base)
        self._unknown = FixedResponse(unknown)
        self._by_length: dict[int, list[_Routes]] = {}
        for path, of_path in by_path.items():
            endpoint = Endpoint(
                context=context,
                authenticator=authenticator,
                request_ids=request_ids,
                version=version,
                describe=describe,
                operations=of_path,
            )
            template = path.split("/")
            mask = [segment[:1] == "{" for segment in template]
            alike = self._by_length.setdefault(len(template), [])
            routes = next((one for one in alike if one.mask == mask), None)
            if routes is None:
                routes = _Routes(mask)
                alike.append(routes)
                alike.sort(key=lambda one: one.mask)  # a literal segment matches before a parameter
            routes.add(template, endpoint)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        segments = scope["path"][self._base_length :].split("/")
        for routes in self._by_length.get(len(segments), ()):
            endpoint = routes.find(segments, scope)
            if endpoint is not None:
                return endpoint(scope, receive, send)
        return self._unknown(scope, receive, send)


class _Routes:
    """The paths that have parameters at the same places, which `mask` has for each segment."""

    def __init__(self, mask: list[bool]) -> None:
        self.mask = mask
        self._literals = itemgetter(*(place for place, is_parameter in enumerate(mask) if not is_parameter))
        self._endpoints: dict[Any, tuple[Endpoint, list[tuple[str, int]]]] = {}
        """The endpoint, and the names and places of its parameters, by the literal segments of the path."""

    def add(self, template: list[str], endpoint: Endpoint) -> None:
        names = [(segment[1:-1], place) for place, segment in enumerate(template) if self.mask[place]]
        self._endpoints[self._literals(template)] = endpoint, names

    def find(self, segments: list[str], scope: Scope) -> Endpoint | None:
        """The endpoint of the path, whose parameters are then in the scope."""
        found = self._endpoints.get(self._literals(segments))
        if found is None:
            return None
        endpoint, names = found
        params = {name: segments[place] for name, place in names}
        if "" in params.values():
            return None
        scope["path_params"] = params
        return endpoint
