"""The reader: runs short queries on the event loop on SQLite, all others in threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from fotapool.core.telemetry.definitions import DATABASE_ERRORS
from fotapool.core.telemetry.metrics import Metrics
from fotapool.core.telemetry.tracing import OFF, Tracing
from fotapool.store.db.availability import Availability
from fotapool.store.db.connection import TIMEOUT_S, TOO_LATE, Connection, ConnectionLost, Database, StoreUnavailable

READER_THREADS = 4

Result = TypeVar("Result")
P = ParamSpec("P")
Query = Callable[Concatenate[Connection, P], Result]


class Reader:
    """Runs functions of a connection. Each thread and the event loop have their own connection."""

    def __init__(
        self,
        database: Database,
        timeout_s: float = TIMEOUT_S,
        metrics: Metrics | None = None,
        tracing: Tracing = OFF,
    ) -> None:
        self._database = database
        self._metrics = metrics or Metrics()
        self._tracing = tracing
        self._timeout_s = timeout_s
        self._availability = Availability("reads")
        self._local = threading.local()
        self._open: set[Connection] = set()
        self._threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="fotapool-reader")

    @property
    def inline(self) -> bool:
        """Whether short queries run on the event loop."""
        return self._database.reads_inline

    @property
    def database_kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._database.kind

    async def short(self, query: Query[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Runs a query of single rows or one page."""
        with self._tracing.statements(query):
            if self._database.reads_inline:
                return self._run(query, *args, **kwargs)
            return await self._within_deadline(self._in_thread(query, *args, **kwargs))

    async def long(self, query: Query[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Runs a query of many rows on one state of the database; it begins within the deadline."""
        begun = threading.Event()
        snapshot = _in_snapshot(query)

        def run(connection: Connection) -> Result:
            begun.set()
            return snapshot(connection, *args, **kwargs)

        with self._tracing.statements(query):
            return await self._within_deadline(self._in_thread(run), unless=begun.is_set)

    def _in_thread(self, query: Query[P, Result], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, lambda: self._run(query, *args, **kwargs))

    async def _within_deadline(self, result: asyncio.Future[Result], unless: Callable[[], bool] = bool) -> Result:
        """The result. Raises StoreUnavailable if it is not there in time, for example since all threads wait."""
        expired = False

        def expire() -> None:  # a query that has begun ends with its statement's deadline, and nobody waits for it
            nonlocal expired
            if not unless():
                expired = True
                result.cancel()

        deadline = asyncio.get_running_loop().call_later(self._timeout_s, expire)
        try:
            return await result
        except asyncio.CancelledError:
            if not expired:
                raise
            self._metrics.count(DATABASE_ERRORS, TOO_LATE)
            raise StoreUnavailable(f"no answer within {self._timeout_s:g} s") from None
        finally:
            deadline.cancel()

    def _run(self, query: Query[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            try:
                result = self._attempt(query, *args, **kwargs)
            except ConnectionLost:  # it broke while it was idle; reads can be retried
                result = self._attempt(query, *args, **kwargs)
        except StoreUnavailable as error:
            self._availability.failed(error)
            raise
        self._availability.answered()
        return result

    def _attempt(self, query: Query[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        connection: Connection | None = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._local.connection = self._database.connect()
                self._open.add(connection)
            connection.check()
            return query(connection, *args, **kwargs)
        except StoreUnavailable as error:
            self._metrics.count_error(error)
            self._local.connection = None
            if connection is not None:
                self._close(connection)
            raise

    def _close(self, connection: Connection) -> None:
        self._open.discard(connection)
        with contextlib.suppress(Exception):
            connection.close()

    def stop(self) -> None:
        """Waits for running queries, then closes all connections."""
        self._threads.shutdown()
        for connection in list(self._open):
            self._close(connection)


def _in_snapshot(query: Query[P, Result]) -> Query[P, Result]:
    def run(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        connection.begin_snapshot()
        try:
            return query(connection, *args, **kwargs)
        finally:
            connection.rollback()

    return run
