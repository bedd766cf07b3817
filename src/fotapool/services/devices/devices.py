"""Devices of an account: imports, lists, and reports of their firmware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from fotapool.domain.devices.devices import Device, ImportDecision, check_known, decide_import
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.paging import BEFORE_ALL, START, Page
from fotapool.domain.simulation import Fleet, behavior_of, last_check_in_ms, next_check_in_ms
from fotapool.services.accounts.accounts import check_open
from fotapool.services.commands import DirectCommand, PoolCommand, PoolFacts, submit_unless_deleted
from fotapool.services.context import Caller, Context
from fotapool.store.campaigns.campaigns import record_devices_changed
from fotapool.store.db.connection import Connection
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
from fotapool.store.simulation import read_fleets

IMPORT_BATCH = 2_000
"""Number of devices that one transaction imports, so that requests run in between."""
MAX_DEVICES_NAMED = 1_000
"""Maximum number of devices that one request names (facts, section 6.6)."""
MAX_INSTALLED = 100
"""Maximum number of packages, and of files, listed for one device."""

_Row = TypeVar("_Row", DeviceRow, OperatorDeviceRow)


async def import_devices(
    context: Context, caller: Caller, lines: Sequence[Device], kept: int = 0, licensed: int = 0
) -> ImportDecision:
    """Creates or updates up to IMPORT_BATCH devices; the decision lists the lines that failed.

    `kept` and `licensed` are the numbers of the batches before, for the audit log.
    """

    def change(facts: PoolFacts, now_ms: int) -> ImportDecision:
        check_open(facts.connection, caller.account_id)
        decision = import_into(facts, caller, lines, now_ms)
        so_far = {"imported": kept + len(decision.accepted), "licensed": licensed + len(decision.entries)}
        context.audit.record(facts.connection, now_ms, after=so_far)
        return decision

    decision = await context.writer.submit(PoolCommand(caller, change, devices=len(lines)))
    context.audit.committed()
    return decision


def import_into(facts: PoolFacts, caller: Caller, lines: Sequence[Device], now_ms: int) -> ImportDecision:
    """Imports devices within a transaction; the caller records the facts."""
    pool, connection = facts.pool, facts.connection
    owners, licensed = read_owners(connection, pool.account_id, sorted({line.device for line in lines}))
    decision = decide_import(pool, owners, licensed, lines)
    record_devices(connection, pool.account_id, decision.accepted, now_ms)
    record_devices_changed(connection, pool.account_id, now_ms)
    cause = caller.cause("import devices", lines=len(lines))
    facts.changes.note(pool, cause, decision.entries, now_ms, assigned_ms=decision.assigned_ms)
    return decision


class InstalledOn(msgspec.Struct, frozen=True):
    """The packages and files that upgrades have installed on a device, latest first."""

    packages: list[Installed]
    files: list[Installed]


NOTHING_INSTALLED = InstalledOn([], [])


class DeviceList(msgspec.Struct, frozen=True):
    """A page of devices by IMEI, and what is installed on those that were upgraded, by IMEI."""

    page: Page[DeviceRow]
    installed: dict[int, InstalledOn]


def with_contact(rows: Sequence[_Row], fleets: list[Fleet], now_ms: int) -> list[_Row]:
    """The rows with the last check-ins of simulated devices, which are computed, not stored."""
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
    return DeviceList(Page.of(rows, size, lambda row: row.imei), _by_device(installed))


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
    """The devices among these that the account has, and what is installed on them, both by IMEI."""

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
    """Refreshes those of the devices that the account has; returns them and the time (ms)."""

    def change(connection: Connection, now_ms: int) -> tuple[dict[int, DeviceRow], int]:
        found = read_devices_named(connection, caller.account_id, devices)
        record_refreshed(connection, caller.account_id, found, now_ms)
        return found, now_ms

    return await context.writer.submit(DirectCommand(change, caller=caller, devices=len(devices)))


async def request_report(context: Context, caller: Caller, device: int) -> str:
    """Requests that the device reports its firmware at its next check-in; returns the id of its open request.

    Raises RequestRejected(DEVICE_UNKNOWN).
    """
    uuid = context.new_uuid()

    def change(connection: Connection, now_ms: int) -> str:
        check_known(read_known_devices(connection, caller.account_id, [device]), [device])
        open_request = read_open_report_request(connection, caller.account_id, device)
        if open_request is None:
            behavior = behavior_of(read_fleets(connection, caller.account_id), device)
            due_ms = next_check_in_ms(behavior, device, now_ms) if behavior else None
            record_report_request(
                connection, uuid=uuid, account_id=caller.account_id, imei=device, now_ms=now_ms, due_ms=due_ms
            )
        return open_request or uuid

    return await context.writer.submit(DirectCommand(change, caller=caller))


async def answer_due_report(context: Context) -> tuple[int, list[int]] | None:
    """Answers a due report request of a simulated device; returns (account id, devices), or None if none is due."""
    due = await context.reader.short(read_due_report, context.clock.now_ms())
    if due is None:
        return None
    account_id, device = due

    def answer(connection: Connection, now_ms: int) -> list[int]:
        return [device] if answer_report_request(connection, account_id, device, now_ms) else []

    return account_id, await submit_unless_deleted(context, DirectCommand(answer, (account_id,)), [])


async def next_report_due(context: Context) -> int | None:
    """When (ms) a simulated device next answers a report request, or None."""
    return await context.reader.short(read_next_report_due, context.clock.now_ms())
