"""Snapshots and resets of a server that runs: everybody else waits while the whole of it is read or replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fotapool.core.clock import MovableClock
from fotapool.domain.errors import Invalid
from fotapool.services.accounts.rejections import flush_rejections
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.snapshots.documents import read_document
from fotapool.services.snapshots.seeds import Seed, prepare_seed, replace_by_seed, reset_to_seed
from fotapool.services.snapshots.snapshots import Dated, digest_of, take_snapshot


class SnapshotService:
    """Takes snapshots, puts them back and resets: with the clock, the check of tokens, and what else goes."""

    def __init__(self, context: Context, clock: MovableClock, gate: Authenticator, forget: Callable[[], None]) -> None:
        self._context = context
        self._clock = clock
        self._gate = gate
        self._forget = forget
        self._put_back: tuple[Dated, int] | None = None
        """The snapshot that was put back last, and the clock's offset (ms) since then."""

    async def take(self) -> bytes:
        """Everything that there is. Raises Conflict if that is too much, and ContentsUnavailable."""
        await self._gate.flush()
        await flush_rejections(self._context)
        async with self._context.stepping:
            put_back, offset_ms = self._put_back or (None, 0)
            moved = offset_ms != self._clock.offset_ms
            return await take_snapshot(self._context, self._clock.now_ms(), None if moved else put_back)

    async def put(self, data: bytes) -> None:
        """Puts a snapshot or a seed document in place of everything but the operators.

        Raises Invalid that says what is wrong, and ContentsUnavailable; everything is as it was then.
        """
        if not data.strip():
            raise Invalid("the body is empty; send a snapshot or a seed document, which is {} for nothing at all")
        seed = await prepare_seed(await asyncio.to_thread(read_document, data), self._clock.now_ms())
        async with self._context.stepping, self._gate.paused():
            await self._replace(seed)
            self._forget()
            self._put_back = None
            if seed.world is not None:
                self._put_back = Dated(seed.world.timestamp_ms, digest_of(data)), self._clock.offset_ms

    async def reset(self, seed: Seed) -> None:
        """Goes back to the seed, and to its time."""
        async with self._context.stepping, self._gate.paused():
            await reset_to_seed(self._context, seed, self._clock.reset)
            self._forget()
            self._put_back = None

    async def _replace(self, seed: Seed) -> None:
        """What was refused so far, and is not written yet, goes with all the rest."""
        refusals = self._context.refusals.take()
        try:
            await replace_by_seed(self._context, seed)
        except BaseException:
            self._context.refusals.put_back(refusals)
            raise
