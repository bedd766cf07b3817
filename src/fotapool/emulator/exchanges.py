"""Captured requests with their responses: the latest ones, truncated; secrets are masked in what is shown of them."""

from __future__ import annotations

import contextlib
import itertools
import json
import zlib
from collections import deque

import msgspec

from fotapool.domain.errors import NotFound
from fotapool.emulator.masking import KnownSecrets, mask_headers, may_hold_secrets, secrets_in, secrets_in_headers

MAX_CAPTURED_BYTES = 64 * 1024
"""How much of a request body, and of a response body, is captured."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""How much of all bodies together is stored; the oldest exchanges are deleted first."""
REFUSED_FROM = 400

Headers = tuple[tuple[bytes, bytes], ...]


class CapturedBody(msgspec.Struct):
    """The beginning of a body, and its length in bytes."""

    total_bytes: int = 0
    captured_bytes: int = 0
    _parts: list[bytes] = msgspec.field(default_factory=list)

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
        wide = b"\0" in data[:4]  # JSON in UTF-16 or UTF-32
        return data.decode(json.detect_encoding(data) if wide else "utf-8", "replace")


class Exchange(msgspec.Struct):
    """A request and its response. `status` is None without a response; `fault` then says why.

    The members that begin with `raw_`, and the bodies, have secrets; the properties do not.
    """

    at_ms: int
    method: str
    raw_path: str
    raw_headers: Headers
    known: KnownSecrets
    raw_request_id: str = ""
    number: int = 0
    took_ms: float = 0.0
    status: int | None = None
    raw_account: str = ""
    body: CapturedBody = msgspec.field(default_factory=CapturedBody)
    raw_answer_headers: Headers = ()
    answer: CapturedBody = msgspec.field(default_factory=CapturedBody)
    fault: str = ""
    of_nobody: bool = False
    """Rejected, and of no account: sign-in, a path that does not exist, an account that the user does not have."""
    hints: list[str] | None = None
    """None until they are computed."""

    @property
    def path(self) -> str:
        """With its query."""
        return self.known.mask(self.raw_path)

    @property
    def headers(self) -> Headers:
        return self._shown(self.raw_headers)

    @property
    def answer_headers(self) -> Headers:
        return self._shown(self.raw_answer_headers)

    @property
    def request_id(self) -> str:
        return self.known.mask(self.raw_request_id)

    @property
    def account(self) -> str:
        return self.known.mask(self.raw_account)

    @property
    def body_text(self) -> str:
        return self.known.mask(self.body.text())

    @property
    def answer_text(self) -> str:
        return self.known.mask(self._raw_answer)

    @property
    def _raw_answer(self) -> str:
        compressed = any(pair == (b"content-encoding", b"gzip") for pair in self.raw_answer_headers)
        return self.answer.text(compressed)

    def learn(self) -> None:
        """Makes the secrets of its headers and bodies known."""
        self.known.learn(secrets_in_headers(self.raw_headers))
        path = self.raw_path.encode()
        if may_hold_secrets(path):
            self.known.learn(secrets_in(self.raw_path))
        if may_hold_secrets(self.body.data):
            self.known.learn(secrets_in(self.body.text()))
        if may_hold_secrets(self.answer.data):
            self.known.learn(secrets_in(self._raw_answer))

    def _shown(self, headers: Headers) -> Headers:
        return tuple(
            (name, self.known.mask(value.decode("latin-1")).encode("latin-1")) for name, value in mask_headers(headers)
        )

    @property
    def captured_bytes(self) -> int:
        return self.body.captured_bytes + self.answer.captured_bytes

    @property
    def succeeded(self) -> bool:
        """Whether there is a response with a status below 400."""
        return self.status is not None and self.status < REFUSED_FROM


class Wanted(msgspec.Struct, frozen=True):
    """Which exchanges are looked for. The defaults accept all of them."""

    account: str | None = None
    path: str = ""
    """A part of the path."""
    status: int | None = None
    request_id: str | None = None
    refused: bool = False
    """Only requests that were rejected or not answered."""
    nobody: bool = False
    """Only rejected requests that belong to no account."""

    def accepts(self, one: Exchange) -> bool:
        return (
            self.account in (None, one.raw_account)
            and (not self.path or self.path in one.path)
            and self.status in (None, one.status)
            and self.request_id in (None, one.raw_request_id)
            and not (self.refused and one.succeeded)
            and (one.of_nobody or not self.nobody)
        )


ALL = Wanted()


class Exchanges:
    """The latest exchanges of one emulator process, by number."""

    def __init__(self, limit: int, vocabulary: frozenset[str] = frozenset()) -> None:
        self._limit = limit
        self._numbers = itertools.count(1)
        self._stored: deque[Exchange] = deque()
        self._total_bytes = 0
        self.known = KnownSecrets(vocabulary)

    def __len__(self) -> int:
        return len(self._stored)

    def add(self, exchange: Exchange) -> None:
        """Numbers and stores it, and deletes the oldest beyond the limits."""
        exchange.learn()
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

    def after(self, number: int, limit: int, wanted: Wanted = ALL) -> list[Exchange]:
        """Returns those with higher numbers, in ascending order."""
        found = (one for one in self._stored if one.number > number and wanted.accepts(one))
        return list(itertools.islice(found, limit))

    def before(self, number: int, limit: int, wanted: Wanted) -> list[Exchange]:
        """Returns those with lower numbers, the newest first."""
        found = (one for one in reversed(self._stored) if one.number < number and wanted.accepts(one))
        return list(itertools.islice(found, limit))

    def clear(self) -> None:
        self._stored.clear()
        self._total_bytes = 0
