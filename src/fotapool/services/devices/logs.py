"""Logging of devices: turn it on and off, list logs and check-ins."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.devices.devices import LOGGING_MS, RETENTION_LOGS_MS, check_known, check_logging
from fotapool.domain.simulation import behavior_of, past_check_ins_ms
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.db.connection import Connection
from fotapool.store.devices.devices import read_devices_named, read_known_devices
from fotapool.store.devices.logs import (
    CheckIn,
    Log,
    delete_logging,
    read_check_ins,
    read_logging,
    read_logs,
    record_logging,
)
from fotapool.store.simulation import read_fleets

MAX_LOGS_LISTED = 1_000
"""Maximum number of logs, or of check-ins, of a device that are listed."""


LoggingUntil = tuple[int, int]
"""A device, and when (ms) its logging expires."""


async def list_logging(context: Context, caller: Caller) -> list[LoggingUntil]:
    """The devices with logging on, by IMEI."""
    rows = await context.reader.short(read_logging, caller.account_id, context.clock.now_ms())
    return [(imei, expires_ms) for imei, expires_ms in rows]


async def enable_logging(context: Context, caller: Caller, devices: Sequence[int]) -> list[LoggingUntil]:
    """Turns logging on for LOGGING_MS from now, for all of the devices or for none.

    Raises RequestRejected(LOGGING_LIMIT or DEVICE_UNKNOWN).
    """
    wanted = list(dict.fromkeys(devices))

    def change(connection: Connection, now_ms: int) -> list[LoggingUntil]:
        enabled = {imei for imei, _ in read_logging(connection, caller.account_id, now_ms)}
        check_logging(enabled, read_known_devices(connection, caller.account_id, wanted), wanted)
        record_logging(
            connection, account_id=caller.account_id, devices=wanted, now_ms=now_ms, expires_ms=now_ms + LOGGING_MS
        )
        return [(imei, now_ms + LOGGING_MS) for imei in wanted]

    return await context.writer.submit(DirectCommand(change, caller=caller))


async def disable_logging(context: Context, caller: Caller, devices: Sequence[int]) -> None:
    """Turns logging off for the devices, if it is on. Raises RequestRejected(DEVICE_UNKNOWN)."""

    def change(connection: Connection, now_ms: int) -> None:
        check_known(read_known_devices(connection, caller.account_id, devices), devices)
        delete_logging(connection, caller.account_id, devices)

    await context.writer.submit(DirectCommand(change, caller=caller))


async def list_logs(context: Context, caller: Caller, device: int) -> list[Log]:
    """The device's logs of the last RETENTION_LOGS_MS, newest first. Raises RequestRejected(DEVICE_UNKNOWN)."""
    since_ms = context.clock.now_ms() - RETENTION_LOGS_MS

    def read(connection: Connection) -> list[Log]:
        check_known(read_known_devices(connection, caller.account_id, [device]), [device])
        return read_logs(
            connection, account_id=caller.account_id, imei=device, since_ms=since_ms, limit=MAX_LOGS_LISTED
        )

    return await context.reader.short(read)


async def list_check_ins(context: Context, caller: Caller, device: int) -> list[CheckIn]:
    """The device's check-ins of the last RETENTION_LOGS_MS, newest first. Raises RequestRejected(DEVICE_UNKNOWN)."""
    since_ms = context.clock.now_ms() - RETENTION_LOGS_MS

    def read(connection: Connection) -> list[CheckIn]:
        check_known(read_known_devices(connection, caller.account_id, [device]), [device])
        found = read_check_ins(
            connection, account_id=caller.account_id, imei=device, since_ms=since_ms, limit=MAX_LOGS_LISTED
        )
        found += _simulated(
            connection, account_id=caller.account_id, device=device, since_ms=since_ms, now_ms=context.clock.now_ms()
        )
        return sorted(found, key=lambda check_in: check_in.at_ms, reverse=True)[:MAX_LOGS_LISTED]

    return await context.reader.short(read)


def _simulated(connection: Connection, account_id: int, device: int, since_ms: int, now_ms: int) -> list[CheckIn]:
    """The check-ins of a simulated device since `since_ms` and its creation; they are computed, not stored."""
    behavior = behavior_of(read_fleets(connection, account_id), device)
    if behavior is None:
        return []
    row = read_devices_named(connection, account_id, [device])[device]
    times_ms = past_check_ins_ms(
        behavior=behavior, imei=device, since_ms=max(since_ms, row.created_ms), until_ms=now_ms, limit=MAX_LOGS_LISTED
    )
    return [CheckIn(account_id, device, at_ms, row.protocol) for at_ms in times_ms]
