"""Contexts of servers on one database, without HTTP: a movable clock that stands still, a reader, a writer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from fotapool.services.context import Context
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import Reader
from fotapool.store.db.schema import prepare
from fotapool.store.db.writer import Writer
from support.helpers import NOW_MS

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]


@pytest.fixture
def open_context(database_url: str) -> OpenContext:
    """`async with open_context() as context`: one server of several."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Context]:
        database = open_database(database_url, durable=False)
        connection = database.connect()
        prepare(connection)
        connection.close()
        clock = MovableClock(FixedClock(NOW_MS))
        reader, writer = Reader(database), Writer(database, clock.now_ms)
        try:
            yield Context(Settings(), clock, reader, writer)
        finally:
            await writer.stop()
            reader.stop()

    return opened
