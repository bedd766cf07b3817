"""Deletes devices, or moves them to another account, in transactions of up to DEPARTURE_BATCH devices."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.devices.departures import DELETED, MOVED, DepartureDecision, decide_departures
from fotapool.domain.errors import Conflict
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.services.accounts.accounts import check_not_closed, get_account
from fotapool.services.commands import PoolsCommand, PoolsFacts
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.campaigns.campaigns import record_devices_changed
from fotapool.store.db.connection import Connection
from fotapool.store.devices import departures as store

DEPARTURE_BATCH = 1_000
"""Maximum number of devices that one transaction deletes or moves, so that requests run in between."""


class Departures(msgspec.Struct):
    """The devices of an account that leave it, and the numbers of those that have left so far.

    `target` is the account that they move to; None: they are deleted.
    """

    context: Context
    caller: Caller
    target: Account | None = None
    left: int = 0
    licenses_removed: int = 0
    licenses_kept: int = 0

    async def remove(self, devices: Sequence[int]) -> DepartureDecision:
        """Lets up to DEPARTURE_BATCH distinct devices go; the decision says which stay, and why. Raises Conflict."""
        target = self.target
        accounts = [self.caller.account_id] + ([] if target is None else [target.id])

        def change(facts: PoolsFacts, now_ms: int) -> DepartureDecision:
            decision = self._decide(facts, devices, now_ms)
            if decision.entries:
                self.context.audit.record(facts.connection, now_ms, after=self._numbers(decision))
            return decision

        command = PoolsCommand(accounts, change, devices=len(devices))
        decision = await self.context.writer.submit(command)
        if decision.entries:
            self.context.audit.committed()
        self.left += len(decision.entries)
        self.licenses_removed += _removed(decision)
        self.licenses_kept += _kept(decision)
        return decision

    def _decide(self, facts: PoolsFacts, devices: Sequence[int], now_ms: int) -> DepartureDecision:
        connection, target = facts.connection, self.target
        pool = facts.pools[self.caller.account_id]
        if target is not None:
            _check_target(connection, self.caller, target)
        found = store.read_departure_facts(connection, pool, devices, target.id if target else None)
        decision = decide_departures(found, devices, DELETED if target is None else MOVED)
        left = decision.left
        if not left:
            return decision
        moved_to = "" if target is None else target.name
        store.record_departures(connection, pool=pool, devices=left, moved_to=moved_to, now_ms=now_ms)
        keys = [(pool.account_id, device) for device in left]
        if target is None:
            store.record_deleted(connection, keys)
            cause = self.caller.cause("delete devices", devices=len(left))
        else:
            store.record_moved(connection, keys, target.id, now_ms)
            record_devices_changed(connection, target.id, now_ms)
            cause = self.caller.cause("move devices", devices=len(left), to=target.name)
        facts.changes.note(pool, cause, decision.entries, now_ms)
        if target is not None:
            other = facts.pools[target.id]
            arrived = [Entry(device, EntryKind.ARRIVED, other.used) for device in left]
            cause = self.caller.cause("move devices", devices=len(left), of=self.caller.account_name)
            facts.changes.note(other, cause, arrived, now_ms)
        return decision

    def _numbers(self, decision: DepartureDecision) -> dict[str, object]:
        """The numbers so far with those of the decision, for the audit log."""
        done = {"deleted" if self.target is None else "moved": self.left + len(decision.entries)}
        to = {} if self.target is None else {"to": self.target.name}
        licenses = {
            "licensesRemoved": self.licenses_removed + _removed(decision),
            "licensesKept": self.licenses_kept + _kept(decision),
        }
        return {**to, **done, **licenses}


def _removed(decision: DepartureDecision) -> int:
    return decision.count(EntryKind.DELETED_LICENSED, EntryKind.MOVED_LICENSED)


def _kept(decision: DepartureDecision) -> int:
    return decision.count(EntryKind.DELETED_KEPT, EntryKind.MOVED_KEPT)


async def departures_to(context: Context, caller: Caller, target_name: str) -> Departures:
    """The move of devices of the caller's account to another account. Raises NotFound, Invalid or Conflict."""
    target = await get_account(context, target_name)
    if target.id == caller.account_id:
        raise Conflict(f"the devices are in account {target_name} already: name another account")
    await context.reader.short(_check_target, caller, target)
    return Departures(context, caller, target)


def _check_target(connection: Connection, caller: Caller, target: Account) -> None:
    """Raises Conflict if devices of the caller's account cannot be in the target."""
    accounts = read_account_by_id(connection, caller.account_id), read_account_by_id(connection, target.id)
    if accounts[0] is None or accounts[1] is None:
        raise Conflict("one of the accounts does not exist any more")
    check_not_closed(accounts[1])
    if store.read_namespace(connection, caller.account_id) != store.read_namespace(connection, target.id):
        raise Conflict(f"account {target.name} or {caller.account_name} is a copy: its devices stay in it")


async def remove_one(departures: Departures, device: int) -> DepartureDecision:
    """Lets one device go. Raises Conflict with the reason if it stays."""
    decision = await departures.remove([device])
    for rejection in decision.rejections.values():
        raise Conflict(f"{rejection.code.value}: {rejection.text}")
    return decision
