"""The one writer of a process: whatever waits is decided in order, recorded and committed in one transaction.

Order of work for a batch: lock the pool rows in id order; for each run of commands that can share their facts,
load the facts with one statement a table, let each decide on them as the earlier ones left them, record all of it
set-based; commit; answer. A lone command does not wait for company: the next batch is what arrived meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from fotapool.domain.errors import Conflict, Invalid, NotFound, Refusal, Refused
from fotapool.domain.licenses import Pool
from fotapool.store.accounts import record_pools
from fotapool.store.database import Connection, ConnectionLost, Database, StoreUnavailable

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Commands that may wait; one more is refused as BUSY."""
MAX_BATCH_COMMANDS = 512
MAX_BATCH_DEVICES = 20_000
"""A batch takes no further command once it holds this many devices, so that a giant does not hold up the others."""
BATCHES_BETWEEN_MAINTENANCE = 2_000

Outcome = TypeVar("Outcome")
Pools = dict[int, Pool]


class Facts(Protocol):
    """What a run of commands shares: loaded at once, decided on in order, recorded at once."""

    def record(self, connection: Connection) -> None: ...


class Command(Generic[Outcome]):
    """A change of the store. Subclasses say what to load; `decide` reads the facts and notes what to record."""

    merges: ClassVar[bool] = False
    """Whether neighbors of the same facts type share one load and one record."""
    account_ids: Sequence[int] = ()
    """The accounts whose pool rows it locks."""
    devices: int = 1
    """How many devices it is about, for the batch's limit."""

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> Facts:
        raise NotImplementedError

    def decide(self, facts: Any, now_ms: int) -> Outcome:
        """Decides and notes it in the facts. A Refused, Conflict, NotFound or Invalid leaves no trace."""
        raise NotImplementedError


class _Waiting:
    __slots__ = ("command", "future", "loop", "result")

    def __init__(self, command: Command[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.command = command
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None


class Writer:
    """Runs commands in a thread of its own, beside the event loop."""

    def __init__(self, database: Database, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms
        self._waiting: deque[_Waiting] = deque()
        self._wake = threading.Semaphore(0)
        self._closing = False
        self._connection: Connection | None = None
        self._batches = 0
        self._thread = threading.Thread(target=self._run, name="fotapool-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finishes what waits, then ends the thread."""
        self._closing = True
        self._wake.release()
        self._thread.join()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def submit(self, command: Command[Outcome]) -> Outcome:
        """Answers once the command's transaction has committed.

        Raises Refused(BUSY) when too much waits, StoreUnavailable when the database does not answer, and whatever
        the command's `decide` raised.
        """
        if self._closing or len(self._waiting) >= MAX_WAITING:
            raise Refused(Refusal.BUSY)
        waiting = _Waiting(command, asyncio.get_running_loop())
        self._waiting.append(waiting)
        self._wake.release()
        return cast(Outcome, await waiting.future)

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            batch = self._take()
            while self._wake.acquire(blocking=False):  # one wake-up serves all that have arrived
                pass
            while batch:
                self._finish(batch)
                batch = self._take()
            if self._closing:
                break
        self._disconnect()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        devices = 0
        while self._waiting and len(batch) < MAX_BATCH_COMMANDS and devices < MAX_BATCH_DEVICES:
            batch.append(self._waiting.popleft())
            devices += batch[-1].command.devices
        return batch

    def _finish(self, batch: list[_Waiting]) -> None:
        try:
            self._transact(batch)
        except StoreUnavailable as error:
            log.warning("the database does not answer: %s", error)
            self._disconnect()
            _settle(batch, error)
        except Exception as error:
            if len(batch) == 1:
                log.exception("a change failed and was rolled back")
                _settle(batch, error)
            else:
                log.exception("a batch failed; its %d changes run again one by one", len(batch))
                for waiting in batch:
                    self._finish([waiting])
                return
        _answer(batch)

    def _transact(self, batch: list[_Waiting]) -> None:
        connection = self._begun()
        try:
            now_ms = self._now_ms()
            ids = sorted({account_id for waiting in batch for account_id in waiting.command.account_ids})
            pools = {row[0]: Pool(*row) for row in connection.lock_pools(ids)} if ids else {}
            before = {account_id: _mutable(pool) for account_id, pool in pools.items()}
            for run in _runs(batch):
                facts = run[0].command.load(connection, pools, [waiting.command for waiting in run], now_ms)
                for waiting in run:
                    waiting.result = _decided(waiting.command, facts, now_ms)
                facts.record(connection)
            record_pools(connection, [pool for pool in pools.values() if _mutable(pool) != before[pool.account_id]])
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        self._batches += 1
        if self._batches % BATCHES_BETWEEN_MAINTENANCE == 0:
            with contextlib.suppress(StoreUnavailable):
                connection.maintain()

    def _begun(self) -> Connection:
        """A connection with a transaction begun; one that died while it was idle is replaced."""
        if self._connection is not None:
            try:
                self._connection.begin()
                return self._connection
            except ConnectionLost:
                self._disconnect()
        self._connection = self._database.connect(writes=True)
        self._connection.begin()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


class _Failure:
    """What a command's `decide` raised, kept apart from outcomes."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _decided(command: Command[Any], facts: Facts, now_ms: int) -> Any:
    try:
        return command.decide(facts, now_ms)
    except (Refused, Conflict, NotFound, Invalid) as error:
        return _Failure(error)


def _runs(batch: list[_Waiting]) -> Iterator[list[_Waiting]]:
    """Cuts a batch into runs of commands that share their facts, in arrival order."""
    run: list[_Waiting] = []
    for waiting in batch:
        command = waiting.command
        shares = run and command.merges and run[0].command.merges and type(run[0].command).load == type(command).load
        if run and not shares:
            yield run
            run = []
        run.append(waiting)
    yield run


def _mutable(pool: Pool) -> tuple[int, ...]:
    return (
        pool.total, pool.used, pool.notice, pool.entries, pool.changes,
        pool.candidates, pool.candidates_updated_ms, pool.subscription_updated_ms,
    )  # fmt: skip


def _settle(batch: list[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        waiting.result = _Failure(error)


def _answer(batch: list[_Waiting]) -> None:
    """Hands the results to the event loop, with one wake-up for all of a loop's requests."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in batch:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, done in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_deliver, done)


def _deliver(done: list[_Waiting]) -> None:
    for waiting in done:
        if waiting.future.done():
            continue
        if isinstance(waiting.result, _Failure):
            waiting.future.set_exception(waiting.result.error)
        else:
            waiting.future.set_result(waiting.result)
