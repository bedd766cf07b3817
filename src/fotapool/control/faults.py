"""Operations on faults, which only the emulator has: rules, and the record of their firings."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from starlette.responses import Response

from fotapool.control.requests import MAX_CURSOR, ControlCall, ControlOperation, Only, answer, no_content
from fotapool.domain.errors import Invalid, NotFound
from fotapool.emulating.faults import Firing, Rules
from fotapool.emulating.rules import Action, CallbackFault, Drop, Match, Rule, Token, as_headers
from fotapool.http import time_text

MAX_LATENCY_MS = 60_000
MAX_CALLBACK_DELAY_MS = 10_000
"""Shorter than a turn of deliveries and its lease."""
MAX_COUNT = 2**31
MAX_ID_DIGITS = 18
MAX_WORDS = 300
NO_BODY = (204, 205, 304)

Count = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WORDS)]
PathWords = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WORDS, examples=["/fota/v3/licenses/*/assign"])]


class MatchWords(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What is left out matches everything. `nth`, `every` and `times` count what matches, from the rule's beginning."""

    path: PathWords | None = None
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] | None = None
    account: Words | None = None
    device_id: Words | None = None
    nth: Count | None = None
    every: Count | None = None
    times: Count | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class ActionWords(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One of `status`, `drop`, `expireToken`, `callback`, or `latencyMs`, which may also precede the first three."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    body: Any = None
    """Text is sent as it is, anything else as JSON."""
    headers: dict[str, str] | None = None
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_LATENCY_MS)] | None = None
    drop: Literal["before", "after"] | None = None
    expire_token: Literal["bearer", "session"] | None = None
    callback: Literal["drop", "duplicate", "reorder", "delay"] | None = None
    by_ms: Annotated[int, msgspec.Meta(ge=1, le=MAX_CALLBACK_DELAY_MS)] | None = None


class NewFault(msgspec.Struct, forbid_unknown_fields=True):
    """A rule: what it is about, and what then happens."""

    action: ActionWords
    match: MatchWords = msgspec.field(default_factory=MatchWords)


class FaultView(msgspec.Struct):
    """`matched` counts what the rule is about, `fired` how often it did something."""

    id: int
    match: dict[str, Any]
    action: dict[str, Any]
    matched: int
    fired: int


class FiringView(msgspec.Struct):
    """One time that a rule fired, by the test clock. Of a callback, `requestId` is its `webhook-id`."""

    number: int
    time: str
    fault: int
    requestId: str
    method: str
    path: str
    what: str


class FaultList(msgspec.Struct):
    """The rules in the order in which they are asked, and firings in order; the last 1,000 are kept."""

    faults: list[FaultView]
    firings: list[FiringView]
    hasMoreData: bool


class FaultControl:
    """The operations, on the rules of this process."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._given: dict[int, NewFault] = {}

    async def create(self, call: ControlCall) -> Response:
        given = await call.body(NewFault)
        rule = self._rules.add(_match(given), _action(given.action))
        self._given = {one.id: self._given[one.id] for one in self._rules.rules() if one.id in self._given}
        self._given[rule.id] = given
        return answer(self._view(rule), 201)

    async def list(self, call: ControlCall) -> Response:
        limit, after = call.limit(), call.number("after", 0, 0, MAX_CURSOR)
        firings = self._rules.firings(after, limit + 1)
        views = [self._view(rule) for rule in self._rules.rules()]
        return answer(FaultList(views, [_firing(one) for one in firings[:limit]], len(firings) > limit))

    async def read(self, call: ControlCall) -> Response:
        wanted = _fault_id(call)
        for rule in self._rules.rules():
            if rule.id == wanted:
                return answer(self._view(rule))
        raise NotFound(f"fault {wanted} does not exist")

    async def delete(self, call: ControlCall) -> Response:
        self._rules.delete(_fault_id(call))
        return no_content()

    async def delete_all(self, call: ControlCall) -> Response:
        self._rules.clear()
        return no_content()

    def _view(self, rule: Rule) -> FaultView:
        given = self._given[rule.id]
        return FaultView(rule.id, _set(given.match), _set(given.action), rule.matched, rule.fired)

    def operations(self) -> tuple[ControlOperation, ...]:
        return (
            ControlOperation(
                "create_fault", "POST", "/faults", self.create, "Add a fault: a rule and what it does", FaultView,
                201, request=NewFault, only=Only.EMULATE,
            ),
            ControlOperation(
                "list_faults", "GET", "/faults", self.list, "List the faults and their firings", FaultList,
                query=(
                    ("after", "the last number of the page before"),
                    ("limit", "firings of a page, 1 to 1000; 100 by default"),
                ),
                only=Only.EMULATE,
            ),
            ControlOperation(
                "delete_faults", "DELETE", "/faults", self.delete_all,
                "Delete all faults and forget their firings", None, 204, only=Only.EMULATE,
            ),
            ControlOperation(
                "read_fault", "GET", "/faults/{id}", self.read, "Read a fault", FaultView, only=Only.EMULATE
            ),
            ControlOperation(
                "delete_fault", "DELETE", "/faults/{id}", self.delete, "Delete a fault; its firings stay on record",
                None, 204, only=Only.EMULATE,
            ),
        )  # fmt: skip


def _set(words: msgspec.Struct) -> dict[str, Any]:
    """The members that are given."""
    document: dict[str, Any] = msgspec.to_builtins(words)
    return {name: value for name, value in document.items() if value is not None and (name, value) != ("seed", 0)}


def _firing(one: Firing) -> FiringView:
    return FiringView(one.number, time_text(one.at_ms), one.rule_id, one.request_id, one.method, one.path, one.what)


def _fault_id(call: ControlCall) -> int:
    text: str = call.request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
        raise NotFound(f"fault {text[:40]} does not exist")
    return int(text)


def _match(given: NewFault) -> Match:
    match = given.match
    if match.nth is not None and (match.every, match.times) != (None, None):
        raise Invalid("match has nth, which is one time only; leave out every and times")
    return Match(
        match.path, match.method, match.account, match.device_id, match.nth, match.every, match.times,
        match.probability, match.seed,
    )  # fmt: skip


def _action(given: ActionWords) -> Action:
    """Raises Invalid for what cannot be done together."""
    ways = [given.status, given.drop, given.expire_token, given.callback]
    if len(ways) - ways.count(None) + (given.latency_ms is not None and ways.count(None) == len(ways)) != 1:
        raise Invalid("action must have one of status, drop, expireToken or callback, or latencyMs alone")
    if given.callback is not None and given.latency_ms is not None:
        raise Invalid("latencyMs is about requests; a callback is late with callback delay and byMs")
    if given.by_ms is not None and given.callback not in ("reorder", "delay"):
        raise Invalid("byMs goes with callback reorder or delay")
    if given.callback == "delay" and given.by_ms is None:
        raise Invalid("callback delay needs byMs")
    if given.status is None and (given.body is not None or given.headers):
        raise Invalid("body and headers go with a status")
    if given.status in NO_BODY and given.body is not None:
        raise Invalid(f"an answer with status {given.status} has no body")
    try:
        headers = as_headers(given.headers or {})
    except ValueError as error:
        raise Invalid(str(error)) from error
    return Action(
        given.latency_ms or 0, given.status, _body(given.body), headers,
        Drop(given.drop) if given.drop else None,
        Token(given.expire_token) if given.expire_token else None,
        CallbackFault(given.callback) if given.callback else None,
        given.by_ms or 0,
    )  # fmt: skip


def _body(given: Any) -> bytes:
    if given is None:
        return b""
    return given.encode() if isinstance(given, str) else msgspec.json.encode(given)
