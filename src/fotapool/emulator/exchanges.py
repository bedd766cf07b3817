"""Captured requests with their responses: the latest ones, truncated, with secrets masked."""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from fotapool.domain.errors import NotFound

MAX_CAPTURED_BYTES = 64 * 1024
"""How much of a request body, and of a response body, is captured."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""How much of all bodies together is stored; the oldest exchanges are deleted first."""
REFUSED_FROM = 400
REDACTED = "***"
MIN_SECRET_CHARACTERS = 6
"""Shorter tokens are masked in their header only, not wherever else their text appears."""

_NAMES = r"[\w-]*(?:password|passwd|secret|token|api[_-]?key|jwt|authorization)"
_MEMBER = re.compile(rf'("{_NAMES}"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)', re.IGNORECASE)
_FIELD = re.compile(rf"((?:^|[?&]){_NAMES}=)[^&\s]*", re.IGNORECASE)
_SECRET_HEADER = re.compile(rb"authorization|token|cookie|secret|password|passwd|api-?key|jwt", re.IGNORECASE)

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class CapturedBody:
    """The beginning of a body, and its length in bytes."""

    total_bytes: int = 0
    captured_bytes: int = 0
    _parts: list[bytes] = field(default_factory=list)

    def add(self, chunk: bytes) -> None:
        self.total_bytes += len(chunk)
        captured = chunk[: MAX_CAPTURED_BYTES - self.captured_bytes]
        if captured:
            self._parts.append(captured)
            self.captured_bytes += len(captured)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    @property
    def truncated(self) -> bool:
        return self.total_bytes > self.captured_bytes

    def text(self, compressed: bool = False) -> str:
        """The captured part as text, without masking."""
        data = self.data
        if compressed:
            with contextlib.suppress(zlib.error):  # a fault may declare gzip for what is not compressed
                data = zlib.decompressobj(wbits=31).decompress(data, MAX_CAPTURED_BYTES)
        return data.decode("utf-8", "replace")


@dataclass(slots=True)
class Exchange:
    """A request and its response. `status` is None without a response; `fault` then says why."""

    at_ms: int
    method: str
    path: str
    headers: Headers
    secrets: tuple[str, ...] = ()
    """Tokens of the request, masked wherever they appear."""
    number: int = 0
    took_ms: float = 0.0
    status: int | None = None
    request_id: str = ""
    account: str = ""
    body: CapturedBody = field(default_factory=CapturedBody)
    answer_headers: Headers = ()
    answer: CapturedBody = field(default_factory=CapturedBody)
    fault: str = ""
    hints: list[str] | None = None
    """None until they are computed."""

    @property
    def body_text(self) -> str:
        return redact(self.body.text(), self.secrets)

    @property
    def answer_text(self) -> str:
        compressed = any(pair == (b"content-encoding", b"gzip") for pair in self.answer_headers)
        return redact(self.answer.text(compressed), self.secrets)

    @property
    def captured_bytes(self) -> int:
        return self.body.captured_bytes + self.answer.captured_bytes

    @property
    def succeeded(self) -> bool:
        """Whether there is a response with a status below 400."""
        return self.status is not None and self.status < REFUSED_FROM


class Exchanges:
    """The latest exchanges of one emulator process, by number."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._numbers = itertools.count(1)
        self._stored: deque[Exchange] = deque()
        self._total_bytes = 0

    def __len__(self) -> int:
        return len(self._stored)

    def add(self, exchange: Exchange) -> None:
        """Numbers and stores it, and deletes the oldest beyond the limits."""
        exchange.number = next(self._numbers)
        self._stored.append(exchange)
        self._total_bytes += exchange.captured_bytes
        while self._stored and (len(self._stored) > self._limit or self._total_bytes > MAX_TOTAL_BYTES):
            self._total_bytes -= self._stored.popleft().captured_bytes

    def find(self, number: int) -> Exchange:
        """Raises NotFound."""
        for exchange in self._stored:
            if exchange.number == number:
                return exchange
        raise NotFound(f"request {number} does not exist, or is no longer stored")

    def after(self, number: int, limit: int, account: str | None = None, status: int | None = None) -> list[Exchange]:
        """Returns those with higher numbers, in ascending order."""
        found = (
            one
            for one in self._stored
            if one.number > number and account in (None, one.account) and status in (None, one.status)
        )
        return list(itertools.islice(found, limit))

    def before(
        self, number: int, limit: int, account: str, path: str, status: int | None, refused: bool
    ) -> list[Exchange]:
        """Returns those with lower numbers, the newest first. `path` is a part of it; `refused`: without success."""
        found = (
            one
            for one in reversed(self._stored)
            if one.number < number
            and account in ("", one.account)
            and path in one.path
            and status in (None, one.status)
            and not (refused and one.succeeded)
        )
        return list(itertools.islice(found, limit))

    def clear(self) -> None:
        self._stored.clear()
        self._total_bytes = 0


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Masks passwords, secrets and tokens by the names of members and fields, and `secrets` wherever they appear."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return _FIELD.sub(rf"\1{REDACTED}", _MEMBER.sub(rf'\1"{REDACTED}"', text))


def redact_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Masks credentials in headers, but not their scheme."""
    return tuple((name, _masked(value) if _SECRET_HEADER.search(name) else value) for name, value in headers)


def find_secrets(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """The credentials in a request's headers: tokens, and the secret of a Basic header."""
    found: set[str] = set()
    for name, value in headers:
        if _SECRET_HEADER.search(name):
            text = value.decode("latin-1").strip()
            scheme, _, credentials = text.partition(" ")
            found.add(credentials.strip() if scheme.lower() in ("bearer", "basic") else text)
            if scheme.lower() == "basic":
                with contextlib.suppress(ValueError):
                    found.add(base64.b64decode(credentials, validate=True).decode().partition(":")[2])
    return tuple(sorted((one for one in found if len(one) >= MIN_SECRET_CHARACTERS), key=len, reverse=True))


def _masked(value: bytes) -> bytes:
    scheme, space, _ = value.partition(b" ")
    known = scheme.lower() in (b"bearer", b"basic")
    return scheme + b" " + REDACTED.encode() if space and known else REDACTED.encode()
