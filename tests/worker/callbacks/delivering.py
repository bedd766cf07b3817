"""What the tests of deliveries share: accounts that listen, events, and a server that delivers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

from fotapool.api.v1 import callbacks as v1
from fotapool.api.v2 import callbacks as v2
from fotapool.api.v3 import callbacks as v3
from fotapool.core.clock import MovableClock
from fotapool.domain.callbacks import DeliveryState, Event, FirmwareReported
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts.accounts import create_account
from fotapool.services.callbacks.deliveries import Encode, list_deliveries
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.callbacks.deliveries import Delivery, record_events
from fotapool.store.callbacks.listeners import Listener, record_listener
from fotapool.store.db.connection import Connection
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.callbacks.sender import HttpSender
from fotapool.worker.callbacks.signing import sign
from support.helpers import NOW_MS

ENCODERS: dict[str, Encode] = {version.STYLE: version.encode for version in (v1, v2, v3)}
PUSH, PULL, AWARE = ENCODERS
FIVE_MINUTES = 300_000


def within(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


def clock_of(context: Context) -> MovableClock:
    assert isinstance(context.clock, MovableClock)
    return context.clock


@contextlib.asynccontextmanager
async def delivering(
    context: Context, timeout_s: float = 120, private: bool = True, encoders: Mapping[str, Encode] = ENCODERS
) -> AsyncIterator[Deliveries]:
    sender = HttpSender(timeout_s, private)
    deliveries = Deliveries(context, sender, encoders, sign)
    try:
        yield deliveries
    finally:
        await deliveries.stop()
        await sender.close()


async def listening(context: Context, name: str, url: str, *styles: str) -> Caller:
    """A new account that listens in these styles; in v3's if none is given."""
    account = await create_account(context, name, PurchaseType.MRC, 0)
    for style in styles or (AWARE,):
        await listen(context, account.id, style, url)
    return Caller("test", "request", account.id, name)


async def listen(context: Context, account_id: int, style: str, url: str) -> None:
    def change(connection: Connection, now_ms: int) -> None:
        record_listener(
            connection,
            Listener(account_id=account_id, style=style, url=url, username="me", password="secret", created_ms=now_ms),
        )

    await context.writer.submit(DirectCommand(change, (account_id,)))


def report(name: str, number: int) -> Event:
    return FirmwareReported(account_name=name, imei=number, firmware="1", request_id=f"request-{number}", at_ms=NOW_MS)


async def happen(context: Context, caller: Caller, *numbers: int) -> None:
    """Events with these numbers are recorded, in one transaction."""

    def change(connection: Connection, now_ms: int) -> None:
        events = (report(caller.account_name, number) for number in numbers)
        record_events(connection, caller.account_id, events, now_ms)

    await context.writer.submit(DirectCommand(change, (caller.account_id,)))


async def execute(context: Context, sql: str, **params: object) -> None:
    def change(connection: Connection, now_ms: int) -> None:
        connection.execute(sql, params)

    await context.writer.submit(DirectCommand(change))


async def all_deliveries(context: Context, caller: Caller | None = None) -> list[Delivery]:
    return await list_deliveries(
        context, account_id=caller.account_id if caller else None, state=None, after=0, limit=1000
    )


async def states(context: Context, caller: Caller | None = None) -> list[str]:
    return [DeliveryState(one.state).word for one in await all_deliveries(context, caller)]


def numbers(bodies: list[Any]) -> list[int]:
    """The numbers of the events in messages that came in."""
    return [int(body["firmwareReported"]["deviceId"]) for body in bodies]
