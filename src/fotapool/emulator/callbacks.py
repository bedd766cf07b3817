"""Faults in callbacks: a sender that loses, doubles, swaps or delays what the rules say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fotapool.emulator.faults import Rules, Sleep
from fotapool.emulator.rules import CallbackFault
from fotapool.worker.callbacks.deliveries import Sender, SendResult

REORDER_MS = 1_000
"""How long a callback is held back for a later one to overtake it, if the rule does not say, in milliseconds."""
TAKEN = 200
"""What is recorded of a callback that was lost or held back: its sender believes that it was taken."""


@dataclass(slots=True)
class _Held:
    """A callback that waits to be overtaken."""

    overtaken: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class ClosableSender(Sender, Protocol):
    """A sender that is closed when its server stops."""

    async def close(self) -> None: ...


class FaultySender:
    """A sender that does to callbacks what the rules say, and hands them on to another one."""

    def __init__(self, sender: ClosableSender, rules: Rules, sleep: Sleep = asyncio.sleep) -> None:
        self._sender = sender
        self._rules = rules
        self._sleep = sleep
        self._held: dict[str, list[_Held]] = {}
        """By URL."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        if not len(self._rules):
            return await self._hand_on(url, headers, body)
        actions = self._rules.fire("POST", url, body, headers.get("webhook-id", ""), callback=True)
        fault = actions[0].callback if actions else None
        if fault is CallbackFault.DROP:
            return SendResult(TAKEN, "", "lost on its way by a fault", 0)
        if fault is CallbackFault.REORDER:
            self._hold(url, headers, body, actions[0].by_ms or REORDER_MS)
            return SendResult(TAKEN, "", "held back by a fault until a later one has overtaken it", 0)
        if fault is CallbackFault.DELAY:
            await self._sleep(actions[0].by_ms / 1000)
        if fault is CallbackFault.DUPLICATE:
            await self._sender.send(url, headers, body)
        return await self._hand_on(url, headers, body)

    async def close(self) -> None:
        """Gives up what is held back, and closes the other one."""
        tasks = [one.task for held in self._held.values() for one in held if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()

    async def _hand_on(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Sends; what was held back for the URL follows before this is answered."""
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
