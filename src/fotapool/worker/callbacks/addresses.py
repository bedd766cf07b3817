"""Resolves the names of receivers, and rejects addresses to which callbacks may not be sent.

The connection uses the checked addresses, so that a name cannot resolve to another one in between (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from fotapool.domain.callbacks import is_public_address, literal_is_public

LOOKUP_THREADS = 50
"""One per concurrent batch, so that a name server that does not answer delays only its own listener."""


class AddressRefused(OSError):
    """Callbacks may not be sent to the receiver's address."""


def check_literal(url: URL, private_targets: bool) -> None:
    """Raises AddressRefused if the URL's host is a rejected address; such a host is not resolved."""
    host = url.raw_host or ""
    if not private_targets and literal_is_public(host) is False:
        raise AddressRefused(f"callbacks may not go to {host}")


class CheckedResolver(AbstractResolver):
    """Resolves names to addresses to which callbacks may be sent."""

    def __init__(self, private_targets: bool) -> None:
        self._private_targets = private_targets
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="fotapool-lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises AddressRefused if any of them is rejected (DNS rebinding)."""
        loop = asyncio.get_running_loop()
        found: list[Any] = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, address in found:
            if not (self._private_targets or is_public_address(address[0])):
                raise AddressRefused(f"callbacks may not go to {host} at {address[0]}")
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address[0],
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
