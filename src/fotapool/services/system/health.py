"""Whether the server is ready: the database answers, has this program's schema, and takes changes."""

from __future__ import annotations

import asyncio

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import RequestRejected
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db import schema
from fotapool.store.db.connection import StoreMismatch, StoreUnavailable
from fotapool.store.db.factory import driver_errors

log = Log(__name__)

DATABASE_WITHIN_S = 1.25
"""How long readiness and a scrape wait for the database."""
PROBE_EVERY_S = 0.5
"""With DATABASE_WITHIN_S, readiness and metrics say within 2 s that the database does not answer."""


class NotReady(msgspec.Struct, frozen=True):
    """Why the server is not ready: a word for programs, and a sentence without addresses for people."""

    status: str
    reason: str
    may_return: bool = False
    """Whether a client should try again soon."""


async def why_not_ready(context: Context) -> NotReady | None:
    """Why the server is not ready, or None if it is."""
    if context.readiness.draining:
        return NotReady("draining", "draining")
    found = await find_database_problem(context)
    waits_for = context.readiness.waits_for
    return NotReady(waits_for, waits_for) if found is None and waits_for else found


async def find_database_problem(context: Context) -> NotReady | None:
    """Why the database cannot be used, or None if it answers and takes changes."""
    try:
        async with asyncio.timeout(DATABASE_WITHIN_S):
            await context.reader.short(schema.check)
            await _probe(context)
    except StoreMismatch as error:
        log.write(LogEvent.SCHEMA_MISMATCH, reason=error)
        return NotReady("schema", str(error))
    except _no_answer() as error:
        reason = str(error) or f"no answer within {DATABASE_WITHIN_S:g} s"
        log.write(LogEvent.NOT_READY, reason=reason)  # the answer has no details: they name hosts
        return NotReady("unavailable", "the database does not answer", may_return=True)
    return None


def _no_answer() -> tuple[type[Exception], ...]:
    return StoreUnavailable, RequestRejected, TimeoutError, *driver_errors()


async def database_is_up(context: Context) -> bool:
    """Whether the database answers and takes changes."""
    return await find_database_problem(context) is None


async def _probe(context: Context) -> None:
    """Tries whether changes can be written, at most once in PROBE_EVERY_S for all requests; waits for a try that runs.

    Raises StoreUnavailable or RequestRejected if the last try failed.
    """
    state, now_s = context.readiness, asyncio.get_running_loop().time()
    if state.probe is None or (state.probe.done() and now_s - state.probed_s > PROBE_EVERY_S):
        state.probed_s = now_s
        state.probe = asyncio.create_task(_try_to_write(context))
        state.probe.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may wait for it
    await asyncio.shield(state.probe)


async def _try_to_write(context: Context) -> None:
    writer = context.writer
    if not writer.is_full:
        await writer.submit(DirectCommand(schema.probe_write))
        return
    await writer.submit(DirectCommand(schema.take_room))  # a single row fits on a page that is there
    await writer.submit(DirectCommand(schema.free_room))
    writer.is_full = False
