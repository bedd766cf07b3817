"""Responses of the API: JSON or raw bytes, sent over ASGI."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import msgspec
from starlette.types import Scope, Send

GZIP_FROM_BYTES = 16 * 1024
"""Smaller bodies are not worth the time that compression takes."""
GZIP_LEVEL = 2
NO_CONTENT = 204

Headers = tuple[tuple[bytes, bytes], ...]
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
