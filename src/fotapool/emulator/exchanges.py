"""What the inspector keeps of a request and its answer: cut, redacted, the last ones only."""

from __future__ import annotations

import contextlib
import itertools
import re
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from fotapool.domain.errors import NotFound

MAX_KEPT_BYTES = 64 * 1024
"""How much is kept of a body, and of an answer."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""How much is kept of all bodies and answers together; the oldest exchanges go first."""
REFUSED_FROM = 400
REDACTED = "***"
SECRET_HEADERS = frozenset({b"authorization", b"vz-m2m-token", b"cookie", b"revokedaccesstoken", b"set-cookie"})

_NAMES = "password|oldPassword|newPassword|sessionToken|access_token|secret|client_secret|token"
_MEMBER = re.compile(rf'("(?:{_NAMES})"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)')
_FIELD = re.compile(rf"(^|&)({_NAMES})=[^&]*")

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class CapturedBody:
    """The beginning of a body, and how long all of it was."""

    total_bytes: int = 0
    _parts: list[bytes] = field(default_factory=list)
    _kept: int = 0

    def take(self, chunk: bytes) -> None:
        self.total_bytes += len(chunk)
        room = MAX_KEPT_BYTES - self._kept
        if chunk and room > 0:
            self._parts.append(chunk[:room])
            self._kept += min(len(chunk), room)

    @property
    def captured_bytes(self) -> int:
        return self._kept

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    @property
    def truncated(self) -> bool:
        return self.total_bytes > self._kept

    def text(self, compressed: bool = False) -> str:
        """What is kept as text, without the secrets in it."""
        data = self.data
        if compressed:
            with contextlib.suppress(zlib.error):  # a fault may say that it is compressed when it is not
                data = zlib.decompressobj(wbits=31).decompress(data, MAX_KEPT_BYTES)
        return redact(data.decode("utf-8", "replace"))


@dataclass(slots=True)
class Exchange:
    """A request and its answer. `status` is None where there was none; `fault` then says why."""

    at_ms: int
    method: str
    path: str
    headers: Headers
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
    """None: not looked for yet."""

    @property
    def answer_text(self) -> str:
        return self.answer.text(any(pair == (b"content-encoding", b"gzip") for pair in self.answer_headers))

    @property
    def captured_bytes(self) -> int:
        return self.body.captured_bytes + self.answer.captured_bytes

    @property
    def is_good(self) -> bool:
        """Whether it was answered, and not with a refusal or an error."""
        return self.status is not None and self.status < REFUSED_FROM


class Exchanges:
    """The last exchanges of one emulator process, by number."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._numbers = itertools.count(1)
        self._kept: deque[Exchange] = deque()
        self._total_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, exchange: Exchange) -> None:
        """Numbers and keeps it, and forgets the oldest beyond the limits."""
        exchange.number = next(self._numbers)
        self._kept.append(exchange)
        self._total_bytes += exchange.captured_bytes
        while self._kept and (len(self._kept) > self._limit or self._total_bytes > MAX_TOTAL_BYTES):
            self._total_bytes -= self._kept.popleft().captured_bytes

    def find(self, number: int) -> Exchange:
        """Raises NotFound."""
        for exchange in self._kept:
            if exchange.number == number:
                return exchange
        raise NotFound(f"request {number} is not, or no longer, kept")

    def choose(self, after: int, limit: int, account: str | None = None, status: int | None = None) -> list[Exchange]:
        """Those with numbers greater than `after`, in order."""
        found = (
            one
            for one in self._kept
            if one.number > after and account in (None, one.account) and status in (None, one.status)
        )
        return list(itertools.islice(found, limit))

    def newest(
        self, before: int, limit: int, account: str, path: str, status: int | None, refused: bool
    ) -> list[Exchange]:
        """Those with smaller numbers, the newest first. `path`: a part of it; `refused`: those without success."""
        found = (
            one
            for one in reversed(self._kept)
            if one.number < before
            and account in ("", one.account)
            and path in one.path
            and status in (None, one.status)
            and not (refused and one.is_good)
        )
        return list(itertools.islice(found, limit))

    def last(self, limit: int) -> list[Exchange]:
        """The newest first."""
        return list(itertools.islice(reversed(self._kept), limit))

    def clear(self) -> None:
        self._kept.clear()
        self._total_bytes = 0


def redact(text: str) -> str:
    """The text of a body without passwords, secrets and tokens."""
    return _FIELD.sub(rf"\1\2={REDACTED}", _MEMBER.sub(rf'\1"{REDACTED}"', text))


def redact_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers with the scheme of credentials, and without the credentials."""
    return tuple((name, _hidden(value) if name.lower() in SECRET_HEADERS else value) for name, value in headers)


def _hidden(value: bytes) -> bytes:
    scheme, space, _ = value.partition(b" ")
    known = scheme.lower() in (b"bearer", b"basic")
    return scheme + b" " + REDACTED.encode() if space and known else REDACTED.encode()
