"""The writer: batches in order of arrival, guilty commands that fail alone, refusals without trace, limits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, ClassVar

import pytest

from fotapool.domain.errors import Conflict, ErrorCode, RequestRejected
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import record_account
from fotapool.store.db import writer as writer_module
from fotapool.store.db.commands import Command, Pools
from fotapool.store.db.connection import Connection, ConstraintViolated, Database
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare
from fotapool.store.db.writer import Writer

NOW_MS = 7


class Counting:
    """A database whose connections count what is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.commits = 0
        self.opened = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def connect(self, writes: bool = False) -> Connection:
        connection = self._database.connect(writes)
        self.opened += 1
        commit = connection.commit

        def counted() -> None:
            commit()
            self.commits += 1

        connection.commit = counted  # type: ignore[method-assign]
        return connection


class _Facts:
    def __init__(self, connection: Connection, pools: Pools) -> None:
        self.connection = connection
        self.pools = pools
        self.rows: list[tuple[int, int, int]] = []

    def record(self, connection: Connection) -> None:
        connection.insert("candidate", "account_id, place, imei", self.rows)


class Put(Command[int]):
    """Puts a candidate; answers how many commands of its run decided before it. One place twice is a constraint's."""

    merges = True
    loads: ClassVar[list[int]] = []

    def __init__(self, place: int, devices: int = 1) -> None:
        self._place = place
        self.devices = devices

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> _Facts:
        assert now_ms == NOW_MS
        cls.loads.append(len(commands))
        return _Facts(connection, pools)

    def decide(self, facts: _Facts, now_ms: int) -> int:
        facts.rows.append((1, self._place, self._place + 1000))
        return len(facts.rows) - 1


class Refuse(Put):
    """Refuses instead."""

    def decide(self, facts: _Facts, now_ms: int) -> int:
        raise Conflict("no")


class Take(Command[int]):
    """Takes one license of an account, as far as the pool lets it."""

    merges = True

    def __init__(self, account_id: int) -> None:
        self.account_ids = (account_id,)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> _Facts:
        return _Facts(connection, pools)

    def decide(self, facts: _Facts, now_ms: int) -> int:
        pool = facts.pools[self.account_ids[0]]
        if not pool.free:
            raise Conflict("none is free")
        pool.used += 1
        return pool.used


class Wait(Put):
    """Holds its batch up until it is told to go on."""

    merges = False
    inline = False

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def decide(self, facts: _Facts, now_ms: int) -> int:
        self.begun.set()
        assert self.go_on.wait(120)
        return super().decide(facts, now_ms)


@pytest.fixture(params=(True, False), ids=("durable", "emulator"))
def counting(request: pytest.FixtureRequest, database_url: str) -> Counting:
    database = open_database(database_url, durable=request.param)
    connection = database.connect()
    prepare(connection)
    connection.close()
    Put.loads.clear()
    return Counting(database)


def run(counting: Counting, *commands: Command[Any]) -> list[Any]:
    """Submits all of them before the writer has begun; answers outcomes and errors in order."""
    return asyncio.run(_together(counting, [commands]))[0]


async def _together(counting: Counting, batches: Sequence[Sequence[Command[Any]]]) -> list[list[Any]]:
    async with writing(counting) as writer:
        return [
            await asyncio.gather(*(writer.submit(command) for command in commands), return_exceptions=True)
            for commands in batches
        ]


@contextlib.asynccontextmanager
async def writing(counting: Counting) -> AsyncIterator[Writer]:
    writer = Writer(counting, lambda: NOW_MS)
    try:
        yield writer
    finally:
        await writer.stop()


