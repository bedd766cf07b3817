"""The inspector: keeps each request with its answer, and finds hints at what was wrong in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.emulator.exchanges import MAX_KEPT_BYTES, Exchange, Exchanges, redact_headers
from fotapool.emulator.faults import ConnectionDropped
from fotapool.emulator.hints import RequestContext, account_candidates, find_hints
from fotapool.emulator.paths import Template
from fotapool.store.db.connection import StoreUnavailable

HINT_HEADER = b"x-fotapool-hint"
MAX_HINT = 400
"""How many characters of a hint the header repeats."""
REFUSED_FROM = 400

PATIENCE_S = 1.0
"""How long the body of a refused request is waited for, in seconds."""

Headers = Iterable[tuple[bytes, bytes]]
IsAccount = Callable[[str], Awaitable[bool]]


class HintFinder:
    """Finds the hints of an exchange, with what it takes to know of the service."""

    def __init__(self, is_account: IsAccount, templates: Sequence[Template]) -> None:
        self._is_account = is_account
        self._templates = templates

    async def of(self, exchange: Exchange, headers: Headers | None = None) -> list[str]:
        """Looked for once. `headers`: the request's as they came, while they are at hand."""
        if exchange.hints is None:
            given = exchange.headers if headers is None else headers
            answered = dict(exchange.answer_headers)
            asked = RequestContext(
                method=exchange.method,
                path=exchange.path,
                headers={name.decode("latin-1"): value.decode("latin-1") for name, value in given},
                body=exchange.body.data.decode("utf-8", "replace"),
                body_truncated=exchange.body.truncated,
                status=exchange.status or 0,
                answer=exchange.answer_text,
                auth=answered.get(b"x-fotapool-auth", b"").decode("latin-1"),
                templates=self._templates,
            )
            for name in account_candidates(asked):
                with contextlib.suppress(StoreUnavailable):
                    if await self._is_account(name):
                        asked.known_accounts.append(name)
            exchange.hints = find_hints(asked)
        return exchange.hints


class InspectedApp:
    """An application whose exchanges are kept. A refusal tells its first hint in a header."""

    def __init__(self, app: ASGIApp, exchanges: Exchanges, now_ms: Callable[[], int], hints: HintFinder) -> None:
        self._app = app
        self._exchanges = exchanges
        self._now_ms = now_ms
        self._hints = hints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        headers = scope["headers"]
        exchange = Exchange(self._now_ms(), scope["method"], _path(scope), redact_headers(headers))
        exchange.request_id = _find(headers, b"x-request-id")
        watch = _Watch(exchange=exchange, hints=self._hints, headers=headers, receive=receive, send=send)
        began_s = loop.time()
        try:
            await self._app(scope, watch.receive, watch.send)
        except ConnectionDropped as dropped:
            exchange.fault = str(dropped)
            raise
        finally:
            exchange.took_ms = round((loop.time() - began_s) * 1000, 3)
            exchange.account = str(scope.get("path_params", {}).get("account", ""))
            self._exchanges.add(exchange)


class _Watch:
    """Sees what goes through one exchange."""

    def __init__(self, exchange: Exchange, hints: HintFinder, headers: Headers, receive: Receive, send: Send) -> None:
        self._exchange = exchange
        self._hints = hints
        self._headers = headers
        self._receive = receive
        self._send = send
        self._asked = False
        """Whether the body was asked for."""
        self._start: Message | None = None
        """A refusal's, until its body has come and can be looked at."""

    async def receive(self) -> Message:
        self._asked = True
        message = await self._receive()
        self._exchange.body.take(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            exchange.answer_headers = redact_headers(message.get("headers", ()))
            if message["status"] >= REFUSED_FROM:
                await self._read_what_nobody_asked_for()
                self._start = message
                return
        else:
            exchange.answer.take(message.get("body", b""))
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(await self._with_hint(start))
        await self._send(message)

    async def _read_what_nobody_asked_for(self) -> None:
        """A request that is refused for its tokens has a small body too, that one wants to see."""
        length = _find(self._headers, b"content-length")
        if self._asked or not length.isdigit() or int(length) > MAX_KEPT_BYTES or _find(self._headers, b"expect"):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self._exchange.body.total_bytes < int(length):
                    if (await self.receive())["type"] != "http.request":
                        return

    async def _with_hint(self, start: Message) -> Message:
        hints = await self._hints.of(self._exchange, self._headers)
        if not hints:
            return start
        text = "".join(one if " " <= one <= "~" else "?" for one in hints[0])[:MAX_HINT]
        return {**start, "headers": [*start.get("headers", ()), (HINT_HEADER, text.encode())]}


def _path(scope: Scope) -> str:
    """As the client wrote it, with its query."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _find(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in headers if given == name), "")
