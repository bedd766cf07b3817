"""Closes a client's connection without a response, which ASGI does not provide for."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Send

GIVE_UP_S = 5.0
"""How long the server may take to say that the connection is closed, in seconds."""


async def drop_connection(receive: Receive, send: Send) -> None:
    """Closes the connection below uvicorn's `send`, and waits until uvicorn knows of it, so that it answers nothing.

    Without a connection below it (an application called directly) raises ConnectionError, as a client would see one.
    """
    abort = getattr(getattr(getattr(send, "__self__", None), "transport", None), "abort", None)
    if abort is None:
        raise ConnectionError("the connection was dropped by a fault")
    abort()
    async with asyncio.timeout(GIVE_UP_S):
        while (await receive())["type"] != "http.disconnect":
            pass
