"""A path prefix under which a proxy serves the server (`--root-path`): in requests, headers, links and texts."""

from __future__ import annotations

import re
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.web.http import is_below

OWN_ROOTS = ("api", "console", "control", "device", "docs", "health", "inspector", "metrics", "openapi.json")
"""The first segments of the server's paths, with which a path prefix must not begin."""
_PREFIX = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)+")
_PATH_HEADERS = (b"location", b"hx-redirect", b"hx-push-url", b"hx-location")
_LINK = re.compile(r'(\s(?:href|src|action|formaction|hx-(?:get|post|put|patch|delete|push-url))=["\']?)/(?!/)')
_OWN_PATH = re.compile(rf"(?<![\w./])/(?=(?:{'|'.join(map(re.escape, OWN_ROOTS))})\b)")


def check_root_path(text: str) -> str:
    """The path prefix without a slash at its end. Raises ValueError."""
    prefix = text.rstrip("/")
    if prefix and (_PREFIX.fullmatch(prefix) is None or prefix.split("/")[1] in OWN_ROOTS):
        raise ValueError(f"must be a path like /fota, which begins with none of {', '.join(OWN_ROOTS)}")
    return prefix


def with_root_path(app: ASGIApp, prefix: str) -> ASGIApp:
    """The application below a path prefix; the application itself if the prefix is empty."""
    return RootPath(app, prefix) if prefix else app


class RootPath:
    """An ASGI application that a proxy serves below a path prefix (`--root-path`).

    The prefix is taken off the paths of requests; a proxy may have taken it off before. Inside, paths have none.
    Headers of responses that name a path of this server get it.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._raw = prefix.encode()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        if is_below(scope["path"], self._prefix):
            scope = {**scope, "path": scope["path"][len(self._prefix) :] or "/"}
            raw = scope.get("raw_path") or b""
            if raw.startswith(self._raw):
                scope["raw_path"] = raw[len(self._raw) :] or b"/"

        async def send_with_prefix(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [self._header(*pair) for pair in message.get("headers", ())]}
            await send(message)

        return self._app(scope, receive, send_with_prefix)

    def _header(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        is_path = name.lower() in _PATH_HEADERS and value.startswith(b"/") and not value.startswith(b"//")
        return name, self._raw + value if is_path else value


def prefix_links(html: str, prefix: str) -> str:
    """The page with the path prefix before the links, forms and scripts of this server."""
    return _LINK.sub(rf"\1{prefix}/", html) if prefix else html


def prefix_paths(text: str, prefix: str) -> str:
    """The text with the path prefix before the paths of this server."""
    return _OWN_PATH.sub(f"{prefix}/", text) if prefix else text
