"""Creates the sender with the first callback, since its library takes a quarter of a second to import."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fotapool.worker.callbacks.deliveries import SendResult

if TYPE_CHECKING:
    from fotapool.worker.callbacks.sender import HttpSender


class LazySender:
    """A Sender (deliveries.py). Close it on the event loop that uses it."""

    def __init__(self, timeout_s: float, private_targets: bool) -> None:
        self._options = (timeout_s, private_targets)
        self._sender: HttpSender | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Posts the body; failures of the receiver or the network are in the result."""
        if self._sender is None:
            made = await asyncio.to_thread(_sender_class)
            self._sender = self._sender or made(*self._options)
        return await self._sender.send(url, headers, body)

    async def close(self) -> None:
        if self._sender is not None:
            await self._sender.close()


def _sender_class() -> type[HttpSender]:
    from fotapool.worker.callbacks.sender import HttpSender

    return HttpSender
