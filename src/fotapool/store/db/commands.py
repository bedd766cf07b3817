"""Commands as the writer takes them, and what it does with those of one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from fotapool.core.logs.context import current_request
from fotapool.core.telemetry.tracing import Parent
from fotapool.domain.errors import AccountGone, Conflict, Invalid, NotFound, RequestRejected
from fotapool.domain.idempotency import KeyedRequest
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import NO_AUTH_EPOCH, Connection

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
    keyed: KeyedRequest | None = None
    """The idempotency key of its request: the answer is recorded with the change, and looked up before it."""
    alone: bool = False
    """Whether it needs its own transaction, rolled back on rejection, because `decide` writes to the store."""

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> Facts:
        raise NotImplementedError

    def decide(self, facts: Any, now_ms: int) -> Result:
        """Decides and adds the changes to the facts. Must not change them if it raises one of REJECTIONS."""
        raise NotImplementedError


class Waiting:
    """A command that waits for its batch until `expires_s`, in seconds of the event loop's clock, or runs in it."""

    __slots__ = ("command", "expires_s", "future", "parent", "request", "result")

    def __init__(self, command: Command[Any], future: asyncio.Future[Any], expires_s: float, parent: Parent) -> None:
        self.command = command
        self.future = future
        self.expires_s = expires_s
        self.parent = parent
        self.request = current_request()
        self.result: Any = None


class Failure:
    """An exception of a command, as opposed to a result."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def decide_one(command: Command[Any], facts: Facts, now_ms: int) -> Any:
    try:
        return command.decide(facts, now_ms)
    except REJECTIONS as error:
        if command.alone:
            raise
        return Failure(error)


def _loader(command: Command[Any]) -> Any:
    """The function that loads its facts, which classes may inherit."""
    return getattr(type(command).load, "__func__", None)


def authenticated(batch: list[Waiting], auth_epoch: int) -> list[Waiting]:
    """The commands whose auth epoch is current; the others fail with AuthEpochChanged."""
    found = []
    for waiting in batch:
        if waiting.command.auth_epoch in (NO_AUTH_EPOCH, auth_epoch):
            found.append(waiting)
        else:
            waiting.result = Failure(AuthEpochChanged())
    return found


def of_existing(batch: list[Waiting], pools: Pools) -> list[Waiting]:
    """The commands whose accounts exist; for the others, they were deleted after the caller had looked them up."""
    found = []
    for waiting in batch:
        if pools.keys() >= set(waiting.command.account_ids):
            found.append(waiting)
        else:
            waiting.result = Failure(AccountGone("the account does not exist any more"))
    return found


def runs_of(batch: list[Waiting]) -> Iterator[list[Waiting]]:
    """Splits a batch into runs of adjacent commands that share their facts."""
    run: list[Waiting] = []
    for waiting in batch:
        command = waiting.command
        shares = run and command.merges and run[0].command.merges and _loader(command) is _loader(run[0].command)
        if run and not shares:
            yield run
            run = []
        run.append(waiting)
    if run:
        yield run


def settle(batch: list[Waiting], error: BaseException) -> None:
    for waiting in batch:
        waiting.result = Failure(error)


def deliver(done: list[Waiting]) -> None:
    for waiting in done:
        if waiting.future.done():
            continue
        if isinstance(waiting.result, Failure):
            waiting.future.set_exception(waiting.result.error)
        else:
            waiting.future.set_result(waiting.result)
