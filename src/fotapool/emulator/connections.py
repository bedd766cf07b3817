"""Closes a client's connection without a response, which ASGI does not provide for."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

SEND = "fotapool.send"
"""Key in the ASGI scope of the server's own `send`."""

GIVE_UP_S = 5.0
"""How long the server may take to say that the connection is closed, in seconds."""


class SendInScope:
    """An ASGI application with SEND in its scope, since others wrap the `send` that they pass on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SEND] = send
        await self._app(scope, receive, send)


async def drop_connection(scope: Scope, receive: Receive) -> None:
    """Closes the connection below uvicorn's `send`, and waits until uvicorn knows of it, so that it answers nothing.

    Without a connection below it (an application called directly) raises ConnectionError, as a client would see one.
    """
    abort = getattr(getattr(getattr(scope.get(SEND), "__self__", None), "transport", None), "abort", None)
    if abort is None:
        raise ConnectionError("the connection was dropped by a fault")
    abort()
    async with asyncio.timeout(GIVE_UP_S):
        while (await receive())["type"] != "http.disconnect":
            pass
