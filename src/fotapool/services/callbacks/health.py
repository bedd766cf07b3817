"""How deliveries to listeners go, for operators; trying a listener now; delivering failed callbacks again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.callbacks import DeliveryState, ListenerStatus, listener_status
from fotapool.domain.errors import Conflict, NotFound
from fotapool.services.callbacks.deliveries import retry_now
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.store.callbacks import deliveries as outbox
from fotapool.store.callbacks import listener_health as store
from fotapool.store.callbacks.deliveries import FailedFilter
from fotapool.store.callbacks.listener_health import DeliveryHour, ListenerHealth
from fotapool.store.callbacks.listeners import read_listener
from fotapool.store.db.connection import Connection

MAX_REDELIVERED = 1_000
"""Maximum number of failed deliveries that one step examines."""
MAX_IN_TROUBLE = 100


class Redelivered(msgspec.Struct, frozen=True):
    """A step of a redelivery: how many wait again, how many have no listener, and where the next step begins."""

    redelivered: int
    without_listener: int
    next_after: int | None


class CallbackFigures(msgspec.Struct, frozen=True):
    """What callbacks of all accounts do: counts of the last 24 hours, and what waits now.

    `waiting` is counted up to store.MAX_COUNTED + 1.
    """

    listeners: int
    accounts: int
    waiting: int
    oldest_ms: int | None
    day: DeliveryHour


def status_of(listener: ListenerHealth, now_ms: int) -> ListenerStatus:
    """The listener's status at a time (ms)."""
    return listener_status(listener.failing_ms, listener.given_up, now_ms)


async def list_listener_health(
    context: Context, status: ListenerStatus | None, account_id: int | None, after: tuple[str, str], limit: int
) -> list[ListenerHealth]:
    """Listeners by account name and version, after the given ones; with one status, or all; of one account, or all."""
    return await context.reader.short(
        store.read_listener_page, status, account_id, after, context.clock.now_ms(), min(limit, OPERATOR_PAGE + 1)
    )


async def list_listeners_in_trouble(context: Context) -> list[ListenerHealth]:
    """Up to MAX_IN_TROUBLE listeners whose last attempt failed: failing ones first, then since when they fail."""
    now_ms = context.clock.now_ms()
    found = await context.reader.short(store.read_listeners_in_trouble, MAX_IN_TROUBLE)
    return sorted(found, key=lambda one: status_of(one, now_ms) is not ListenerStatus.FAILING)


async def read_figures(context: Context) -> CallbackFigures:
    """The figures of all accounts."""
    from_ms = context.clock.now_ms() - DAY_MS

    def read(connection: Connection) -> CallbackFigures:
        listeners, accounts = store.count_listeners(connection)
        return CallbackFigures(
            listeners=listeners,
            accounts=accounts,
            waiting=store.count_waiting(connection),
            oldest_ms=store.read_oldest_waiting(connection),
            day=_sum(store.read_delivery_hours(connection, from_ms)),
        )

    return await context.reader.short(read)


def _sum(hours: Iterable[DeliveryHour]) -> DeliveryHour:
    sums = [sum(values) for values in zip(*hours, strict=True)] or [0] * len(DeliveryHour._fields)
    return DeliveryHour(*sums)


async def read_listener_hours(context: Context, listener: ListenerHealth) -> list[DeliveryHour]:
    """The hours of the last day with attempts to the listener, in order."""
    from_ms = context.clock.now_ms() - DAY_MS
    return await context.reader.short(store.read_delivery_hours, from_ms, (listener.account_id, listener.style))


async def retry_listener(context: Context, caller: Caller, style: str) -> ListenerHealth:
    """Tries what waits for a listener now: the first delivery with all its attempts, then the others in order.

    Raises NotFound, and Conflict if nothing waits or a delivery is being sent.
    """
    context.audit.about("listener", style, caller.account_name)
    account_id = caller.account_id

    def change(connection: Connection, now_ms: int) -> ListenerHealth:
        if "\x00" in style or read_listener(connection, account_id, style) is None:
            raise NotFound(f"account {caller.account_name} has no listener {style[:40]}")
        before = _read_one(connection, caller, style, now_ms)
        if not before.waiting:
            raise Conflict(f"nothing waits for listener {style}")
        retry_now(connection, account_id, style, now_ms)
        context.audit.record(
            connection, now_ms, {"attempts": before.head_attempts}, {"attempts": 0, "waiting": before.waiting}
        )
        return _read_one(connection, caller, style, now_ms)

    return await context.writer.submit(DirectCommand(change, (account_id,)))


def _read_one(connection: Connection, caller: Caller, style: str, now_ms: int) -> ListenerHealth:
    found = store.read_listener_page(
        connection, status=None, account_id=caller.account_id, after=("", ""), now_ms=now_ms, limit=OPERATOR_PAGE
    )
    for one in found:
        if one.style == style:
            return one
    raise NotFound(f"account {caller.account_name} has no listener {style} that is called")


async def redeliver_failed(
    context: Context, wanted: FailedFilter, after: int = 0, limit: int = MAX_REDELIVERED
) -> Redelivered:
    """Queues failed deliveries again, oldest first, in one step of up to `limit`; the next one begins at `next_after`.

    Deliveries whose listener is gone stay failed.
    """
    limit = min(limit, MAX_REDELIVERED)
    found = await context.reader.long(outbox.read_failed, wanted, after, limit)
    ids = [one.id for one in found if one.has_listener]
    accounts = sorted({one.account_id for one in found if one.has_listener})

    def change(connection: Connection, now_ms: int) -> int:
        redelivered = outbox.record_redeliveries(connection, ids, now_ms) if ids else 0
        context.audit.record(
            connection,
            now_ms,
            {"state": DeliveryState.FAILED.word},
            {"state": DeliveryState.WAITING.word, "redelivered": redelivered},
        )
        return redelivered

    redelivered = await context.writer.submit(DirectCommand(change, accounts, devices=len(ids), inline=False))
    next_after = found[-1].id if len(found) == limit else None
    return Redelivered(redelivered, len(found) - len(ids), next_after)
