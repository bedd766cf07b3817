"""Importing devices into an account, some of them already licensed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fotapool.domain.devices import Device, ImportDecision, decide_import
from fotapool.domain.licenses import Pool
from fotapool.store.changes import Changes
from fotapool.store.database import Connection, Row
from fotapool.store.devices import read_devices, read_owners, record_devices
from fotapool.store.writer import Command, Pools
from fotapool.usecases.context import Caller, Context

IMPORT_BATCH = 2_000
"""How many lines one transaction imports, so that requests of others come in between."""


class _ImportFacts:
    def __init__(self, pool: Pool, owners: dict[int, int], licensed: set[int]) -> None:
        self.pool = pool
        self.owners = owners
        self.licensed = licensed
        self.decision: ImportDecision | None = None
        self.changes = Changes()
        self.now_ms = 0

    def record(self, connection: Connection) -> None:
        if self.decision is not None:
            record_devices(connection, self.pool.account_id, self.decision.kept, self.now_ms)
        self.changes.record(connection)


class _ImportDevices(Command[ImportDecision]):
    def __init__(self, caller: Caller, lines: Sequence[Device]) -> None:
        self._caller = caller
        self._lines = lines
        self.account_ids = (caller.account_id,)
        self.devices = len(lines)

    @classmethod
    def load(
        cls, connection: Connection, pools: Pools, commands: Sequence[_ImportDevices], now_ms: int
    ) -> _ImportFacts:
        command = commands[0]
        account_id = command._caller.account_id
        devices = sorted({line.device for line in command._lines})
        return _ImportFacts(pools[account_id], *read_owners(connection, account_id, devices))

    def decide(self, facts: _ImportFacts, now_ms: int) -> ImportDecision:
        decision = facts.decision = decide_import(facts.pool, facts.owners, facts.licensed, self._lines)
        facts.now_ms = now_ms
        cause = self._caller.cause("import devices", lines=len(self._lines))
        facts.changes.note(facts.pool, cause, decision.entries, now_ms, assigned_ms=decision.assigned_ms)
        return decision


async def import_devices(context: Context, caller: Caller, lines: Sequence[Device]) -> ImportDecision:
    """Creates or updates up to IMPORT_BATCH devices; lines that fail are told and left out."""
    return await context.writer.submit(_ImportDevices(caller, lines))


def import_into(
    connection: Connection, pool: Pool, caller: Caller, lines: Sequence[Device], now_ms: int
) -> ImportDecision:
    """The same within a transaction that is under way."""
    command = _ImportDevices(replace(caller, account_id=pool.account_id), lines)
    facts = command.load(connection, {pool.account_id: pool}, [command], now_ms)
    decision = command.decide(facts, now_ms)
    facts.record(connection)
    return decision


async def list_devices(context: Context, caller: Caller, after: int, limit: int) -> list[Row]:
    """Devices of the account by IMEI, as the operator sees them; see store.devices.read_devices."""
    return await context.reader.short(read_devices, caller.account_id, after, limit)
