"""Devices of an account: importing them, lists of them, and having their firmware told anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fotapool.domain.devices.devices import Device, ImportDecision, check_known, decide_import
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.paging import BEFORE_ALL, START, Page
from fotapool.domain.simulation import Fleet, behavior_of, last_check_in_ms, next_check_in_ms
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.campaigns.campaigns import record_devices_changed
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.devices.devices import (
    DeviceRow,
    Installed,
    OperatorDeviceRow,
    answer_report_request,
    read_device_page,
    read_devices_named,
    read_due_report,
    read_installed,
    read_known_devices,
    read_next_report_due,
    read_open_report_request,
    read_operator_devices,
    read_owners,
    record_devices,
    record_refreshed,
    record_report_request,
)
from fotapool.store.licenses.changes import LedgerChangeSet
from fotapool.store.simulation import read_fleets

IMPORT_BATCH = 2_000
"""How many lines one transaction imports, so that requests of others come in between."""
MAX_DEVICES_NAMED = 1_000
"""How many devices one request may ask about by name (facts, section 6.6)."""
MAX_INSTALLED = 100
"""How many packages, and how many files, the row of one device lists."""

_Row = TypeVar("_Row", DeviceRow, OperatorDeviceRow)


class _ImportFacts:
    def __init__(self, pool: Pool, owners: dict[int, int], licensed: set[int]) -> None:
        self.pool = pool
        self.owners = owners
        self.licensed = licensed
        self.decision: ImportDecision | None = None
        self.changes = LedgerChangeSet()
        self.now_ms = 0

    def record(self, connection: Connection) -> None:
        if self.decision is not None:
            record_devices(connection, self.pool.account_id, self.decision.kept, self.now_ms)
            record_devices_changed(connection, self.pool.account_id, self.now_ms)
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


@dataclass(frozen=True, slots=True)
class InstalledOn:
    """What upgrades have put on a device, the latest first."""

    packages: list[Installed]
    files: list[Installed]


NOTHING_INSTALLED = InstalledOn([], [])


@dataclass(frozen=True, slots=True)
class DeviceList:
    """A page of devices by IMEI, and what was installed on those of them that were ever upgraded, by IMEI."""

    page: Page[DeviceRow]
    installed: dict[int, InstalledOn]


def with_contact(rows: Sequence[_Row], fleets: list[Fleet], now_ms: int) -> list[_Row]:
    """The rows with when simulated devices last checked in, which is computed, not stored."""
    if not fleets:
        return list(rows)
    return [row._replace(seen_ms=_last_seen_ms(row, fleets, now_ms)) for row in rows]


def _last_seen_ms(row: _Row, fleets: list[Fleet], now_ms: int) -> int | None:
    behavior = behavior_of(fleets, row.imei)
    checked_in_ms = last_check_in_ms(behavior, row.imei, now_ms) if behavior else None
    if checked_in_ms is None or checked_in_ms < row.created_ms:
        return row.seen_ms
    return max(checked_in_ms, row.seen_ms or 0)


async def list_devices(context: Context, caller: Caller, after: int, limit: int) -> list[OperatorDeviceRow]:
    """Devices of the account by IMEI, as the operator sees them."""

    def read(connection: Connection) -> list[OperatorDeviceRow]:
        rows = read_operator_devices(connection, caller.account_id, after, limit)
        return with_contact(rows, read_fleets(connection, caller.account_id), context.clock.now_ms())

    return await context.reader.short(read)


async def read_page(context: Context, caller: Caller, protocol: str | None, cursor: int) -> DeviceList:
    """A page of devices of one protocol, or of all, with IMEIs greater than the cursor.

    Raises RequestRejected(CURSOR_UNKNOWN) if the cursor is neither 0 nor a device of the account.
    """
    size = context.settings.page_size
    after = BEFORE_ALL if cursor == START else cursor

    def read(connection: Connection) -> tuple[bool, list[DeviceRow], list[Installed]]:
        known, rows = read_device_page(
            connection, account_id=caller.account_id, protocol=protocol, cursor=after, limit=size + 1
        )
        rows = with_contact(rows, read_fleets(connection, caller.account_id), context.clock.now_ms())
        return known, rows, read_installed(connection, caller.account_id, [row.imei for row in rows])

    known, rows, installed = await context.reader.short(read)
    if cursor != START and not known:
        raise RequestRejected(ErrorCode.CURSOR_UNKNOWN)
    has_more = len(rows) > size
    del rows[size:]
    page = Page(rows, has_more, rows[-1].imei if has_more else START)
    return DeviceList(page, _by_device(installed))


def _by_device(installed: Sequence[Installed]) -> dict[int, InstalledOn]:
    found: dict[int, InstalledOn] = {}
    for one in installed:
        of_device = found.setdefault(one.imei, InstalledOn([], []))
        kind = of_device.files if one.is_file else of_device.packages
        if len(kind) < MAX_INSTALLED:
            kind.append(one)
    return found


async def read_named(
    context: Context, caller: Caller, devices: Sequence[int]
) -> tuple[dict[int, DeviceRow], dict[int, InstalledOn]]:
    """Those of up to MAX_DEVICES_NAMED devices that the account has, and what was installed on them, by IMEI."""

    def read(connection: Connection) -> tuple[dict[int, DeviceRow], list[Installed]]:
        found = read_devices_named(connection, caller.account_id, devices)
        fleets = read_fleets(connection, caller.account_id)
        rows = with_contact(list(found.values()), fleets, context.clock.now_ms())
        return {row.imei: row for row in rows}, read_installed(connection, caller.account_id, list(found))

    found, installed = await context.reader.short(read)
    return found, _by_device(installed)


async def synchronize_firmware(
    context: Context, caller: Caller, devices: Sequence[int]
) -> tuple[dict[int, DeviceRow], int]:
    """Tells the firmware of those of the devices that the account has, and when (ms); they count as refreshed then."""

    def change(connection: Connection, now_ms: int) -> tuple[dict[int, DeviceRow], int]:
        found = read_devices_named(connection, caller.account_id, devices)
        record_refreshed(connection, caller.account_id, found, now_ms)
        return found, now_ms

    command = DirectCommand(change, account_ids=(caller.account_id,))
    command.devices = len(devices)
    command.auth_epoch = caller.auth_epoch
    return await context.writer.submit(command)


async def request_report(context: Context, caller: Caller, device: int) -> str:
    """Asks the device to report its firmware when it next checks in; answers the id of its one open request.

    Raises RequestRejected(DEVICE_UNKNOWN).
    """
    uuid = context.new_uuid()

    def change(connection: Connection, now_ms: int) -> str:
        check_known(read_known_devices(connection, caller.account_id, [device]), [device])
        asked = read_open_report_request(connection, caller.account_id, device)
        if asked is None:
            behavior = behavior_of(read_fleets(connection, caller.account_id), device)
            due_ms = next_check_in_ms(behavior, device, now_ms) if behavior else None
            record_report_request(
                connection, uuid=uuid, account_id=caller.account_id, imei=device, now_ms=now_ms, due_ms=due_ms
            )
        return asked or uuid

    command = DirectCommand(change, account_ids=(caller.account_id,))
    command.auth_epoch = caller.auth_epoch
    return await context.writer.submit(command)


async def answer_due_report(context: Context) -> tuple[int, list[int]] | None:
    """Has a simulated device answer a request to report: (account id, devices), or None if none does so now."""
    due = await context.reader.short(read_due_report, context.clock.now_ms())
    if due is None:
        return None
    account_id, device = due

    def answer(connection: Connection, now_ms: int) -> list[int]:
        return [device] if answer_report_request(connection, account_id, device, now_ms) else []

    return account_id, await context.writer.submit(DirectCommand(answer, account_ids=(account_id,)))


async def next_report_due(context: Context) -> int | None:
    """When (ms) a simulated device next answers a request to report, or None."""
    return await context.reader.short(read_next_report_due, context.clock.now_ms())
