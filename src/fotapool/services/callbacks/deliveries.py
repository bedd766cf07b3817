"""Deliveries of callbacks: what one turn of a listener claims and records, and what the operator sees and redoes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from fotapool.domain import callbacks
from fotapool.domain.callbacks import RETENTION_MS, Event
from fotapool.domain.errors import Conflict, NotFound
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.callbacks import deliveries as store
from fotapool.store.callbacks.deliveries import Attempt, Delivery, DeliveryState
from fotapool.store.callbacks.delivery_views import DeliveryRow, read_latest_deliveries
from fotapool.store.callbacks.leases import (
    Ended,
    LeasedBatch,
    acquire_lease,
    read_due_listeners,
    read_next_due,
    record_bodies,
    release_lease,
)
from fotapool.store.callbacks.listeners import Listener, read_listener
from fotapool.store.db.connection import Connection

log = logging.getLogger(__name__)

DELIVERIES_A_CLEANING = 1_000
"""How many old deliveries one transaction deletes."""
MAX_ATTEMPTS_SHOWN = 100
LOOKED = 2_000
"""Through how many deliveries one page of the latest looks for those that are wanted."""
LAST_ID = 2**62

Encode = Callable[[Event, Listener], bytes]
"""Puts an event into the words of one style."""


class _Large(DirectCommand[LeasedBatch | None]):
    inline = False  # a whole turn is put into words


async def find_due_listeners(context: Context, again: bool, limit: int) -> list[tuple[int, str]]:
    """Listeners (account id, style) that something is due to and nobody delivers to, longest due first.

    `again`: those that failed to take what is due, or those for which it is new.
    """
    return await context.reader.short(read_due_listeners, context.clock.now_ms(), again, limit)


async def next_delivery_ms(context: Context) -> int | None:
    """The next moment (ms) after now at which a delivery falls due, or None."""
    return await context.reader.short(read_next_due, context.clock.now_ms())


async def claim(context: Context, account_id: int, style: str, encoders: Mapping[str, Encode]) -> LeasedBatch | None:
    """Takes the listener's next turn, with a body made for each delivery; None if there is nothing to do.

    An event that cannot be put into words is logged and has no body.
    """

    def change(connection: Connection, now_ms: int) -> LeasedBatch | None:
        turn = acquire_lease(connection, account_id, style, now_ms)
        if turn is not None:
            _make_bodies(connection, turn, encoders)
        return turn

    return await context.writer.submit(_Large(change))


def _make_bodies(connection: Connection, turn: LeasedBatch, encoders: Mapping[str, Encode]) -> None:
    made: list[tuple[int, bytes]] = []
    for waiting in turn.deliveries:
        if waiting.body is None:
            try:
                waiting.body = encoders[turn.listener.style](callbacks.decode(waiting.event), turn.listener)
            except Exception:
                log.exception("delivery %d cannot be put into words", waiting.id)
                continue
            made.append((waiting.id, waiting.body))
    record_bodies(connection, made)


async def record(context: Context, turn: LeasedBatch, attempts: Sequence[Attempt], ended: Sequence[Ended]) -> bool:
    """Records what a turn did and ends it; False if it was not its turn any more, so that nothing was recorded."""

    def change(connection: Connection, now_ms: int) -> bool:
        return release_lease(connection, turn=turn, attempts=attempts, ended=ended, now_ms=now_ms)

    return await context.writer.submit(DirectCommand(change, (turn.listener.account_id,)))


async def list_deliveries(
    context: Context, account_id: int | None, state: DeliveryState | None, after: int, limit: int
) -> list[Delivery]:
    """Deliveries by id, after the given one, of one account or of all, in one state or in any."""
    limit = min(limit, OPERATOR_PAGE + 1)
    return await context.reader.long(store.read_deliveries, account_id, state, after, limit)


async def list_latest_deliveries(
    context: Context,
    account_id: int | None,
    state: DeliveryState | None,
    style: str,
    kind: str,
    before: int | None,
    limit: int,
) -> tuple[list[DeliveryRow], int | None]:
    """Deliveries, newest first, of one account or of all; and the id before which to go on (None: no more).

    `style` of the listener and `kind` of the event are empty for any. It looks through LOOKED at most, so that a page
    may be short, or empty, and there are more all the same.
    """
    return await context.reader.short(
        read_latest_deliveries, account_id, state, style, kind, LAST_ID if before is None else before, LOOKED, limit
    )


async def read_delivery(context: Context, delivery_id: int) -> tuple[Delivery, list[Attempt]]:
    """A delivery and its last attempts. Raises NotFound."""

    def read(connection: Connection) -> tuple[Delivery, list[Attempt]]:
        return _existing(connection, delivery_id), store.read_attempts(connection, delivery_id, MAX_ATTEMPTS_SHOWN)

    return await context.reader.short(read)


async def redeliver(context: Context, delivery_id: int) -> Delivery:
    """Delivers an ended delivery again: the same bytes under the same id, with all attempts ahead.

    Raises NotFound, and Conflict while it waits or where nobody listens any more.
    """
    account_id = (await context.reader.short(_existing, delivery_id)).account_id

    def change(connection: Connection, now_ms: int) -> Delivery:
        found = _existing(connection, delivery_id)
        if found.state == DeliveryState.WAITING:
            raise Conflict(f"delivery {delivery_id} is waiting already")
        if read_listener(connection, found.account_id, found.style) is None:
            raise Conflict(f"account {found.account_name} has no listener {found.style} any more")
        store.record_redelivery(connection, delivery_id, now_ms)
        return _existing(connection, delivery_id)

    return await context.writer.submit(DirectCommand(change, (account_id,)))


def _existing(connection: Connection, delivery_id: int) -> Delivery:
    found = store.read_delivery(connection, delivery_id)
    if found is None:
        raise NotFound(f"delivery {delivery_id} does not exist")
    return found


async def purge_deliveries(context: Context) -> int:
    """Deletes deliveries that ended 30 days ago, in batches; answers how many."""
    before_ms = context.clock.now_ms() - RETENTION_MS

    def delete(connection: Connection, now_ms: int) -> int:
        return store.delete_ended_deliveries(connection, before_ms, DELIVERIES_A_CLEANING)

    forgotten = 0
    while True:
        deleted = await context.writer.submit(DirectCommand(delete))
        forgotten += deleted
        if deleted < DELIVERIES_A_CLEANING:
            return forgotten
