"""Taking the licenses whose notice has ended: what the engine does about licenses as time passes."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.accounts.subscriptions import Holder, decide_notice_ends
from fotapool.domain.licenses.licenses import Pool
from fotapool.services.context import Caller, Context
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.changes import LedgerChangeSet
from fotapool.store.licenses.licenses import read_account_with_ended_notice, read_ended_notices, read_next_notice_end

NOTICES_A_STEP = 1_000
"""How many licenses one transaction takes."""


class NoticeFacts:
    """The account's licenses to be taken now, oldest notice first."""

    def __init__(self, pool: Pool, due: list[Holder]) -> None:
        self.pool = pool
        self.due = due
        self.changes = LedgerChangeSet()

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)

    def take(self, caller: Caller, now_ms: int) -> list[int]:
        """Decides and notes; answers the devices that lose their license."""
        if self.due:
            entries, canceled = decide_notice_ends(self.pool, self.due)
            self.changes.note(self.pool, caller.cause("end notice"), entries, now_ms, canceled_upgrades=canceled)
        return [holder.device for holder in self.due]


class _EndNotices(Command[list[int]]):
    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.account_ids = (caller.account_id,)
        self.devices = NOTICES_A_STEP

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_EndNotices], now_ms: int) -> NoticeFacts:
        account_id = commands[0]._caller.account_id
        return NoticeFacts(pools[account_id], read_ended_notices(connection, account_id, now_ms, NOTICES_A_STEP))

    def decide(self, facts: NoticeFacts, now_ms: int) -> list[int]:
        return facts.take(self._caller, now_ms)


async def end_due_notices(context: Context) -> tuple[int, list[int]] | None:
    """Takes up to NOTICES_A_STEP licenses of one account; answers (account id, devices), or None if none is due."""
    account_id = await context.reader.short(read_account_with_ended_notice, context.clock.now_ms())
    if account_id is None:
        return None
    devices = await context.writer.submit(_EndNotices(Caller("engine", "", account_id)))
    return account_id, devices


async def next_notice_end(context: Context) -> int | None:
    """When (ms) the next notice ends, or None."""
    return await context.reader.short(read_next_notice_end, context.clock.now_ms())
