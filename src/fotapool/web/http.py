"""What each HTTP request passes: the check of its Host, the decoding of its body, its id, dispatch, compression."""

from __future__ import annotations

import gzip
import ipaddress
import itertools
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import msgspec
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.domain.errors import ErrorCode, RequestRejected

VENDOR_HOSTS = (
    "thingspace.verizon.com",
    "mock.thingspace.verizon.com",
    "staging.thingspace.verizon.com",
    "mock-staging.thingspace.verizon.com",
)
"""The names of the vendor's service, under which its SDKs may call (`--tls`)."""
ANY_HOST = "*"
MAX_REMEMBERED = 1_000
MAX_CONTENT_TYPE = 1_000
"""How many characters of a form's Content-Type are parsed, which takes quadratic time."""

GZIP = (b"gzip", b"x-gzip")
PLAIN = ([b""], [b"identity"])
CHUNK_BYTES = 256 * 1024
"""How much of a body is decoded at a time."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

REJECTION = "fotapool.rejection"
"""Key in the ASGI scope of the RequestRejected that a request of the documented API was answered with."""
_HOST = re.compile(r"(?:\[([0-9a-z:.%]+)\]|([0-9a-z._-]+))(?::[0-9]{0,5})?", re.ASCII)
_REQUEST_ID = re.compile(rb"[0-9A-Za-z._-]{1,64}")


def sender_address(scope: Scope) -> str:
    """The address that the request came from; empty if it is unknown."""
    return (scope.get("client") or ("",))[0]


def read_cookie(request: Request, name: str) -> str:
    """The value of a cookie as it was sent, the last one of several; "" without one.

    `request.cookies` also decodes quoted values, in quadratic time before Python 3.11.10 (CVE-2024-7592).
    """
    found = ""
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            given, _, value = pair.partition("=")
            if given.strip() == name:
                found = value.strip()
    return found


class HostCheck:
    """An ASGI application that answers 421 for a foreign Host, and 400 for none or several.

    A Host is accepted if it is a loopback name or address, the address that the connection came to, the address the
    server is bound to, a name of the vendor's, or one of `allowed` (`--allowed-host`; `*` accepts all, `.example.com`
    a domain with its subdomains).
    """

    def __init__(self, app: ASGIApp, bound: str, allowed: Iterable[str]) -> None:
        names = {name.lower() for name in allowed}
        self._app = app
        self._any = ANY_HOST in names
        self._names = {*names, *VENDOR_HOSTS, "localhost", bound.lower()}
        self._domains = (".localhost", *(name for name in names if name.startswith(".")))
        self._accepted: set[bytes] = set()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or self._any:
            return self._app(scope, receive, send)
        host, count = b"", 0
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                count += 1
        if count != 1:
            return _answer(send, 400, b"Send exactly one Host header.\n")
        if host in self._accepted or self._is_accepted(host, scope):
            return self._app(scope, receive, send)
        shown = host[:200].decode("ascii", "replace").encode("ascii", "replace")
        return _answer(send, 421, b"The host %s is not allowed here; see --allowed-host.\n" % shown)

    def _is_accepted(self, host: bytes, scope: Scope) -> bool:
        name = _without_port(host.decode("latin-1").lower())
        if name in self._names or name.endswith(self._domains):
            if len(self._accepted) < MAX_REMEMBERED:
                self._accepted.add(host)
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or str(address) == (scope.get("server") or ("",))[0]


def _without_port(host: str) -> str:
    """The name or address of a Host; "" if it is not one with, perhaps, a port."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2] or "") if found else ""


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class DecodedBodies:
    """An ASGI application whose requests have plain bodies.

    A body in gzip is decoded as it is read, up to `limit_bytes`. Beyond it, for another encoding, and for a broken
    body, reading raises RequestRejected, which each API answers in its own shape.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["method"] != "GET":
            encodings = [value.strip().lower() for name, value in scope["headers"] if name == b"content-encoding"]
            if encodings and encodings not in PLAIN:
                receive = _decoded(receive, encodings, self._limit_bytes)
        return self._app(scope, receive, send)


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


class Dispatcher:
    """Passes a request to the version of the API or the part of the server whose base its path begins with.

    In paths of /api/, double slashes are accepted: the v1 page on removing licenses prints one. In all other paths, one
    slash at the end is ignored. Responses to devices are not compressed, because ranges count the bytes of the content.
    """

    def __init__(self, versions: dict[str, ASGIApp], parts: dict[str, ASGIApp], others: ASGIApp) -> None:
        self._versions = versions
        self._parts = parts
        self._others = others
        self._base_length = len(next(iter(versions)))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = self._others
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/api/"):
                if "//" in path:
                    path = scope["path"] = re.sub("/+", "/", path)
                version = self._versions.get(path[: self._base_length])
                if version is not None and path[self._base_length : self._base_length + 1] == "/":
                    app = version
            elif path.startswith("//") and path.lstrip("/").startswith("api/"):
                scope["path"] = "/" + path.lstrip("/")
                return self(scope, receive, send)
            else:
                if len(path) > 1 and (scope.get("raw_path") or path.encode())[-1:] == b"/":
                    path = scope["path"] = path[:-1]
                app = next((part for base, part in self._parts.items() if is_below(path, base)), self._others)
        return app(scope, receive, send)


def is_below(path: str, base: str) -> bool:
    """Whether the path is the base, or one below it."""
    return path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/")


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
ACCEPTS_GZIP = re.compile(rb"(?:^|[\s,])gzip\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))", re.IGNORECASE)
"""An Accept-Encoding that names gzip with another weight than 0."""
NO_CONTENT = 204

Headers = tuple[tuple[bytes, bytes], ...]
NO_STORE: Headers = ((b"cache-control", b"no-store"),)
"""For responses with secrets."""
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class ApiResponse(msgspec.Struct, frozen=True):
    """A whole response."""

    status: int
    body: bytes
    headers: Headers = (_JSON,)


def json_response(body: object, status: int = 200, headers: Headers = ()) -> ApiResponse:
    """A response with the body as JSON."""
    return ApiResponse(status, _encode(body), (_JSON, *headers))


def compress(response: Response, accept_encoding: str) -> None:
    """Compresses the body of a page of more than 1 KiB if the browser accepts gzip.

    A secret in a page must be masked anew in each answer. Otherwise a client that can add text to the page learns it
    from the compressed lengths.
    """
    if len(response.body) <= 1024:
        return
    response.headers["Vary"] = "Accept-Encoding"
    if ACCEPTS_GZIP.search(accept_encoding.encode()):
        response.body = gzip.compress(response.body, GZIP_LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))


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


class LazyApp:
    """An ASGI application that is made, and its modules imported, at its first request."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            self._made = self._make()
        await self._made(scope, receive, send)


def compressed(app: ASGIApp) -> ASGIApp:
    """The application with responses compressed, for clients that accept it."""
    return GZipMiddleware(app, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
