"""Fault injection into requests: the rules of a process, the record of their hits, and the middleware."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.domain.errors import Conflict, NotFound
from fotapool.emulator.rules import FaultAction, FaultRule, NewFault, TokenKind

MAX_RULES = 100
MAX_HITS = 1_000
"""How many hits are stored; older ones are deleted."""

Sleep = Callable[[float], Awaitable[None]]
Expire = Callable[[TokenKind, str], Awaitable[None]]
"""Makes a token expire."""


class ConnectionDropped(Exception):
    """The connection must be closed without a response; the message names the fault."""


class FaultHit(msgspec.Struct, frozen=True):
    """One time that a rule took effect; `at_ms` by the test clock."""

    number: int
    at_ms: int
    rule_id: int
    request_id: str
    """The id of the request; for a callback, its `webhook-id`."""
    method: str
    path: str
    what: str


class Rules:
    """The rules of one emulator process, and their latest hits."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._ids = itertools.count(1)
        self._numbers = itertools.count(1)
        self._rules: dict[int, FaultRule] = {}
        self._hits: deque[FaultHit] = deque(maxlen=MAX_HITS)

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, new: NewFault) -> FaultRule:
        """Raises Invalid for a rule that contradicts itself, Conflict beyond MAX_RULES."""
        new.check()
        if len(self._rules) >= MAX_RULES:
            raise Conflict(f"there are {MAX_RULES} rules already; delete some")
        rule = FaultRule(next(self._ids), new.match, new.action)
        self._rules[rule.id] = rule
        return rule

    def find(self, rule_id: int) -> FaultRule:
        """Raises NotFound."""
        if rule_id not in self._rules:
            raise NotFound(f"fault {rule_id} does not exist")
        return self._rules[rule_id]

    def delete(self, rule_id: int) -> None:
        """Deletes the rule, but not its hits. Raises NotFound."""
        del self._rules[self.find(rule_id).id]

    def clear(self) -> None:
        """Deletes the rules and their hits."""
        self._rules.clear()
        self._hits.clear()

    def rules(self) -> list[FaultRule]:
        return list(self._rules.values())

    def hits(self, after: int, limit: int) -> list[FaultHit]:
        """Returns hits with numbers greater than `after`, in ascending order."""
        return list(itertools.islice((one for one in self._hits if one.number > after), limit))

    def latest_hits(self, limit: int) -> list[FaultHit]:
        """Returns the newest first."""
        return list(itertools.islice(reversed(self._hits), limit))

    def needs_body(self, method: str, path: str) -> bool:
        return any(rule.action.callback is None and rule.needs_body(method, path) for rule in self._rules.values())

    def apply(self, method: str, path: str, body: bytes, request_id: str, callback: bool = False) -> list[FaultAction]:
        """Returns the actions for this request or callback, in order, and records the hits."""
        found: list[FaultAction] = []
        text = f"{path}\n{body.decode('latin-1')}"
        for rule in list(self._rules.values()):
            if (rule.action.callback is not None) != callback or not rule.hit(method, path, text):
                continue
            found.append(rule.action)
            hit = FaultHit(
                number=next(self._numbers),
                at_ms=self._now_ms(),
                rule_id=rule.id,
                request_id=request_id,
                method=method,
                path=path,
                what=rule.action.description,
            )
            self._hits.append(hit)
            if rule.action.ends_handling:
                break
        return found


class FaultMiddleware:
    """Applies the rules to requests before the application handles them."""

    def __init__(
        self, app: ASGIApp, rules: Rules, expire: Expire, max_body_bytes: int, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._app = app
        self._rules = rules
        self._expire = expire
        self._max_body_bytes = max_body_bytes
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ConnectionDropped; the caller must then close the connection."""
        if not len(self._rules):
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], _full_path(scope)
        body = b""
        if self._rules.needs_body(method, path):
            messages = await _read(receive, self._max_body_bytes)
            body = b"".join(message.get("body", b"") for message in messages)
            receive = _replayed(messages, receive)
        request_id = _header(scope, b"x-request-id")
        for action in self._rules.apply(method, path, body, request_id):
            if action.latency_ms:
                await self._sleep(action.latency_ms / 1000)
            if action.expire_token is not None:
                await self._expire_token(action.expire_token, scope)
            if action.drop is not None:
                await self._drop(action.drop == "after", scope, receive)
            if action.status is not None:
                await _respond(action, request_id, send)
                return
        await self._app(scope, receive, send)

    async def _expire_token(self, kind: TokenKind, scope: Scope) -> None:
        if kind == "session":
            token = _header(scope, b"vz-m2m-token").strip()
        else:
            scheme, _, token = _header(scope, b"authorization").partition(" ")
            token = token.strip() if scheme.lower() == "bearer" else ""
        if token:
            await self._expire(kind, token)

    async def _drop(self, after_commit: bool, scope: Scope, receive: Receive) -> None:
        if after_commit:
            await self._app(scope, receive, _discard)
        else:
            await _read(receive, self._max_body_bytes)  # otherwise the client sees a reset instead of an end
        raise ConnectionDropped(f"connection dropped {'after' if after_commit else 'before'} the commit")


def _full_path(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path: str = scope["path"]
    while "//" in path:
        path = path.replace("//", "/")
    return f"{path}?{query}" if query else path


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), "")


async def _read(receive: Receive, limit_bytes: int) -> list[Message]:
    """The messages of the body, up to the one with which it ends or exceeds the limit."""
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= limit_bytes:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return messages


def _replayed(messages: list[Message], receive: Receive) -> Receive:
    """Receives the messages once more, then those of `receive`."""
    waiting = deque(messages)

    async def give() -> Message:
        return waiting.popleft() if waiting else await receive()

    return give


async def _discard(_: Message) -> None:
    """Drops a message of the response."""


async def _respond(action: FaultAction, request_id: str, send: Send) -> None:
    body, headers = action.response_body, action.response_headers
    if body and all(name != b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json"))
    headers += [(b"x-request-id", request_id.encode("latin-1")), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": action.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
