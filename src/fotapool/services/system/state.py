"""The state of the server, for its operators: whether it is ready, what it is, and what waits."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from fotapool import __version__
from fotapool.core.telemetry.definitions import CHANGES_WAITING
from fotapool.services.context import Context
from fotapool.services.system.health import DATABASE_WITHIN_S, NotReady, why_not_ready
from fotapool.store.db import schema
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.store.monitoring import StoreNumbers, count_due_jobs, read_store_numbers


class StoredState(msgspec.Struct, frozen=True):
    """What the database says, at one time."""

    schema_version: str
    numbers: StoreNumbers
    jobs_due: int
    """Jobs that the worker should have begun; counted up to a limit."""


class SystemState(msgspec.Struct, frozen=True):
    """The state of the server. Times in ms; `started_ms` is real time, `now_ms` that of the server's clock."""

    problem: NotReady | None
    """Why the server is not ready."""
    version: str
    database_kind: str
    started_ms: int
    now_ms: int
    changes_waiting: int
    """Changes that wait for the writer, of all processes of this server."""
    stored: StoredState | None
    """None if the database does not answer."""

    @property
    def next_job_ms(self) -> int | None:
        """When the next job of the worker is due, or should have begun."""
        return self.stored.numbers.oldest_job_ms if self.stored else None

    @property
    def worker_lag_ms(self) -> int:
        """How late the oldest job that is due is."""
        return 0 if self.next_job_ms is None else max(0, self.now_ms - self.next_job_ms)


async def read_system(context: Context) -> SystemState:
    """The state of the server. Does not raise if the database does not answer."""
    problem, now_ms, stored = await why_not_ready(context), context.clock.now_ms(), None
    with contextlib.suppress(StoreUnavailable, TimeoutError):
        async with asyncio.timeout(DATABASE_WITHIN_S):
            stored = await context.reader.short(_read, now_ms)
    return SystemState(
        problem=problem,
        version=__version__,
        database_kind=context.reader.database_kind,
        started_ms=context.metrics.began_ms,
        now_ms=now_ms,
        changes_waiting=int(context.metrics.total(CHANGES_WAITING)),
        stored=stored,
    )


def _read(connection: Connection, now_ms: int) -> StoredState:
    return StoredState(
        schema_version=schema.read_version(connection) or "none",
        numbers=read_store_numbers(connection, accounts=0),
        jobs_due=count_due_jobs(connection, now_ms),
    )
