"""The access log: a line for each request, with `--access-log`."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.core.logs.context import clear_request
from fotapool.core.logs.events import Log, LogEvent
from fotapool.web.http import sender_address

log = Log(__name__)

MAX_PATH = 500
"""How many characters of a path the line shows."""


class AccessLog:
    """An ASGI application that logs each request of another when its answer has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clear_request()
        began_s, status, sent = time.perf_counter(), 0, 0
        path = scope["path"][:MAX_PATH]  # the applications below change it

        async def counting_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body" and scope["method"] != "HEAD":  # its body is not sent
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting_send)
        finally:
            log.write(
                LogEvent.REQUEST,
                method=scope["method"],
                path=path,
                status=status,
                duration_ms=round((time.perf_counter() - began_s) * 1000, 1),
                bytes=sent,
                client=sender_address(scope),
            )
