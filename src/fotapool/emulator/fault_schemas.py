"""Faults as they are asked for: the words of a rule, and what cannot be asked for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fotapool.domain.errors import Invalid
from fotapool.emulator.faults import Rules
from fotapool.emulator.rules import Action, CallbackFault, Drop, Match, Rule, Token, as_headers

MAX_LATENCY_MS = 60_000
MAX_CALLBACK_DELAY_MS = 10_000
"""Shorter than a turn of deliveries and its lease."""
MAX_COUNT = 2**31
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


def add_fault(rules: Rules, given: NewFault) -> Rule:
    """Adds the rule. Raises Invalid for what cannot be, and Conflict if there are too many."""
    rule = rules.add(_match(given), _action(given.action))
    rule.given = given
    return rule


def given_words(rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the rule was asked for with: the members of match and of action that were given."""
    assert isinstance(rule.given, NewFault)
    return _set(rule.given.match), _set(rule.given.action)


def _set(words: msgspec.Struct) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(words)
    return {name: value for name, value in document.items() if value is not None and (name, value) != ("seed", 0)}


def _match(given: NewFault) -> Match:
    match = given.match
    if match.nth is not None and (match.every, match.times) != (None, None):
        raise Invalid("match has nth, which is one time only; leave out every and times")
    return Match(
        path=match.path,
        method=match.method,
        account=match.account,
        device_id=match.device_id,
        nth=match.nth,
        every=match.every,
        times=match.times,
        probability=match.probability,
        seed=match.seed,
    )


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
        latency_ms=given.latency_ms or 0,
        status=given.status,
        body=_body(given.body),
        headers=headers,
        drop=Drop(given.drop) if given.drop else None,
        expire=Token(given.expire_token) if given.expire_token else None,
        callback=CallbackFault(given.callback) if given.callback else None,
        by_ms=given.by_ms or 0,
    )


def _body(given: Any) -> bytes:
    if given is None:
        return b""
    return given.encode() if isinstance(given, str) else msgspec.json.encode(given)
