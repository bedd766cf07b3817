"""Snapshots and resets of a running server. Background work waits while the database is read or replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from fotapool.core.clock import MovableClock
from fotapool.domain.errors import Invalid
from fotapool.services.accounts.rejections import flush_rejections
from fotapool.services.audit_log.drafts import NOT_AUDITED, AuditDraft
from fotapool.services.context import Context
from fotapool.services.identity.keys.upkeep import flush_key_uses
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.snapshots.seeds import Seed, add_seed, prepare_seed, replace_by_seed, reset_to_seed
from fotapool.services.snapshots.snapshot_documents import read_document
from fotapool.services.snapshots.snapshots import RestoredSnapshot, create_snapshot, digest_of


class SnapshotService:
    """Creates and restores snapshots and resets the server, together with its clock, sign-ins and in-memory state.

    `clear_memory` clears the in-memory state that belongs to the replaced database.
    """

    def __init__(
        self, context: Context, clock: MovableClock, authenticator: Authenticator, clear_memory: Callable[[], None]
    ) -> None:
        self._context = context
        self._clock = clock
        self._authenticator = authenticator
        self._clear_memory = clear_memory
        self._restored: tuple[RestoredSnapshot, int] | None = None
        """The snapshot restored last, and the clock's offset (ms) since then."""

    async def create(self) -> bytes:
        """The whole database as a snapshot document. Raises Conflict if it is too large, and ContentsUnavailable."""
        await self._authenticator.flush()
        await flush_rejections(self._context)
        await flush_key_uses(self._context)
        async with self._context.step_lock:
            restored, offset_ms = self._restored or (None, 0)
            moved = offset_ms != self._clock.offset_ms
            return await create_snapshot(self._context, self._clock.now_ms(), None if moved else restored)

    async def restore(self, data: bytes, audit: AuditDraft = NOT_AUDITED) -> None:
        """Replaces everything but the operators and the audit log by a snapshot or a seed document.

        Raises Invalid that says what is wrong, and ContentsUnavailable; then nothing has changed.
        """
        seed = await self._read(data, is_whole=True)
        async with self._context.step_lock, self._authenticator.paused():
            await self._replace(seed, audit)
            self._clear_memory()
            self._restored = None
            if seed.image is not None:
                self._restored = RestoredSnapshot(seed.image.timestamp_ms, digest_of(data)), self._clock.offset_ms

    async def add(self, data: bytes, audit: AuditDraft = NOT_AUDITED) -> int:
        """Adds a seed document to the state; returns the timestamp of it (ms).

        Raises Conflict, NotFound and Invalid; then nothing has changed.
        """
        seed = await self._read(data, is_whole=False)
        return await add_seed(replace(self._context, audit=audit), seed)

    async def _read(self, data: bytes, *, is_whole: bool) -> Seed:
        if not data.strip():
            raise Invalid("the body is empty; send a snapshot or a seed document, which is {} for nothing at all")
        document = await asyncio.to_thread(read_document, data)
        return await prepare_seed(document, self._clock.now_ms(), is_whole=is_whole)

    async def reset(self, seed: Seed, audit: AuditDraft = NOT_AUDITED) -> None:
        """Replaces everything by the seed, and sets the clock to the seed's time."""
        async with self._context.step_lock, self._authenticator.paused():
            await reset_to_seed(replace(self._context, audit=audit), seed, self._clock.reset)
            self._clear_memory()
            self._restored = None

    async def _replace(self, seed: Seed, audit: AuditDraft) -> None:
        """Discards the rejections counted so far; they are restored if the replacement fails."""
        rejections = self._context.rejections.drain()
        try:
            await replace_by_seed(replace(self._context, audit=audit), seed)
        except BaseException:
            self._context.rejections.restore(rejections)
            raise
