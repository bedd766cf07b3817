"""What every plane needs of HTTP: endpoints, names for requests, bodies with a limit, and times as text."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterable
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool.domain.errors import ErrorCode, RequestRejected

REJECTION = "fotapool.rejection"
"""Key in the ASGI scope of the RequestRejected that a request of the documented API was answered with."""
_REQUEST_ID = re.compile(rb"[0-9A-Za-z._-]{1,64}")


class MountedRouter(Mount):
    """What is below a path; unlike Mount, paths with a line break in them, so that who is there answers them."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class RequestIds:
    """Names requests: the client's own `X-Request-Id`, or a number that is unique among all servers."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()
        self._numbers = itertools.count(1)

    def choose(self, given: bytes | None) -> bytes:
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return b"%s-%d" % (self._prefix, next(self._numbers))

    def choose_text(self, given: str | None) -> str:
        """The same for a header that was read as text."""
        return self.choose(given.encode("latin-1") if given else None).decode()


class Endpoint:
    """Answers requests by `respond`, each under its name, as an ASGI application."""

    def __init__(self, request_ids: RequestIds) -> None:
        self._request_ids = request_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        request_id = self._request_ids.choose_text(request.headers.get("x-request-id"))
        response = await self.respond(request, request_id)
        response.headers["x-request-id"] = request_id
        await response(scope, receive, send)

    async def respond(self, request: Request, request_id: str) -> Response:
        """The answer; it raises nothing."""
        raise NotImplementedError


class HasMethod(Protocol):
    """A row of a table of operations or pages."""

    @property
    def method(self) -> str: ...


Row = TypeVar("Row", bound=HasMethod)


def by_method(rows: Iterable[Row]) -> dict[str, Row]:
    """The rows of one path by their method; HEAD is answered as GET is, without the body."""
    found = {row.method: row for row in rows}
    if "GET" in found:
        found["HEAD"] = found["GET"]
    return found


class ClientGone(Exception):
    """The client went away before its request had ended."""


async def stream_body(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ClientGone."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def read_body(receive: Receive, declared_bytes: int, limit_bytes: int) -> bytes:
    """The whole body. Raises RequestRejected(BODY_TOO_LARGE) before it is read further than the limit."""
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
