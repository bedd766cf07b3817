"""Decodes compressed request bodies, for every API, before anything counts their bytes."""

from __future__ import annotations

import zlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.domain.errors import ErrorCode, RequestRejected

GZIP = (b"gzip", b"x-gzip")
PLAIN: tuple[list[bytes], ...] = ([], [b""], [b"identity"])
CHUNK_BYTES = 256 * 1024
"""How much of a body is decoded at a time."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class DecodedBodies:
    """An ASGI application whose requests have plain bodies.

    A body in gzip is decoded as it is read, up to `limit_bytes`. Beyond it, for another encoding, and for a broken
    body, reading raises RequestRejected, which each API answers in its own shape.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "GET":
            encodings = [value.strip().lower() for name, value in scope["headers"] if name == b"content-encoding"]
            if encodings not in PLAIN:
                receive = _decoded(receive, encodings, self._limit_bytes)
        await self._app(scope, receive, send)


def _decoded(receive: Receive, encodings: list[bytes], limit_bytes: int) -> Receive:
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    size = 0
    pending = b""
    more = True

    async def receive_decoded() -> Message:
        nonlocal size, pending, more
        if len(encodings) != 1 or encodings[0] not in GZIP:
            raise RequestRejected(ErrorCode.ENCODING_UNSUPPORTED)
        if not pending and more:
            message = await receive()
            if message["type"] != "http.request":
                return message
            pending, more = message.get("body", b""), message.get("more_body", False)
        try:
            body = decoder.decompress(pending, CHUNK_BYTES)
        except zlib.error as error:
            raise RequestRejected(ErrorCode.BODY_INVALID, "the body is not gzip") from error
        pending = decoder.unconsumed_tail
        size += len(body)
        if size > limit_bytes:
            raise RequestRejected(ErrorCode.BODY_TOO_LARGE)
        ends = not pending and not more and len(body) < CHUNK_BYTES
        if (ends and not decoder.eof) or decoder.unused_data:
            raise RequestRejected(ErrorCode.BODY_INVALID, "the body is cut off or followed by other data")
        return {"type": "http.request", "body": body, "more_body": not ends}

    return receive_decoded
