"""Deadlines to the database: what is ended when, and what becomes of the changes that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from fotapool.services.commands import DirectCommand
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import READER_THREADS, Reader
from fotapool.store.db.watchdog import GRACE_S, LONG_FACTOR, Watchdog
from fotapool.store.db.writer import Writer
from support.processes import PATIENCE_S
from support.servers import set_up

TIMEOUT_S = 10.0
only_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Statement:
    """A connection whose statement began at 0, of a server that answers others or does not."""

    def __init__(self, is_long: bool, answers: bool = True) -> None:
        self.busy_since_s: float | None = 0.0
        self.is_long = is_long
        self.asked: list[bool] = []
        self.aborted = threading.Event()
        self._answers = answers

    def server_answers(self) -> bool:
        self.asked.append(self._answers)
        return self._answers

    def abort(self) -> None:
        self.aborted.set()


@pytest.fixture
def watchdog(monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    """Without the thread that looks at the real time."""
    monkeypatch.setattr(Watchdog, "_run", lambda _: None)
    return Watchdog(TIMEOUT_S)


def test_a_statement_is_ended_at_its_deadline_and_an_idle_connection_never(watchdog: Watchdog) -> None:
    busy, idle = Statement(is_long=False), Statement(is_long=False)
    idle.busy_since_s = None
    watchdog.watch(busy)
    watchdog.watch(idle)
    watchdog.check(TIMEOUT_S + GRACE_S)
    assert not busy.aborted.is_set()
    watchdog.check(TIMEOUT_S + GRACE_S + 0.1)
    assert busy.aborted.is_set()
    watchdog.check(1e6)
    assert not idle.aborted.is_set()


def test_a_long_statement_may_go_on_while_its_server_answers(watchdog: Watchdog) -> None:
    long = Statement(is_long=True)
    watchdog.watch(long)
    for quarter in range(4 * round(TIMEOUT_S) * 3):
        watchdog.check(quarter / 4)
    assert not long.aborted.is_set()
    assert len(long.asked) == 2  # once in each deadline, not at each look
    watchdog.check(TIMEOUT_S * LONG_FACTOR + 0.1)
    assert long.aborted.is_set()


def test_a_long_statement_ends_when_its_server_answers_nobody(watchdog: Watchdog) -> None:
    long = Statement(is_long=True, answers=False)
    watchdog.watch(long)
    watchdog.check(TIMEOUT_S + GRACE_S + 0.1)
    assert long.aborted.wait(PATIENCE_S)


@only_postgres
def test_postgresql_releases_the_locks_of_a_server_that_is_silent(database_url: str) -> None:
    database = open_database(database_url, durable=True, timeout_s=TIMEOUT_S)
    with closing(database.connect(writes=True)) as writes, closing(database.connect()) as reads:
        silent = "SHOW idle_in_transaction_session_timeout"
        assert writes.fetch(silent) == [("15s",)]
        assert reads.fetch(silent) == [("0",)]  # a snapshot holds no locks, and is read at the pace of its client
        assert writes.server_answers()  # type: ignore[attr-defined]


def test_a_long_read_that_cannot_begin_is_given_up(database_url: str) -> None:
    set_up(database_url)
    all_begun, ended = threading.Barrier(READER_THREADS + 1), threading.Event()

    def occupy(_: Connection) -> bool:
        all_begun.wait(PATIENCE_S)
        return ended.wait(PATIENCE_S)

    async def run() -> None:
        reader = Reader(open_database(database_url, durable=False), timeout_s=PATIENCE_S)
        busy = [asyncio.create_task(reader.long(occupy)) for _ in range(READER_THREADS)]
        await asyncio.to_thread(all_begun.wait, PATIENCE_S)
        reader._timeout_s = 0.1
        with pytest.raises(StoreUnavailable, match="no answer within"):
            await reader.long(lambda _: None)
        ended.set()
        assert await asyncio.gather(*busy) == [True] * READER_THREADS
        reader.stop()

    asyncio.run(run())


def end_own_connection(connection: Connection, _: int) -> None:
    connection.fetch("SELECT pg_terminate_backend(pg_backend_pid())")


@only_postgres
def test_changes_that_are_retried_one_by_one_do_not_each_wait_for_a_database_that_is_gone(database_url: str) -> None:
    done: list[str] = []

    def fail(_: Connection, __: int) -> None:
        done.append("failed")
        raise KeyError

    def succeed(_: Connection, __: int) -> None:
        done.append("succeeded")

    changes: list[Callable[[Any, int], None]] = [fail, end_own_connection, succeed, succeed]

    async def run() -> list[BaseException | None]:
        writer = Writer(open_database(database_url, durable=True), lambda: 1)
        found = await asyncio.gather(
            *(writer.submit(DirectCommand(change)) for change in changes), return_exceptions=True
        )
        assert await writer.submit(DirectCommand(succeed)) is None  # by a new connection
        await writer.stop()
        return found

    failed, ended, *given_up = asyncio.run(run())
    assert isinstance(failed, KeyError)
    assert isinstance(ended, StoreUnavailable)
    assert [type(error) for error in given_up] == [StoreUnavailable] * 2
    assert done == ["failed", "failed", "succeeded"]
