"""Deletes the answers to changes with an idempotency key that are not kept any longer."""

from __future__ import annotations

from fotapool.domain.idempotency import RETENTION_ANSWERS_MS
from fotapool.services.commands import delete_in_batches
from fotapool.services.context import Context
from fotapool.store.accounts.kept_answers import delete_old_answers

ANSWERS_PER_PURGE = 200
"""How many answers one transaction deletes; an answer may have a few megabytes."""


async def purge_kept_answers(context: Context) -> int:
    """Deletes answers from RETENTION_ANSWERS_MS ago and before, in batches; returns how many."""
    before_ms = context.clock.now_ms() - RETENTION_ANSWERS_MS
    return await delete_in_batches(context, delete_old_answers, before_ms, ANSWERS_PER_PURGE)
