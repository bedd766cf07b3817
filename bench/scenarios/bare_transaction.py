"""The bare transaction: the writer's calls of its database connection, recorded and replayed.

That keeps the comparison honest by itself: whatever the server reads and writes for a request, the bare transaction
reads and writes too, through the same driver, and it has no server and no rule around it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from typing import Any

from bench.support.processes import SERVER_CORES, pinned
from fotapool.core.clock import SystemClock
from fotapool.core.settings import Settings
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.licenses import assign_licenses
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import Reader
from fotapool.store.db.writer import Writer

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class _RecordingConnection:
    """Forwards calls and records them."""

    def __init__(self, connection: Any, calls: list[Call]) -> None:
        self._connection = connection
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            stored = tuple(list(arg) if name == "insert" and place == 2 else arg for place, arg in enumerate(args))
            self._calls.append((name, stored, kwargs))
            return method(*stored, **kwargs)

        return call


class _RecordingDatabase:
    def __init__(self, url: str, calls: list[Call]) -> None:
        self._database = open_database(url, durable=True)
        self._calls = calls
        self.reads_inline = self._database.reads_inline
        self.commits_inline = self._database.commits_inline
        self.marks_commits = self._database.marks_commits
        self.kind = self._database.kind

    def connect(self, writes: bool = False) -> Any:
        return _RecordingConnection(self._database.connect(writes), self._calls)

    def dispose(self) -> None:
        self._database.dispose()


class Bare:
    """Two copies of a database: one for the recorded requests, one for the replay."""

    def __init__(self, recorded_url: str, played_url: str) -> None:
        self._recorded_url = recorded_url
        self._connection = open_database(played_url, durable=True).connect(writes=True)

    def close(self) -> None:
        self._connection.close()

    def seconds(self, account_id: int, account_name: str, requests: Sequence[Sequence[int]]) -> float:
        """Seconds for these requests, one transaction per request."""
        calls: list[Call] = []
        asyncio.run(
            _decide(
                url=self._recorded_url, calls=calls, account_id=account_id, account_name=account_name, requests=requests
            )
        )
        ready = [(getattr(self._connection, name), args, kwargs) for name, args, kwargs in calls if name != "close"]
        os.sync()  # what the recording has left to be written is not the transaction's
        gc.collect()
        gc.disable()
        try:
            with pinned(SERVER_CORES):
                began = time.perf_counter()
                for method, args, kwargs in ready:
                    method(*args, **kwargs)
                return time.perf_counter() - began
        finally:
            gc.enable()


async def _decide(
    url: str, calls: list[Call], account_id: int, account_name: str, requests: Sequence[Sequence[int]]
) -> None:
    database, clock = _RecordingDatabase(url, calls), SystemClock()
    writer = Writer(database, clock.now_ms)
    context = Context(Settings(database=url), clock, Reader(database), writer)
    caller = Caller("bench", "bench-000000000000-1", account_id, account_name)
    try:
        for devices in requests:
            await assign_licenses(context, caller, devices)
    finally:
        await writer.stop()
