"""Faults in what the emulator is asked: which rules there are, which fired, and what they do to a request."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.emulator.rules import Action, Drop, Match, Rule, Token

MAX_RULES = 100
MAX_HITS = 1_000
"""How many firings are kept; older ones are forgotten."""

Sleep = Callable[[float], Awaitable[None]]
Expire = Callable[[Token, str], Awaitable[None]]
"""Makes a token, bearer or session, one that has expired."""


class ConnectionDropped(Exception):
    """The connection is to be closed without an answer; the message says which rule wants it."""


@dataclass(frozen=True, slots=True)
class FaultHit:
    """One time that a rule fired; `at_ms` by the test clock."""

    number: int
    at_ms: int
    rule_id: int
    request_id: str
    """Of a callback: its `webhook-id`."""
    method: str
    path: str
    what: str


class Rules:
    """The rules of one emulator process, and the record of their firings."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._ids = itertools.count(1)
        self._numbers = itertools.count(1)
        self._rules: dict[int, Rule] = {}
        self._firings: deque[FaultHit] = deque(maxlen=MAX_HITS)

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, match: Match, action: Action) -> Rule:
        """Raises Conflict if there are too many, Invalid for a callback's action on what only requests have."""
        if len(self._rules) >= MAX_RULES:
            raise Conflict(f"there are {MAX_RULES} rules already; delete some")
        if action.callback is not None and match.method is not None:
            raise Invalid("a rule about callbacks has no method: all are POSTs")
        rule = Rule(next(self._ids), match, action)
        self._rules[rule.id] = rule
        return rule

    def delete(self, rule_id: int) -> None:
        """Its firings stay on record. Raises NotFound."""
        if self._rules.pop(rule_id, None) is None:
            raise NotFound(f"fault {rule_id} does not exist")

    def clear(self) -> None:
        """Deletes the rules and forgets their firings."""
        self._rules.clear()
        self._firings.clear()

    def rules(self) -> list[Rule]:
        return list(self._rules.values())

    def hits(self, after: int, limit: int) -> list[FaultHit]:
        """In the order of their numbers, which are greater than `after`."""
        return list(itertools.islice((one for one in self._firings if one.number > after), limit))

    def needs_body(self, method: str, path: str) -> bool:
        return any(rule.action.callback is None and rule.needs_body(method, path) for rule in self._rules.values())

    def fire(self, method: str, path: str, body: bytes, request_id: str, callback: bool = False) -> list[Action]:
        """What is to happen to this request or callback, in order; the last one may be instead of the answer."""
        found: list[Action] = []
        text = f"{path}\n{body.decode('latin-1')}"
        for rule in list(self._rules.values()):
            if (rule.action.callback is not None) != callback or not rule.matches(method, path, text):
                continue
            found.append(rule.action)
            firing = FaultHit(
                number=next(self._numbers),
                at_ms=self._now_ms(),
                rule_id=rule.id,
                request_id=request_id,
                method=method,
                path=path,
                what=rule.action.words,
            )
            self._firings.append(firing)
            if rule.action.is_last:
                break
        return found


class FaultyApp:
    """An application whose requests the rules get hold of first."""

    def __init__(
        self, app: ASGIApp, rules: Rules, expire: Expire, max_body_bytes: int, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._app = app
        self._rules = rules
        self._expire = expire
        self._max_body_bytes = max_body_bytes
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ConnectionDropped; whoever holds the connection has to close it then."""
        if not len(self._rules):
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], _full_path(scope)
        body = b""
        if self._rules.needs_body(method, path):
            taken = await _take(receive, self._max_body_bytes)
            body = b"".join(message.get("body", b"") for message in taken)
            receive = _again(taken, receive)
        request_id = _header(scope, b"x-request-id")
        for action in self._rules.fire(method, path, body, request_id):
            if action.latency_ms:
                await self._sleep(action.latency_ms / 1000)
            if action.expire is not None:
                await self._expire_of(action.expire, scope)
            if action.drop is not None:
                await self._drop(action.drop, scope, receive)
            if action.status is not None:
                await _answer(action, request_id, send)
                return
        await self._app(scope, receive, send)

    async def _expire_of(self, token: Token, scope: Scope) -> None:
        if token is Token.SESSION:
            given = _header(scope, b"vz-m2m-token").strip()
        else:
            scheme, _, given = _header(scope, b"authorization").partition(" ")
            given = given.strip() if scheme.lower() == "bearer" else ""
        if given:
            await self._expire(token, given)

    async def _drop(self, when: Drop, scope: Scope, receive: Receive) -> None:
        if when is Drop.AFTER:
            await self._app(scope, receive, _swallow)
        else:
            await _take(receive, self._max_body_bytes)  # the client is to see an end, not a reset
        raise ConnectionDropped(f"connection dropped {when.value} the commit")


def _full_path(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path: str = scope["path"]
    while "//" in path:
        path = path.replace("//", "/")
    return f"{path}?{query}" if query else path


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), "")


async def _take(receive: Receive, limit_bytes: int) -> list[Message]:
    """The messages of the body, up to the one with which it ends or exceeds the limit."""
    taken: list[Message] = []
    size, more = 0, True
    while more and size <= limit_bytes:
        message = await receive()
        taken.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return taken


def _again(taken: list[Message], receive: Receive) -> Receive:
    """Gives what was taken once more, and then goes on."""
    waiting = deque(taken)

    async def give() -> Message:
        return waiting.popleft() if waiting else await receive()

    return give


async def _swallow(_: Message) -> None:
    """Takes an answer that nobody is to get."""


async def _answer(action: Action, request_id: str, send: Send) -> None:
    headers = [*action.headers, (b"x-request-id", request_id.encode("latin-1"))]
    own = {name for name, _ in action.headers}
    if b"content-type" not in own and action.body:
        headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", b"%d" % len(action.body)))
    await send({"type": "http.response.start", "status": action.status, "headers": headers})
    await send({"type": "http.response.body", "body": action.body})
