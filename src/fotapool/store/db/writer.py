"""The writer: runs all waiting commands of a process in order, in one transaction (group commit).

For each batch it locks the pools in id order. For each run of commands that share their facts, it loads the facts with
one statement per table, lets each command decide on the facts as the earlier ones left them, and records all decisions
set-based. Then it commits and returns the results. Commands that arrive in the meantime form the next batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from fotapool.domain.errors import AccountGone, Conflict, ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.accounts.accounts import record_pools
from fotapool.store.db.connection import (
    NO_AUTH_EPOCH,
    TIMEOUT_S,
    Collided,
    Connection,
    ConnectionLost,
    ConstraintViolated,
    Database,
    OutcomeUnknown,
    StoreUnavailable,
)

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Maximum number of waiting commands; further ones are rejected as BUSY."""
MAX_BATCH_COMMANDS = 512
MAX_BATCH_DEVICES = 20_000
"""A batch with this many devices takes no further command, to limit the delay by large commands."""
MAX_INLINE_DEVICES = 500
"""A batch with more devices does not run on the event loop, which it would block."""
BATCHES_BETWEEN_MAINTENANCE = 2_000
TRIES = 5
"""How often a change is retried after a deadlock with another server."""
SETTLE_EVERY_S = 0.2
_SETTLED = {True: "committed", False: "rolled back", None: "committed or rolled back"}
REJECTIONS = (RequestRejected, Conflict, NotFound, Invalid)

Result = TypeVar("Result")
Pools = dict[int, Pool]


class AuthEpochChanged(Exception):
    """The auth epoch changed since the caller was authenticated; nothing was changed. Authenticate and submit again."""


class Facts(Protocol):
    """The facts of a run of commands: loaded at once, changed by the decisions in order, recorded at once."""

    def record(self, connection: Connection) -> None: ...


class Command(Generic[Result]):
    """A change of the store. `load` reads the facts; `decide` decides on them and adds its changes to them."""

    merges: ClassVar[bool] = False
    """Whether adjacent commands with the same `load` share their facts."""
    account_ids: Sequence[int] = ()
    """The accounts whose pools it locks."""
    devices: int = 1
    """The number of its devices, for the limits of a batch."""
    inline: bool = True
    """Whether it may run on the event loop, because its work is bounded by `devices`."""
    auth_epoch: int = NO_AUTH_EPOCH
    """The auth epoch in which its caller was authenticated; checked again in the transaction."""
    alone: bool = False
    """Whether it needs its own transaction, rolled back on rejection, because `decide` writes to the store."""

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> Facts:
        raise NotImplementedError

    def decide(self, facts: Any, now_ms: int) -> Result:
        """Decides and adds the changes to the facts. Must not change them if it raises one of REJECTIONS."""
        raise NotImplementedError


class _Waiting:
    __slots__ = ("begun", "command", "future", "result")

    def __init__(self, command: Command[Any], future: asyncio.Future[Any]) -> None:
        self.command = command
        self.future = future
        self.result: Any = None
        self.begun = False


