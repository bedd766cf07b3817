"""Fault injection into callbacks: a sender that drops, duplicates, reorders or delays them by the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec

from fotapool.emulator.faults import Rules, Sleep
from fotapool.worker.callbacks.deliveries import Sender, SendResult

REORDER_MS = 1_000
"""How long a reordered callback waits for a later one, unless the rule says, in milliseconds."""
ACCEPTED = 200
"""The status recorded for a callback that was dropped or held back."""


class _Held(msgspec.Struct):
    """A callback that waits until a later one was sent."""

    overtaken: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class ClosableSender(Sender, Protocol):
    """A sender to be closed when the server stops."""

    async def close(self) -> None: ...


class FaultySender:
    """Applies the rules to callbacks before another sender sends them."""

    def __init__(self, sender: ClosableSender, rules: Rules, sleep: Sleep = asyncio.sleep) -> None:
        self._sender = sender
        self._rules = rules
        self._sleep = sleep
        self._held: dict[str, list[_Held]] = {}
        """The callbacks that are held back, by URL."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        if not len(self._rules):
            return await self._forward(url, headers, body)
        actions = self._rules.apply("POST", url, body, headers.get("webhook-id", ""), callback=True)
        fault = actions[0].callback if actions else None
        if fault == "drop":
            return SendResult(ACCEPTED, "", "lost on its way by a fault", 0)
        if fault == "reorder":
            self._hold(url, headers, body, actions[0].by_ms or REORDER_MS)
            return SendResult(ACCEPTED, "", "held back by a fault until a later one has overtaken it", 0)
        if fault == "delay":
            await self._sleep((actions[0].by_ms or 0) / 1000)
        if fault == "duplicate":
            await self._sender.send(url, headers, body)
        return await self._forward(url, headers, body)

    async def close(self) -> None:
        """Drops the callbacks that are held back, and closes the other sender."""
        tasks = [one.task for held in self._held.values() for one in held if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()

    async def _forward(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Sends it, then the callbacks that were held back for the URL."""
        sent = await self._sender.send(url, headers, body)
        held = self._held.pop(url, [])
        for one in held:
            one.overtaken.set()
        await asyncio.gather(*(one.task for one in held if one.task is not None))
        return sent

    def _hold(self, url: str, headers: Mapping[str, str], body: bytes, at_most_ms: int) -> None:
        held = _Held()
        held.task = asyncio.create_task(
            self._send_late(held=held, url=url, headers=headers, body=body, at_most_ms=at_most_ms)
        )
        self._held.setdefault(url, []).append(held)

    async def _send_late(self, held: _Held, url: str, headers: Mapping[str, str], body: bytes, at_most_ms: int) -> None:
        waits = [asyncio.ensure_future(held.overtaken.wait()), asyncio.ensure_future(self._sleep(at_most_ms / 1000))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        waiting = self._held.get(url, [])
        if held in waiting:
            waiting.remove(held)
            if not waiting:
                del self._held[url]
        await self._sender.send(url, headers, body)
