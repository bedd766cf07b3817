"""Takes licenses whose notice has ended; the worker calls it as time passes."""

from __future__ import annotations

from fotapool.domain.accounts.subscriptions import decide_notice_ends
from fotapool.services.commands import PoolCommand, PoolFacts, submit_unless_deleted
from fotapool.services.context import WORKER, Caller, Context
from fotapool.store.licenses.licenses import read_account_with_ended_notice, read_ended_notices, read_next_notice_end

NOTICES_PER_STEP = 1_000
"""Maximum number of licenses taken by one transaction."""


def take_ended_notices(facts: PoolFacts, caller: Caller, now_ms: int) -> list[int]:
    """Takes up to NOTICES_PER_STEP licenses whose notice has ended, oldest notice first; returns their devices."""
    due = read_ended_notices(facts.connection, facts.pool.account_id, now_ms, NOTICES_PER_STEP)
    if due:
        entries, canceled = decide_notice_ends(facts.pool, due)
        facts.changes.note(facts.pool, caller.cause("end notice"), entries, now_ms, canceled_upgrades=canceled)
    return [holder.device for holder in due]


async def end_due_notices(context: Context) -> tuple[int, list[int]] | None:
    """Takes up to NOTICES_PER_STEP licenses of one account; returns (account id, devices), or None if none is due."""
    account_id = await context.reader.short(read_account_with_ended_notice, context.clock.now_ms())
    if account_id is None:
        return None
    caller = Caller(WORKER, "", account_id)

    def end(facts: PoolFacts, now_ms: int) -> list[int]:
        return take_ended_notices(facts, caller, now_ms)

    command = PoolCommand(caller, end, devices=NOTICES_PER_STEP)
    return account_id, await submit_unless_deleted(context, command, [])


async def next_notice_end(context: Context) -> int | None:
    """When (ms) the next notice ends, or None."""
    return await context.reader.short(read_next_notice_end, context.clock.now_ms())