def within(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


def places(counting: Counting) -> list[int]:
    connection = counting.connect()
    rows = connection.fetch("SELECT place FROM candidate ORDER BY place")
    connection.close()
    return [row[0] for row in rows]


def test_what_arrives_together_is_decided_in_order_of_arrival_in_one_transaction(counting: Counting) -> None:
    assert run(counting, *(Put(place) for place in range(50))) == list(range(50))
    assert places(counting) == list(range(50))
    assert (counting.commits, Put.loads) == (1, [50])


def test_commands_that_do_not_share_their_facts_keep_their_order_in_the_batch(counting: Counting) -> None:
    lone = Wait(2)
    lone.go_on.set()
    assert run(counting, Put(0), Put(1), lone, Put(3), Put(4)) == [0, 1, 0, 0, 1]
    assert (counting.commits, Put.loads) == (1, [2, 1, 2])


def test_a_lone_command_does_not_wait_for_company(counting: Counting) -> None:
    async def alone() -> None:
        async with writing(counting) as writer:
            for place in range(3):
                assert await writer.submit(Put(place)) == 0

    within(alone())
    assert (counting.commits, Put.loads) == (3, [1, 1, 1])


def test_what_arrives_while_a_batch_is_under_way_makes_the_next(counting: Counting) -> None:
    async def meanwhile() -> None:
        async with writing(counting) as writer:
            first = Wait(0)
            answers = [asyncio.create_task(writer.submit(first))]
            await asyncio.to_thread(first.begun.wait, 120)
            answers += [asyncio.create_task(writer.submit(Put(place))) for place in range(1, 11)]
            await asyncio.sleep(0)
            assert writer.waiting == 10
            first.go_on.set()
            assert await asyncio.gather(*answers) == [0, *range(10)]

    within(meanwhile())
    assert counting.commits == 2


def test_all_commands_of_an_account_decide_on_the_pool_as_the_earlier_ones_left_it(counting: Counting) -> None:
    connection = counting.connect()
    ids = [
        record_account(connection, name=f"account-{number}", purchase_type=PurchaseType.MRC, total=3, now_ms=1)
        for number in range(2)
    ]
    outcomes = run(counting, *(Take(ids[number % 2]) for number in range(10)))
    assert outcomes[:6] == [1, 1, 2, 2, 3, 3]
    assert all(isinstance(error, Conflict) for error in outcomes[6:])
    assert [row[2] for row in connection.lock_pools(ids)[1]] == [3, 3]
    connection.close()


def test_one_whose_constraint_fires_fails_alone_and_its_neighbors_succeed(counting: Counting) -> None:
    run(counting, Put(3))
    outcomes = run(counting, *(Put(place) for place in range(6)))
    assert isinstance(outcomes.pop(3), ConstraintViolated)
    assert outcomes == [0] * 5
    assert places(counting) == list(range(6))


def test_a_bug_in_one_decision_does_not_take_the_others_with_it(counting: Counting) -> None:
    class Broken(Put):
        def decide(self, facts: _Facts, now_ms: int) -> int:
            super().decide(facts, now_ms)
            raise ZeroDivisionError

    outcomes = run(counting, Put(0), Broken(1), Put(2))
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert places(counting) == [0, 2]


def test_a_refusal_leaves_no_trace_and_its_neighbors_succeed(counting: Counting) -> None:
    outcomes = run(counting, Put(0), Refuse(1), Put(2))
    assert isinstance(outcomes[1], Conflict)
    assert places(counting) == [0, 2]
    assert counting.commits == 1


def test_a_command_that_writes_as_it_decides_is_alone_and_its_refusal_is_rolled_back(counting: Counting) -> None:
    class WriteAndRefuse(Put):
        alone = True

        def decide(self, facts: _Facts, now_ms: int) -> int:
            super().decide(facts, now_ms)
            facts.record(facts.connection)
            facts.rows.clear()
            raise Conflict("no")

    outcomes = run(counting, Put(0), WriteAndRefuse(1), Put(2))
    assert isinstance(outcomes[1], Conflict)
    assert places(counting) == [0, 2]


def test_a_batch_holds_no_more_commands_than_it_may(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_BATCH_COMMANDS", 3)
    run(counting, *(Put(place) for place in range(7)))
    assert (counting.commits, Put.loads) == (3, [3, 3, 1])


def test_a_giant_ends_its_batch(counting: Counting) -> None:
    run(counting, Put(0), Put(1, devices=writer_module.MAX_BATCH_DEVICES), Put(2), Put(3))
    assert (counting.commits, Put.loads) == (2, [2, 2])


def test_when_too_many_wait_one_more_is_refused_as_busy(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_WAITING", 2)
    outcomes = run(counting, *(Put(place) for place in range(4)))
    assert outcomes[:2] == [0, 1]
    assert [error.code for error in outcomes[2:]] == [ErrorCode.BUSY, ErrorCode.BUSY]
    assert places(counting) == [0, 1]


def test_stopping_finishes_what_waits_and_takes_nothing_new(counting: Counting) -> None:
    async def stop_under_load() -> None:
        writer = Writer(counting, lambda: NOW_MS)
        first = Wait(0)
        answers = [asyncio.create_task(writer.submit(first))]
        await asyncio.to_thread(first.begun.wait, 120)
        answers += [asyncio.create_task(writer.submit(Put(place))) for place in range(1, 4)]
        stopping = asyncio.create_task(writer.stop())
        await asyncio.sleep(0)
        with pytest.raises(RequestRejected):
            await writer.submit(Put(9))
        first.go_on.set()
        await stopping
        assert await asyncio.gather(*answers) == [0, 0, 1, 2]

    within(stop_under_load())
    assert places(counting) == [0, 1, 2, 3]


def test_who_gives_up_waiting_holds_up_nobody(counting: Counting) -> None:
    async def give_up() -> None:
        async with writing(counting) as writer:
            first = Wait(0)
            waiting = asyncio.create_task(writer.submit(first))
            await asyncio.to_thread(first.begun.wait, 120)
            other = asyncio.create_task(writer.submit(Put(1)))
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            first.go_on.set()
            assert await other == 0

    within(give_up())
    assert places(counting) == [0, 1]


def test_a_connection_that_died_while_it_was_idle_is_replaced(counting: Counting) -> None:
    async def outlive() -> None:
        async with writing(counting) as writer:
            await writer.submit(Put(0))
            if counting.kind == "postgresql":
                admin = counting.connect()
                admin.fetch(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND datname = current_database()"
                )
                admin.close()
            await writer.submit(Put(1))

    within(outlive())
    assert places(counting) == [0, 1]


class Crossing(Command[None]):
    """Locks two users' rows one after the other, and in between waits until the other server has its first."""

    inline = False

    def __init__(self, first: str, second: str, both: threading.Barrier) -> None:
        self._users = (first, second)
        self._both = both

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> _Facts:
        return _Facts(connection, pools)

    def decide(self, facts: _Facts, now_ms: int) -> None:
        for place, username in enumerate(self._users):
            facts.connection.execute(
                "UPDATE api_user SET failed_logins = failed_logins + 1 WHERE username = :name", {"name": username}
            )
            if place == 0:
                with contextlib.suppress(threading.BrokenBarrierError):
                    self._both.wait(2)


def test_two_servers_that_wait_for_each_other_s_rows_both_succeed(counting: Counting) -> None:
    if counting.kind == "sqlite":
        pytest.skip("SQLite has one lock for all")
    connection = counting.connect()
    for username in ("a", "b"):
        connection.execute(
            "INSERT INTO api_user (username, password_hash, failed_logins, created_ms) VALUES (:name, '', 0, 0)",
            {"name": username},
        )

    async def cross() -> None:
        both = threading.Barrier(2)
        async with writing(counting) as one, writing(counting) as other:
            crossing = one.submit(Crossing("a", "b", both)), other.submit(Crossing("b", "a", both))
            await asyncio.gather(*crossing, *(one.submit(Put(place)) for place in range(3)))

    within(cross())
    assert connection.fetch("SELECT sum(failed_logins) FROM api_user")[0][0] == 4
    assert places(counting) == [0, 1, 2]
    connection.close()
