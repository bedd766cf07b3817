"""Undoes a reduction of the subscription."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.licenses.undo import decide_undo
from fotapool.services.accounts.accounts import check_open
from fotapool.services.commands import PoolCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account
from fotapool.store.licenses import lost_licenses as store
from fotapool.store.licenses.licenses import read_license_facts


class Undone(msgspec.Struct, frozen=True):
    """The change that undid another one, the devices that have their license back, and the used licenses now."""

    change: int
    undone: int
    devices: list[int]
    used: int


async def undo_reduction(context: Context, caller: Caller, number: int) -> Undone:
    """Gives back the licenses that the account's change with this number took, with their old assignment times.

    It takes free licenses, and leaves subscription, candidates and canceled upgrades as they are. Raises NotFound, and
    Conflict with the reasons if it was undone before, or if a license cannot be given back.
    """

    def undo(facts: PoolFacts, now_ms: int) -> Undone:
        pool, connection = facts.pool, facts.connection
        check_open(connection, pool.account_id)
        if not store.read_change_exists(connection, pool.account_id, number):
            raise NotFound(f"change {number} does not exist")
        if number <= store.read_undo_limit(connection, pool.account_id):
            raise Conflict(
                f"change {number} is too old to be undone: --undo-retention-days says for how long it can be"
            )
        lost = store.read_lost(connection, pool.account_id, number)
        keys = [(pool.account_id, one.device) for one in lost]
        licenses = read_license_facts(connection, {pool.account_id: pool}, keys)[pool.account_id]
        entries = decide_undo(number, lost, licenses)
        before = pool.used
        facts.changes.note(
            pool,
            caller.cause("undo reduction", undone=number),
            entries,
            now_ms,
            assigned_ms=[one.assigned_ms for one in lost],
            states=[one.state for one in lost],
        )
        store.record_undone(connection, pool.account_id, change=number, undone_by=pool.changes)
        context.audit.record(
            connection,
            now_ms,
            {"licenseUsedCount": before},
            {"licenseUsedCount": pool.used, "undone": number, "change": pool.changes},
        )
        return Undone(pool.changes, number, [one.device for one in lost], pool.used)

    return await context.writer.submit(PoolCommand(caller, undo, inline=False))


async def count_undoable(context: Context, account: Account, changes: Sequence[int]) -> dict[int, int]:
    """The changes among these that can be undone, each with the number of licenses that it took."""
    return await context.reader.short(store.read_undoable, account.id, changes)
