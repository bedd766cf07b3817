"""Request ids, and request bodies with a limit."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
from starlette.types import Receive, Scope, Send

from fotapool.domain.errors import ErrorCode, RequestRejected

REJECTION = "fotapool.rejection"
"""Key in the ASGI scope of the RequestRejected that a request of the documented API was answered with."""
_REQUEST_ID = re.compile(rb"[0-9A-Za-z._-]{1,64}")


def sender_address(scope: Scope) -> str:
    """The address that the request came from; empty if it is unknown."""
    return (scope.get("client") or ("",))[0]


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


GZIP_FROM_BYTES = 16 * 1024
"""Smaller bodies are not worth the time that compression takes."""
GZIP_LEVEL = 2
NO_CONTENT = 204

Headers = tuple[tuple[bytes, bytes], ...]
NO_STORE: Headers = ((b"cache-control", b"no-store"),)
"""For responses with secrets."""
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A whole response."""

    status: int
    body: bytes
    headers: Headers = (_JSON,)


def json_response(body: object, status: int = 200, headers: Headers = ()) -> ApiResponse:
    """A response with the body as JSON."""
    return ApiResponse(status, _encode(body), (_JSON, *headers))


async def send_response(
    send: Send, scope: Scope, response: ApiResponse, request_id: bytes, accepts_gzip: bool = False
) -> None:
    """Sends the response; without its body for HEAD, and compressed if it is large and the client accepts gzip."""
    body = response.body
    headers = [*response.headers, (b"x-request-id", request_id)]
    if len(body) >= GZIP_FROM_BYTES:
        headers.append((b"vary", b"accept-encoding"))
        if accepts_gzip:
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
    if response.status != NO_CONTENT:  # 204 must not have a Content-Length (RFC 9110, 8.6)
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
