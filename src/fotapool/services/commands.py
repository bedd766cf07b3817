"""Base classes of commands, which the writer runs in its transactions (store/db/writer.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from fotapool.domain.errors import NotFound
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.records import from_attributes
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account
from fotapool.store.db.commands import Command, Facts, Pools
from fotapool.store.db.connection import NO_AUTH_EPOCH, Connection
from fotapool.store.licenses.licenses import LedgerChangeSet

Result = TypeVar("Result")


class PoolFacts:
    """One account's locked pool, the connection of the transaction, and the ledger changes to record."""

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.connection = connection
        self.pool = pool
        self.changes = LedgerChangeSet()

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)


class _DirectFacts:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def record(self, connection: Connection) -> None:
        """Does nothing: the command has written its change."""


class DirectCommand(Command[Result]):
    """A command that is one function of the connection and the time (ms); it reads and writes as it decides.

    `caller` or `account_ids` name the accounts whose pool rows are locked; with a `caller`, its sign-in is checked
    again in the transaction. A command that may raise after it has written must be `alone`. `devices` and `inline`
    are those of `Command`.
    """

    def __init__(
        self,
        change: Callable[[Connection, int], Result],
        account_ids: Sequence[int] = (),
        *,
        caller: Caller | None = None,
        alone: bool = False,
        devices: int = 1,
        inline: bool = True,
    ) -> None:
        self._change: Callable[[Any, int], Result] = change
        self.account_ids = (caller.account_id,) if caller and caller.account_id else account_ids
        self.auth_epoch = caller.auth_epoch if caller else NO_AUTH_EPOCH
        self.keyed = caller.keyed if caller else None
        self.alone = alone
        self.devices = devices
        self.inline = inline

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> Facts:
        return _DirectFacts(connection)

    def decide(self, facts: Any, now_ms: int) -> Result:
        return self._change(facts.connection, now_ms)


class PoolCommand(DirectCommand[Result]):
    """A command that is one function of the PoolFacts of the caller's account and the time (ms).

    It may change the pool and note ledger changes, which are recorded after it. `options` are those of `DirectCommand`.
    """

    def __init__(self, caller: Caller, change: Callable[[PoolFacts, int], Result], **options: Any) -> None:
        super().__init__(cast(Any, change), caller=caller, **options)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> Facts:
        return PoolFacts(connection, pools[commands[0].account_ids[0]])

    def decide(self, facts: Any, now_ms: int) -> Result:
        return self._change(facts, now_ms)


class PoolsFacts:
    """The locked pools of several accounts by id, the connection, and the ledger changes to record."""

    def __init__(self, connection: Connection, pools: Pools) -> None:
        self.connection = connection
        self.pools = pools
        self.changes = LedgerChangeSet()

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)


class PoolsCommand(DirectCommand[Result]):
    """A PoolCommand for several accounts: one function of their PoolsFacts and the time (ms)."""

    def __init__(self, account_ids: Sequence[int], change: Callable[[PoolsFacts, int], Result], **options: Any) -> None:
        super().__init__(cast(Any, change), account_ids, **options)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[Any], now_ms: int) -> Facts:
        return PoolsFacts(connection, pools)

    def decide(self, facts: Any, now_ms: int) -> Result:
        return self._change(facts, now_ms)


async def submit_unless_deleted(context: Context, command: Command[Result], otherwise: Result) -> Result:
    """Submits a command of the worker; returns `otherwise` if its account or row was deleted since it was found due."""
    try:
        return await context.writer.submit(command)
    except NotFound:
        return otherwise


def pool_of(account: Account) -> Pool:
    """The account's pool for a preview: it has the numbers that decisions read, and records nothing."""
    unused = dict.fromkeys(("entries", "changes", "candidates_updated_ms", "subscription_updated_ms"), 0)
    return from_attributes(Pool, account, account_id=account.id, **unused)


async def delete_in_batches(
    context: Context, delete: Callable[[Connection, int, int], int], before_ms: int, limit: int
) -> int:
    """Deletes all rows from before a timestamp, up to `limit` of them a transaction; returns how many.

    `delete` gets the timestamp (ms) and the limit, and returns how many rows it has deleted.
    """
    deleted = 0
    while True:
        found = await context.writer.submit(DirectCommand(lambda connection, _: delete(connection, before_ms, limit)))
        deleted += found
        if found < limit:
            return deleted
