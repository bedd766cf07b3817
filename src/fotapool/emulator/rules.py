"""Fault rules: which requests or callbacks they match, how often they take effect, and what the effect is. Pure."""

from __future__ import annotations

import fnmatch
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fotapool.domain.errors import Invalid

MAX_LATENCY_MS = 60_000
MAX_CALLBACK_DELAY_MS = 10_000
"""Shorter than the lease of a batch of deliveries."""
MAX_COUNT = 2**31
MAX_TEXT = 300
NO_BODY = (204, 205, 304)
API = "/api"
OWN_HEADERS = ("content-length", "transfer-encoding", "x-request-id")
"""Headers that the server sets, not a rule."""
_GLOB = re.compile(r"[*?\[]")

Count = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
PathPattern = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT, examples=["/fota/v3/licenses/*/assign"])]
TokenKind = Literal["bearer", "session"]


class FaultMatch(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """What is left out matches everything. `nth`, `every` and `times` count what matches, from the rule's beginning."""

    path: PathPattern | None = None
    """A glob, or the beginning of a path, with or without `/api`. For callbacks: of the URL or of its path."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] | None = None
    account: Text | None = None
    device_id: Text | None = None
    nth: Count | None = None
    every: Count | None = None
    times: Count | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0

    def accepts(self, method: str, path: str) -> bool:
        """Whether method and path match; account and device are checked by `mentions`."""
        return self.method in (None, method) and (self.path is None or path_matches(self.path, path))

    def mentioned_in(self, text: str) -> bool:
        """Whether the text names the account and the device, as far as the rule names them."""
        return all(mentions(text, name) for name in (self.account, self.device_id) if name is not None)


class FaultAction(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """One of `status`, `drop`, `expireToken`, `callback`, or `latencyMs`, which may also precede the first three."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    body: Any = None
    """Text is sent as it is, anything else as JSON."""
    headers: dict[str, str] | None = None
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_LATENCY_MS)] | None = None
    drop: Literal["before", "after"] | None = None
    expire_token: TokenKind | None = None
    callback: Literal["drop", "duplicate", "reorder", "delay"] | None = None
    by_ms: Annotated[int, msgspec.Meta(ge=1, le=MAX_CALLBACK_DELAY_MS)] | None = None

    @property
    def description(self) -> str:
        """The action in words, for the record of a hit."""
        parts = (
            self.latency_ms and f"latency {self.latency_ms} ms",
            self.status and f"status {self.status}",
            self.drop and f"connection dropped {self.drop} the commit",
            self.expire_token and f"{self.expire_token} token expired",
            self.callback and f"callback {self.callback}",
        )
        return ", ".join(part for part in parts if part)

    @property
    def ends_handling(self) -> bool:
        """Whether no further rule applies after this action."""
        return (self.status, self.drop, self.callback) != (None, None, None)

    @property
    def response_body(self) -> bytes:
        if self.body is None:
            return b""
        return self.body.encode() if isinstance(self.body, str) else msgspec.json.encode(self.body)

    @property
    def response_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.lower().encode(), value.encode()) for name, value in (self.headers or {}).items()]


class NewFault(msgspec.Struct, forbid_unknown_fields=True):
    """A rule: what it matches, and the effect."""

    action: FaultAction
    match: FaultMatch = msgspec.field(default_factory=FaultMatch)

    def check(self) -> None:
        """Raises Invalid for members that exclude each other."""
        match = self.match
        if match.nth is not None and (match.every, match.times) != (None, None):
            raise Invalid("match has nth, which is one time only; leave out every and times")
        for wrong in _conflicts(self.action):
            raise Invalid(wrong)
        if self.action.callback is not None and match.method is not None:
            raise Invalid("a rule about callbacks has no method: all are POSTs")


def _conflicts(action: FaultAction) -> Iterator[str]:
    effects = [one for one in (action.status, action.drop, action.expire_token, action.callback) if one is not None]
    if len(effects) > 1 or (not effects and action.latency_ms is None):
        yield "action must have one of status, drop, expireToken or callback, or latencyMs alone"
    if action.callback is not None and action.latency_ms is not None:
        yield "latencyMs is about requests; a callback is late with callback delay and byMs"
    if action.by_ms is not None and action.callback not in ("reorder", "delay"):
        yield "byMs goes with callback reorder or delay"
    if action.callback == "delay" and action.by_ms is None:
        yield "callback delay needs byMs"
    if action.status is None and (action.body is not None or action.headers):
        yield "body and headers go with a status"
    if action.status in NO_BODY and action.body is not None:
        yield f"an answer with status {action.status} has no body"
    for name, value in (action.headers or {}).items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[ -~\t]*", value):
            yield f"{name[:40]!r} is no header with a value of printable ASCII"
        if name.lower() in OWN_HEADERS:
            yield f"{name[:40]} is set by the server"


@dataclass(slots=True)
class FaultRule:
    """A rule with its counters. Its random numbers depend on its seed only, so that each run has the same hits."""

    id: int
    match: FaultMatch
    action: FaultAction
    matches: int = 0
    hits: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.match.seed)  # noqa: S311 - the numbers must be reproducible

    @property
    def document(self) -> dict[str, Any]:
        """What the rule matches and does, as the operator API has it."""
        document: dict[str, Any] = msgspec.to_builtins({"match": self.match, "action": self.action})
        return document

    def needs_body(self, method: str, path: str) -> bool:
        """Whether the body decides if the rule matches this request."""
        return self.match.accepts(method, path) and not self.match.mentioned_in(path)

    def hit(self, method: str, path: str, text: str) -> bool:
        """Counts a request or callback that matches, and returns whether the action applies. `text`: path and body."""
        match = self.match
        if not match.accepts(method, path) or not match.mentioned_in(text):
            return False
        self.matches += 1
        drawn = self._random.random()
        if (
            (match.nth is not None and self.matches != match.nth)
            or (match.every is not None and self.matches % match.every)
            or (match.times is not None and self.hits >= match.times)
            or (match.probability is not None and drawn >= match.probability)
        ):
            return False
        self.hits += 1
        return True


def path_matches(pattern: str, path: str) -> bool:
    """Whether the path, with or without /api, matches the glob, or begins with a pattern that is no glob."""
    plain = path.partition("?")[0]
    forms = [plain]
    if plain.startswith(f"{API}/"):
        forms.append(plain[len(API) :])
    elif "://" in plain:
        forms.append("/" + plain.split("://", 1)[1].partition("/")[2])
    if _GLOB.search(pattern):
        return any(fnmatch.fnmatchcase(one, pattern) for one in forms)
    return any(one.startswith(pattern) for one in forms)


def mentions(text: str, name: str) -> bool:
    """Whether the text holds the name, and not only as a part of a longer one."""
    return name in text and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.ASCII) is not None
