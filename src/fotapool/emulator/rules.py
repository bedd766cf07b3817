"""Rules of faults: which requests or callbacks they are about, when they fire, and what then happens. Pure."""

from __future__ import annotations

import enum
import fnmatch
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

API = "/api"
OWN_HEADERS = ("content-length", "transfer-encoding", "x-request-id")
"""Which headers an answer's body and request decide, not a rule."""
_GLOB = re.compile(r"[*?\[]")


class Drop(enum.Enum):
    """When the connection is closed without an answer."""

    BEFORE = "before"
    AFTER = "after"


class Token(enum.Enum):
    """Which of a request's two tokens ends early."""

    BEARER = "bearer"
    SESSION = "session"


class CallbackFault(enum.Enum):
    """What becomes of a callback."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule is about; a member that is None matches everything."""

    path: str | None = None
    """A glob, or else the beginning of a path; with or without `/api`. Of callbacks: of the URL or of its path."""
    method: str | None = None
    account: str | None = None
    device_id: str | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    probability: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """What happens when a rule fires: after the latency one of the others, or nothing more."""

    latency_ms: int = 0
    status: int | None = None
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    drop: Drop | None = None
    expire: Token | None = None
    callback: CallbackFault | None = None
    by_ms: int = 0

    @property
    def words(self) -> str:
        """For the record of a firing."""
        parts = [f"latency {self.latency_ms} ms"] if self.latency_ms else []
        if self.status is not None:
            parts.append(f"status {self.status}")
        if self.drop is not None:
            parts.append(f"connection dropped {self.drop.value} the commit")
        if self.expire is not None:
            parts.append(f"{self.expire.value} token expired")
        if self.callback is not None:
            parts.append(f"callback {self.callback.value}")
        return ", ".join(parts)

    @property
    def is_last(self) -> bool:
        """Whether no further rule is asked once this one has fired."""
        return self.status is not None or self.drop is not None or self.callback is not None


@dataclass(slots=True)
class Rule:
    """A rule with what it has counted. Its chance is its own: the same calls fire it in each run."""

    id: int
    match: Match
    action: Action
    matched: int = 0
    fired: int = 0
    given: object = None
    """What it was asked for with, for those who show it."""
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.match.seed)  # noqa: S311 - to be the same again is what it is for

    def needs_body(self, method: str, path: str) -> bool:
        """Whether only the body can tell if the rule is about this request."""
        named = (self.match.account, self.match.device_id)
        return self._fits(method, path) and any(one is not None and not mentions(path, one) for one in named)

    def matches(self, method: str, path: str, text: str) -> bool:
        """Counts a request or callback that matches, and says whether the rule fires. `text`: path and body."""
        named = (self.match.account, self.match.device_id)
        if not self._fits(method, path) or any(one is not None and not mentions(text, one) for one in named):
            return False
        self.matched += 1
        drawn = self._chance.random()
        match = self.match
        if (
            (match.nth is not None and self.matched != match.nth)
            or (match.every is not None and self.matched % match.every)
            or (match.times is not None and self.fired >= match.times)
            or (match.probability is not None and drawn >= match.probability)
        ):
            return False
        self.fired += 1
        return True

    def _fits(self, method: str, path: str) -> bool:
        wanted = self.match.method
        return (wanted is None or wanted == method) and (self.match.path is None or path_fits(self.match.path, path))


def path_fits(pattern: str, path: str) -> bool:
    """Whether the path, as it is or below /api, fits the glob or begins with what is no glob."""
    plain = path.partition("?")[0]
    shown = [plain]
    if plain.startswith(f"{API}/"):
        shown.append(plain[len(API) :])
    elif "://" in plain:
        shown.append("/" + plain.split("://", 1)[1].partition("/")[2])
    if _GLOB.search(pattern):
        return any(fnmatch.fnmatchcase(one, pattern) for one in shown)
    return any(one.startswith(pattern) for one in shown)


def mentions(text: str, name: str) -> bool:
    """Whether the text holds the name, and not only as a part of a longer one."""
    return name in text and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.ASCII) is not None


def as_headers(given: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """Raises ValueError for what is no header."""
    headers = []
    for name, value in given.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[ -~\t]*", value):
            raise ValueError(f"{name[:40]!r} is no header with a value of printable ASCII")
        if name.lower() in OWN_HEADERS:
            raise ValueError(f"{name[:40]} is set by the server")
        headers.append((name.lower().encode(), value.encode()))
    return tuple(headers)
