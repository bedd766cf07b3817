"""The writer: runs all waiting commands of a process in order, in one transaction (group commit).

For each batch it locks the pools in id order. For each run of commands that share their facts, it loads the facts with
one statement per table, lets each command decide on the facts as the earlier ones left them, and records all decisions
set-based. Then it commits and returns the results. Commands that arrive in the meantime form the next batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeVar, cast

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.telemetry.definitions import BATCH_COMMANDS, DATABASE_ERRORS
from fotapool.core.telemetry.metrics import Metrics, observe
from fotapool.core.telemetry.tracing import OFF, Tracing
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.accounts.accounts import record_pools
from fotapool.store.accounts.kept_answers import not_answered, record_answers
from fotapool.store.db.availability import Availability
from fotapool.store.db.commands import (
    REJECTIONS,
    Command,
    Waiting,
    authenticated,
    decide_one,
    deliver,
    of_existing,
    runs_of,
    settle,
)
from fotapool.store.db.connection import (
    NO_AUTH_EPOCH,
    TIMEOUT_S,
    TOO_LATE,
    Collided,
    Connection,
    ConnectionLost,
    ConstraintViolated,
    Database,
    NoAnswer,
    OutcomeUnknown,
    StoreFull,
    StoreUnavailable,
    settle_commit,
)

log = Log(__name__)

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
_SETTLED = {True: "committed", False: "rolled back", None: "committed or rolled back"}

Result = TypeVar("Result")


class Writer:
    """Runs commands in batches: commands that arrive during a commit form the next batch.

    On SQLite, a small batch is decided and recorded on the event loop, and only its commit, which waits for the disk,
    runs in a thread: switching threads at each statement would cost more than the statements. All else runs there.
    """

    def __init__(
        self,
        database: Database,
        now_ms: Callable[[], int],
        timeout_s: float = TIMEOUT_S,
        *,
        metrics: Metrics | None = None,
        tracing: Tracing = OFF,
    ) -> None:
        self._database = database
        self._metrics = metrics or Metrics()
        self._tracing = tracing
        self._timeout_s = timeout_s
        self._name, self._marked, self._commit_sent = "", 0, False
        """In commit_marker: its name, and the number of its last marked commit."""
        self._availability = Availability("changes")
        self._now_ms = now_ms
        self._waiting: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fotapool-writer")
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Calls `_expire`, from the first command that waits until none does."""
        self._closing, self._batches = False, 0
        self.is_full = False
        """Whether a change failed for lack of room, and nobody has found room since."""
        self.submitted = 0
        """The number of commands submitted so far."""
        self._connection: Connection | None = None

    async def stop(self) -> None:
        """Runs the waiting commands, then closes the connection. Further commands are rejected."""
        self._closing = True
        if self._task is not None:
            await self._task
        if self._timer is not None:
            self._timer.cancel()
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
        waiting = Waiting(command, loop.create_future(), loop.time() + self._timeout_s, self._tracing.parent())
        self._waiting.append(waiting)
        self._metrics.changes_waiting[0] = len(self._waiting)
        self.submitted += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())  # the batch is not of one request
        if self._timer is None:
            self._timer = loop.call_at(waiting.expires_s, self._expire)
        return cast(Result, await waiting.future)

    def _expire(self) -> None:
        """Gives up commands that still wait. Those of the running batch end with the deadlines of their statements."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0].expires_s <= loop.time():
            waiting = self._waiting.popleft()
            if not waiting.future.done():
                self._metrics.count(DATABASE_ERRORS, TOO_LATE)
                waiting.future.set_exception(StoreUnavailable(f"not begun within {self._timeout_s:g} s"))
        self._metrics.changes_waiting[0] = len(self._waiting)
        self._timer = loop.call_at(self._waiting[0].expires_s, self._expire) if self._waiting else None

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._take()
                self._metrics.changes_waiting[0] = len(self._waiting)
                if batch:
                    observe(self._metrics.batch_size, BATCH_COMMANDS, len(batch))
                    with self._tracing.batch((waiting.parent for waiting in batch), len(batch)):
                        await self._finish(batch)
                    deliver(batch)
        finally:
            self._task = None

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        devices = 0
        while self._waiting and len(batch) < MAX_BATCH_COMMANDS and devices < MAX_BATCH_DEVICES:
            if batch and (self._waiting[0].command.alone or batch[-1].command.alone):
                break
            waiting = self._waiting.popleft()
            if waiting.future.done():  # its client has left: it must not be executed
                continue
            batch.append(waiting)
            devices += waiting.command.devices
        return batch

    async def _finish(self, batch: list[Waiting], tries: int = TRIES) -> None:
        """Runs the batch and sets the result of every command."""
        try:
            await self._transact(batch)
        except Collided as error:
            self._metrics.count_error(error)
            log.write(LogEvent.DEADLOCK, reason=error)
            if tries == 0:
                settle(batch, error)
            else:
                await self._finish_singly(batch, tries - 1)
        except StoreUnavailable as error:
            self._metrics.count_error(error)
            self._availability.failed(error)
            self.is_full |= isinstance(error, StoreFull)
            await self._in_thread(self._disconnect)
            if self._commit_sent and self._database.marks_commits and isinstance(error, (ConnectionLost, NoAnswer)):
                await self._in_thread(self._settle_commit, batch, error)
            else:  # nothing was committed: the database has answered with an error, or knows nothing of it
                settle(batch, error)
        except REJECTIONS as error:  # a command with its own transaction, which was rolled back
            settle(batch, error)
        except Exception as error:
            self._metrics.count_error(error)
            await self._finish_failed(batch, error, tries)

    async def _finish_failed(self, batch: list[Waiting], error: Exception, tries: int) -> None:
        if len(batch) > 1:
            log.write(LogEvent.BATCH_FAILED, error, changes=len(batch))
            await self._finish_singly(batch)
        elif isinstance(error, ConstraintViolated) and tries:
            await self._finish(batch, tries=0)  # another server wrote the same rows meanwhile: now they can be read
        else:
            log.write(LogEvent.CHANGE_FAILED, error, batch[0].request)
            settle(batch, error)

    async def _finish_singly(self, batch: list[Waiting], tries: int = TRIES) -> None:
        """Runs each command in a transaction of its own; none that is left when the database has gone away."""
        for place, waiting in enumerate(batch):
            if place and self._connection is None:
                settle([waiting], StoreUnavailable("the database does not answer"))
            else:
                await self._finish([waiting], tries)

    async def _transact(self, batch: list[Waiting]) -> None:
        if not (self._is_small(batch) and self._begin_at_once()):
            await self._in_thread(self._transact_in_thread, batch)
            return
        with self._rolled_back_on_error():
            self._decide_and_record(batch)
            if self._database.commits_inline:
                self._commit()
            else:
                await self._in_thread(self._commit)

    def _is_small(self, batch: list[Waiting]) -> bool:
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

    def _transact_in_thread(self, batch: list[Waiting]) -> None:
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

    def _settle_commit(self, batch: list[Waiting], error: StoreUnavailable) -> None:
        """Finds out whether the batch was committed; its results stand if it was."""
        committed = settle_commit(self._database, self._name, self._marked + 1, self._timeout_s)
        log.write(LogEvent.COMMIT_UNSETTLED, outcome=_SETTLED[committed])
        if committed:
            self._marked += 1
        else:
            self._name = ""  # the next connection begins to count anew
            settle(batch, OutcomeUnknown(str(error)) if committed is None else error)

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

    def _decide_and_record(self, batch: list[Waiting]) -> None:
        connection = self._require_connection()
        ids = sorted({account_id for waiting in batch for account_id in waiting.command.account_ids})
        with self._tracing.statements(connection.lock_pools):
            auth_epoch, rows = connection.lock_pools(ids) if ids else (NO_AUTH_EPOCH, [])
        now_ms = self._now_ms()  # under the locks: an account's times never run backwards
        pools = {row[0]: Pool(*row) for row in rows}
        batch = of_existing(authenticated(batch, auth_epoch), pools)
        keyed = [(waiting, waiting.command.keyed) for waiting in batch if waiting.command.keyed is not None]
        if keyed:
            with self._tracing.statements(not_answered):
                batch = not_answered(connection, batch, keyed, now_ms)
        for run in runs_of(batch):
            with self._tracing.statements(run[0].command.load):
                facts = run[0].command.load(connection, pools, [waiting.command for waiting in run], now_ms)
            for waiting in run:
                waiting.result = decide_one(waiting.command, facts, now_ms)
            with self._tracing.statements(facts.record):
                facts.record(connection)
        if keyed:
            with self._tracing.statements(record_answers):
                record_answers(connection, keyed, now_ms)
        changed = [pool for pool, row in zip(pools.values(), rows, strict=True) if pool.row != row]
        record_pools(connection, changed, now_ms)

    def _commit(self) -> None:
        connection = self._require_connection()
        with self._tracing.statements(connection.commit):
            connection.commit()
        self._availability.answered()
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
        await asyncio.get_running_loop().run_in_executor(self._thread, self._tracing.bound(work), *arguments)
