"""The request inspector: captures each request with its response, and adds hints at what was wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.domain.errors import ErrorCode
from fotapool.emulator.exchanges import (
    MAX_CAPTURED_BYTES,
    REFUSED_FROM,
    Exchange,
    Exchanges,
    Headers,
)
from fotapool.emulator.faults import ConnectionDropped
from fotapool.emulator.hints import RequestContext, account_candidates, find_hints, is_unknown_client
from fotapool.emulator.paths import Template, account_in
from fotapool.store.db.connection import StoreUnavailable
from fotapool.web.http import REJECTION
from fotapool.web.known_names import KnownNames, unknown_names
from fotapool.web.observed import OPERATION
from fotapool.web.root_path import prefix_paths

HINT_HEADER = b"x-fotapool-hint"
MAX_HINT = 400
"""How many characters of a hint the header has."""
ACCOUNT_ERRORS = (ErrorCode.ACCOUNT_NAME_INVALID, ErrorCode.ACCOUNT_NOT_FOUND)
UNREAD_BODY_TIMEOUT_S = 1.0
"""How long the inspector waits for a body that the API did not read, in seconds."""

OperationNames = Mapping[tuple[str, str], KnownNames]
"""What each operation takes, by API and name as in OPERATION."""
AccountExists = Callable[[str], Awaitable[bool]]
ClientsExist = Callable[[], Awaitable[bool]]


class HintFinder:
    """Computes the hints of an exchange."""

    def __init__(
        self,
        account_exists: AccountExists,
        clients_exist: ClientsExist,
        templates: Sequence[Template],
        names: OperationNames,
        root_path: str = "",
    ) -> None:
        self._root_path = root_path
        self._account_exists = account_exists
        self._clients_exist = clients_exist
        self._templates = templates
        self._names = names

    def ignores_something(self, exchange: Exchange, scope: Scope) -> bool:
        """Whether the request has a member, a query parameter or a body that its operation does not take."""
        known = self._known_names(scope)
        if known is None:
            return False
        if exchange.method == "GET" and _find(scope["headers"], b"content-length") not in ("", "0"):
            return True
        if not (exchange.body.total_bytes or scope["query_string"]):
            return False
        body = b"" if exchange.body.truncated else exchange.body.data
        return bool(unknown_names(known, scope["query_string"].decode("latin-1"), body))

    def _known_names(self, scope: Scope) -> KnownNames | None:
        api, name, _ = scope.get(OPERATION) or ("", "", "")
        return self._names.get((api, name))

    def account_in(self, path: str) -> str:
        """The account in a path that the application has not seen; "" without one."""
        return account_in(path, self._templates)

    async def find(self, exchange: Exchange, scope: Scope | None = None) -> list[str]:
        """Computed once. `scope`: of the request, while it is handled; it has the headers and the rejection."""
        if exchange.hints is None:
            headers = exchange.raw_headers if scope is None else scope["headers"]
            context = RequestContext(
                method=exchange.method,
                path=exchange.raw_path,
                headers={name.decode("latin-1"): value.decode("latin-1") for name, value in headers},
                body=exchange.body.text(),
                body_truncated=exchange.body.truncated,
                status=exchange.status or 0,
                rejection=None if scope is None else scope.get(REJECTION),
                templates=self._templates,
                account=exchange.raw_account if scope is None else _account(scope),
                known_names=None if scope is None else self._known_names(scope),
            )
            for name in account_candidates(context):
                with contextlib.suppress(StoreUnavailable):
                    if await self._account_exists(name):
                        context.known_accounts.append(name)
            if is_unknown_client(context):
                with contextlib.suppress(StoreUnavailable):
                    context.has_clients = await self._clients_exist()
            exchange.hints = [prefix_paths(hint, self._root_path) for hint in find_hints(context)]
        exchange.learn()
        return [exchange.known.mask(hint) for hint in exchange.hints]


class InspectorMiddleware:
    """Captures the exchanges of an application. A response with hints gets the first one as a header."""

    def __init__(self, app: ASGIApp, exchanges: Exchanges, now_ms: Callable[[], int], hints: HintFinder) -> None:
        self._app = app
        self._exchanges = exchanges
        self._now_ms = now_ms
        self._hints = hints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        headers = scope["headers"]
        exchange = Exchange(
            at_ms=self._now_ms(),
            method=scope["method"],
            raw_path=_path(scope),
            raw_headers=tuple(headers),
            known=self._exchanges.known,
            raw_request_id=_find(headers, b"x-request-id"),
        )
        capture = _Capture(exchange=exchange, hints=self._hints, scope=scope, receive=receive, send=send)
        began_s = loop.time()
        try:
            await self._app(scope, capture.receive, capture.send)
        except ConnectionDropped as dropped:
            exchange.fault = str(dropped)
            raise
        finally:
            exchange.took_ms = round((loop.time() - began_s) * 1000, 3)
            if "path_params" in scope:
                exchange.raw_account = str(scope["path_params"].get("account", ""))
            else:  # a fault answered, or there is no such path
                exchange.raw_account = self._hints.account_in(scope["path"])
            exchange.of_nobody = _is_of_nobody(exchange, scope)
            self._exchanges.add(exchange)


class _Capture:
    """Captures the messages of one exchange."""

    def __init__(self, exchange: Exchange, hints: HintFinder, scope: Scope, receive: Receive, send: Send) -> None:
        self._exchange = exchange
        self._hints = hints
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_was_read = False
        self._start: Message | None = None
        """The start of an error response, held until the request's body can be inspected."""

    async def receive(self) -> Message:
        self._body_was_read = True
        message = await self._receive()
        self._exchange.body.add(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            exchange.raw_answer_headers = tuple(message.get("headers", ()))
            if message["status"] >= REFUSED_FROM:
                await self._read_unread_body()
                self._start = message
                return
            if self._hints.ignores_something(exchange, self._scope):
                message = await self._with_hint(message)
        else:
            exchange.answer.add(message.get("body", b""))
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(await self._with_hint(start))
        await self._send(message)

    async def _read_unread_body(self) -> None:
        """Captures a small body that the API did not read, as of a request rejected for its tokens."""
        headers = self._scope["headers"]
        length = _find(headers, b"content-length")
        if self._body_was_read or not length.isdigit() or int(length) > MAX_CAPTURED_BYTES or _find(headers, b"expect"):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNREAD_BODY_TIMEOUT_S):
                while self._exchange.body.total_bytes < int(length):
                    if (await self.receive())["type"] != "http.request":
                        return

    async def _with_hint(self, start: Message) -> Message:
        hints = await self._hints.find(self._exchange, self._scope)
        if not hints:
            return start
        text = "".join(one if " " <= one <= "~" else "?" for one in hints[0])[:MAX_HINT]
        return {**start, "headers": [*start.get("headers", ()), (HINT_HEADER, text.encode())]}


def _path(scope: Scope) -> str:
    """The path as the client wrote it, with its query."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _account(scope: Scope) -> str:
    return str(scope.get("path_params", {}).get("account", ""))


def _is_of_nobody(exchange: Exchange, scope: Scope) -> bool:
    rejected = scope.get(REJECTION)
    no_account = not exchange.raw_account or (rejected is not None and rejected.code in ACCOUNT_ERRORS)
    return no_account and not exchange.succeeded


def _find(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in headers if given == name), "")
