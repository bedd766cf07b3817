"""Devices by identifier and in pages of any size, for the Connectivity Management API."""

from __future__ import annotations

from fotapool.domain.devices.devices import DeviceIdentifier
from fotapool.domain.names import MAX_IMEI
from fotapool.domain.paging import Page
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import with_contact
from fotapool.store.db.connection import Connection
from fotapool.store.devices.devices import (
    DeviceRow,
    read_accounts_with,
    read_device_page,
    read_devices_identified,
)
from fotapool.store.simulation import read_fleets

MAX_FOUND = 100
"""How many devices with the same identifier are returned."""


async def list_devices_after(context: Context, caller: Caller, after: int, size: int) -> Page[DeviceRow]:
    """Up to `size` devices of the account with IMEIs greater than `after`, by IMEI."""

    def read(connection: Connection) -> list[DeviceRow]:
        _, rows = read_device_page(
            connection, account_id=caller.account_id, protocol=None, cursor=min(after, MAX_IMEI), limit=size + 1
        )
        return with_contact(rows, read_fleets(connection, caller.account_id), context.clock.now_ms())

    return Page.of(await context.reader.short(read), size, lambda row: row.imei)


async def find_devices(context: Context, caller: Caller, identifier: DeviceIdentifier) -> list[DeviceRow]:
    """The account's devices with the identifier, by IMEI."""

    def read(connection: Connection) -> list[DeviceRow]:
        rows = read_devices_identified(connection, caller.account_id, identifier, MAX_FOUND)
        return with_contact(rows, read_fleets(connection, caller.account_id), context.clock.now_ms())

    return await context.reader.short(read)


async def find_account(context: Context, username: str, identifier: DeviceIdentifier | None) -> str:
    """The user's account with the device, or the user's first one if none has it.

    Without an identifier, the user's only account, or "" if there are several.
    """

    def read(connection: Connection) -> list[str]:
        found = read_accounts_with(connection, username, identifier, 1) if identifier else []
        return found or read_accounts_with(connection, username, None, 2)

    accounts = await context.reader.short(read)
    return accounts[0] if len(accounts) == 1 or (accounts and identifier) else ""
