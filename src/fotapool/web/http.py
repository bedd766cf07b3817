"""Request ids, and request bodies with a limit."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator

from starlette.types import Receive

from fotapool.domain.errors import ErrorCode, RequestRejected

_REQUEST_ID = re.compile(rb"[0-9A-Za-z._-]{1,64}")


class RequestIds:
    """Makes request ids: the client's own `X-Request-Id`, or a number that is unique among all servers."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()
        self._numbers = itertools.count(1)

    def choose(self, given: bytes | None) -> bytes:
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return b"%s-%d" % (self._prefix, next(self._numbers))

    def choose_text(self, given: str | None) -> str:
        """The request id, where the header was read as text."""
        return self.choose(given.encode("latin-1") if given else None).decode()


class ClientGone(Exception):
    """The client disconnected before the end of its request."""


async def stream_body(receive: Receive) -> AsyncIterator[bytes]:
    """The body in chunks, as they arrive. Raises ClientGone."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def read_body(receive: Receive, declared_bytes: int, limit_bytes: int) -> bytes:
    """The whole body. Raises RequestRejected(BODY_TOO_LARGE), without reading on beyond the limit."""
    if declared_bytes > limit_bytes:
        raise RequestRejected(ErrorCode.BODY_TOO_LARGE)
    message = await receive()
    body: bytes = message.get("body", b"")
    if len(body) > limit_bytes:
        raise RequestRejected(ErrorCode.BODY_TOO_LARGE)
    if not message.get("more_body", False):
        return body
    parts, size = [body], len(body)
    while message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit_bytes:
            raise RequestRejected(ErrorCode.BODY_TOO_LARGE)
    return b"".join(parts)