class Writer:
    """Runs commands in batches: commands that arrive during a commit form the next batch.

    On SQLite, a small batch is decided and recorded on the event loop, and only its commit, which waits for the disk,
    runs in a thread: switching threads would cost more than the statements. All else runs in the thread.
    """

    def __init__(self, database: Database, now_ms: Callable[[], int], timeout_s: float = TIMEOUT_S) -> None:
        self._database = database
        self._timeout_s = timeout_s
        self._name, self._marked = "", 0
        """Its name in commit_marker, and the number of its last marked commit."""
        self._commit_sent = False
        self._now_ms = now_ms
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fotapool-writer")
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.submitted = 0
        """The number of commands submitted so far."""
        self._connection: Connection | None = None
        self._batches = 0

    async def stop(self) -> None:
        """Runs the waiting commands, then closes the connection. Further commands are rejected."""
        self._closing = True
        if self._task is not None:
            await self._task
        await self._in_thread(self._disconnect)
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def submit(self, command: Command[Result]) -> Result:
        """Returns the command's result after its transaction has committed.

        Raises RequestRejected(BUSY) if too many commands wait, StoreUnavailable if the database does not answer,
        AuthEpochChanged, and any exception of the command's `decide`.
        """
        if self._closing or len(self._waiting) >= MAX_WAITING:
            raise RequestRejected(ErrorCode.BUSY)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(command, loop.create_future())
        self._waiting.append(waiting)
        self.submitted += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        deadline = loop.call_later(self._timeout_s, self._expire, waiting)
        try:
            return cast(Result, await waiting.future)
        finally:
            deadline.cancel()

    def _expire(self, waiting: _Waiting) -> None:
        """Gives up a command that still waits. A command of the running batch ends with its statement's deadline."""
        if not waiting.begun and not waiting.future.done():
            waiting.future.set_exception(StoreUnavailable(f"not begun within {self._timeout_s:g} s"))

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._take()
                if batch:
                    await self._finish(batch)
                    _deliver(batch)
        finally:
            self._task = None

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        devices = 0
        while self._waiting and len(batch) < MAX_BATCH_COMMANDS and devices < MAX_BATCH_DEVICES:
            if batch and (self._waiting[0].command.alone or batch[-1].command.alone):
                break
            waiting = self._waiting.popleft()
            if waiting.future.done():  # given up, or its client has left: it must not be executed
                continue
            waiting.begun = True
            batch.append(waiting)
            devices += waiting.command.devices
        return batch

    async def _finish(self, batch: list[_Waiting], tries: int = TRIES) -> None:
        """Runs the batch and sets the result of every command."""
        try:
            await self._transact(batch)
        except Collided as error:
            log.info("deadlock with another server; the changes are retried one by one: %s", error)
            if tries == 0:
                _settle(batch, error)
            for waiting in batch if tries else ():
                await self._finish([waiting], tries - 1)
        except StoreUnavailable as error:
            log.warning("the database does not answer: %s", error)
            await self._in_thread(self._disconnect)
            if self._commit_sent and self._database.marks_commits:
                await self._in_thread(self._settle_commit, batch, error)
            else:
                _settle(batch, error)
        except REJECTIONS as error:  # a command with its own transaction, which was rolled back
            _settle(batch, error)
        except Exception as error:
            await self._finish_failed(batch, error, tries)

    async def _finish_failed(self, batch: list[_Waiting], error: Exception, tries: int) -> None:
        if len(batch) > 1:
            log.error("a batch failed; its %d changes are retried one by one", len(batch), exc_info=error)
            for waiting in batch:
                await self._finish([waiting])
        elif isinstance(error, ConstraintViolated) and tries:
            await self._finish(batch, tries=0)  # another server wrote the same rows meanwhile: now they can be read
        else:
            log.error("a change failed and was rolled back", exc_info=error)
            _settle(batch, error)

    async def _transact(self, batch: list[_Waiting]) -> None:
        if not (self._is_small(batch) and self._begin_at_once()):
            await self._in_thread(self._transact_in_thread, batch)
            return
        with self._rolled_back_on_error():
            self._decide_and_record(batch)
            if self._database.commits_inline:
                self._commit()
            else:
                await self._in_thread(self._commit)

    def _is_small(self, batch: list[_Waiting]) -> bool:
        return (
            self._database.reads_inline
            and all(waiting.command.inline for waiting in batch)
            and sum(waiting.command.devices for waiting in batch) <= MAX_INLINE_DEVICES
        )

    def _begin_at_once(self) -> bool:
        """Begins a transaction, or returns False if another process holds the lock, for which the thread waits."""
        if self._connection is None:
            self._connection = self._database.connect(writes=True)
        try:
            return self._connection.begin_at_once()
        except ConnectionLost:
            self._disconnect()
            return False

    def _transact_in_thread(self, batch: list[_Waiting]) -> None:
        self._commit_sent = False
        connection = self._usable_connection()
        began_s = time.monotonic()
        with self._rolled_back_on_error(), connection.pipelined():
            connection.begin()
            self._decide_and_record(batch)
            connection.mark_commit(self._name, self._marked + 1, self._timeout_s + time.monotonic() - began_s)
            self._commit_sent = True
            self._commit()
        self._marked += 1

    def _settle_commit(self, batch: list[_Waiting], error: StoreUnavailable) -> None:
        """Finds out whether the batch was committed; its results stand if it was."""
        deadline_s = time.monotonic() + self._timeout_s
        committed: bool | None = None
        while committed is None and time.monotonic() < deadline_s:
            try:
                self._connection = self._database.connect(writes=True)
                committed = self._connection.settle_commit(self._name, self._marked + 1)
                break  # None: the database has no such writer
            except StoreUnavailable:
                self._disconnect()
                time.sleep(SETTLE_EVERY_S)
        log.warning("the connection broke during a commit; the changes were %s", _SETTLED[committed])
        self._marked += 1
        if committed is None:
            self._disconnect()
            self._name = ""  # the number of the batch is not known either
        if not committed:
            _settle(batch, OutcomeUnknown(str(error)) if committed is None else error)

    @contextlib.contextmanager
    def _rolled_back_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._connection is not None:
                self._connection.rollback()
            raise

    def _usable_connection(self) -> Connection:
        """The connection, replaced if it broke while it was idle."""
        if self._connection is not None:
            try:
                self._connection.check()
                return self._connection
            except ConnectionLost:
                self._disconnect()
        self._connection = self._database.connect(writes=True)
        if not self._name:
            name, self._marked = uuid.uuid4().hex, 0
            self._connection.start_marking(name)
            self._name = name
        return self._connection

    def _decide_and_record(self, batch: list[_Waiting]) -> None:
        connection = self._require_connection()
        ids = sorted({account_id for waiting in batch for account_id in waiting.command.account_ids})
        auth_epoch, rows = connection.lock_pools(ids) if ids else (NO_AUTH_EPOCH, [])
        now_ms = self._now_ms()  # under the locks: an account's times never run backwards
        pools = {row[0]: Pool(*row) for row in rows}
        for run in _runs(_of_existing(_authenticated(batch, auth_epoch), pools)):
            facts = run[0].command.load(connection, pools, [waiting.command for waiting in run], now_ms)
            for waiting in run:
                waiting.result = _decided(waiting.command, facts, now_ms)
            facts.record(connection)
        changed = [pool for pool, row in zip(pools.values(), rows, strict=True) if pool.row != row]
        record_pools(connection, changed, now_ms)

    def _commit(self) -> None:
        connection = self._require_connection()
        connection.commit()
        self._batches += 1
        if self._batches % BATCHES_BETWEEN_MAINTENANCE == 0:
            with contextlib.suppress(StoreUnavailable):
                connection.maintain()

    def _require_connection(self) -> Connection:
        if self._connection is None:
            raise ConnectionLost("the writer has no connection")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    async def _in_thread(self, work: Callable[..., None], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


class _Failure:
    """An exception of a command, as opposed to a result."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _decided(command: Command[Any], facts: Facts, now_ms: int) -> Any:
    try:
        return command.decide(facts, now_ms)
    except REJECTIONS as error:
        if command.alone:
            raise
        return _Failure(error)


def _loader(command: Command[Any]) -> Any:
    return getattr(type(command).load, "__func__", None)  # classes may inherit it


def _authenticated(batch: list[_Waiting], auth_epoch: int) -> list[_Waiting]:
    """The commands whose auth epoch is current; the others fail with AuthEpochChanged."""
    for waiting in batch:
        if waiting.command.auth_epoch not in (NO_AUTH_EPOCH, auth_epoch):
            waiting.result = _Failure(AuthEpochChanged())
    return [waiting for waiting in batch if waiting.command.auth_epoch in (NO_AUTH_EPOCH, auth_epoch)]


def _of_existing(batch: list[_Waiting], pools: Pools) -> list[_Waiting]:
    """The commands whose accounts exist; for the others, they were deleted after the caller had looked them up."""
    for waiting in batch:
        if not pools.keys() >= set(waiting.command.account_ids):
            waiting.result = _Failure(AccountGone("the account does not exist any more"))
    return [waiting for waiting in batch if pools.keys() >= set(waiting.command.account_ids)]


def _runs(batch: list[_Waiting]) -> Iterator[list[_Waiting]]:
    """Splits a batch into runs of adjacent commands that share their facts."""
    run: list[_Waiting] = []
    for waiting in batch:
        command = waiting.command
        shares = run and command.merges and run[0].command.merges and _loader(command) is _loader(run[0].command)
        if run and not shares:
            yield run
            run = []
        run.append(waiting)
    if run:
        yield run


def _settle(batch: list[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        waiting.result = _Failure(error)


def _deliver(done: list[_Waiting]) -> None:
    for waiting in (one for one in done if not one.future.done()):
        if isinstance(waiting.result, _Failure):
            waiting.future.set_exception(waiting.result.error)
        else:
            waiting.future.set_result(waiting.result)
