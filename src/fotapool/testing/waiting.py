"""Time and event loops in a test's process: a clock that is never frozen, and loops that a call would block."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import asyncio

P = ParamSpec("P")
T = TypeVar("T")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def monotonic_s() -> float:
    """Seconds since some time in the past. freezegun freezes `time.monotonic`, but not this clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC) if hasattr(time, "clock_gettime") else time.monotonic()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, and that a blocking call would stop."""
    if "asyncio" not in sys.modules:
        return None
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def find_blocked(loop: asyncio.AbstractEventLoop, urls: Iterable[str]) -> str | None:
    """The first of the URLs that a server in this loop would have to answer."""
    local = [(url, parts.port) for url in urls if (parts := urlsplit(url)).hostname in LOOPBACK and parts.port]
    ports = _ports(loop) if local else set()
    return next((url for url, port in local if port in ports), None)


def _ports(loop: asyncio.AbstractEventLoop) -> set[int]:
    """The ports of the loop's servers. asyncio has no list of them, so this looks at all objects."""
    import asyncio

    servers: list[Any] = [one for one in gc.get_objects() if issubclass(type(one), asyncio.Server)]
    return {
        bound.getsockname()[1]
        for server in servers
        if server.get_loop() is loop
        for bound in server.sockets
        if isinstance(bound.getsockname(), tuple)
    }


async def in_thread(call: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Makes a blocking call in a thread, so that the event loop goes on. With asyncio and trio."""
    from functools import partial

    import anyio.to_thread

    return await anyio.to_thread.run_sync(partial(call, *arguments, **options))
