"""Deliveries of callbacks: leasing and recording a listener's batch, and listing and redelivering for operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.secret_box import SecretBox, Unsealable
from fotapool.domain import callbacks
from fotapool.domain.accounts.alerts.messages import encode_message
from fotapool.domain.callbacks import DeliveryState, Event
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.services.commands import DirectCommand, submit_unless_deleted
from fotapool.services.context import LAST_ID, OPERATOR_PAGE, Context
from fotapool.store.accounts.accounts import read_account_by_id
from fotapool.store.accounts.alerts.rules import is_of_alerts, lock_alerts
from fotapool.store.callbacks import deliveries as store
from fotapool.store.callbacks.deliveries import Attempt, Delivery
from fotapool.store.callbacks.delivery_views import DeliveryRow, read_latest_deliveries
from fotapool.store.callbacks.leases import (
    LeasedBatch,
    acquire_lease,
    read_due_listeners,
    read_next_due,
    record_bodies,
    release_lease,
)
from fotapool.store.callbacks.listener_health import Ended
from fotapool.store.callbacks.listeners import Listener, read_listener
from fotapool.store.db.connection import Connection

log = Log(__name__)

MAX_ATTEMPTS_SHOWN = 100
SCAN_LIMIT = 2_000
"""Maximum number of deliveries that one page of the latest scans for those that match."""

Encode = Callable[[Event, Listener], bytes]
"""Serializes an event as the body of a callback, in one listener style."""


async def find_due_listeners(context: Context, again: bool, limit: int) -> list[tuple[int, str]]:
    """Listeners (account id, style) with due deliveries and without a lease, longest due first.

    `again`: those whose last attempt failed; else the others.
    """
    return await context.reader.short(read_due_listeners, context.clock.now_ms(), again, limit)


async def next_delivery_ms(context: Context) -> int | None:
    """The next time (ms) after now at which a delivery is due, or None."""
    return await context.reader.short(read_next_due, context.clock.now_ms())


async def acquire_batch(
    context: Context, account_id: int, style: str, encoders: Mapping[str, Encode]
) -> LeasedBatch | None:
    """Leases the listener and returns its due deliveries with their bodies; None if nothing is due.

    A delivery whose event cannot be serialized has no body; the error is logged.
    """

    def change(connection: Connection, now_ms: int) -> LeasedBatch | None:
        leased = acquire_lease(connection, account_id, style, now_ms)
        if leased is None:
            return None
        batch = _with_secrets(context.secrets, leased)
        _make_bodies(connection, context.secrets, batch, encoders)
        return batch

    return await context.writer.submit(DirectCommand(change, inline=False))


def _with_secrets(box: SecretBox, batch: LeasedBatch) -> LeasedBatch:
    """The batch with its password, secret and bodies in clear. A body that cannot be opened is made again."""
    listener = batch.listener
    if listener.password is not None:
        listener = listener._replace(password=box.open(listener.password))
    for waiting in batch.deliveries:
        waiting.body = _open_body(box, waiting.body)
    return replace(batch, listener=listener, secret=None if batch.secret is None else box.open(batch.secret))


def _open_body(box: SecretBox, body: bytes | None) -> bytes | None:
    """The body in clear; None if there is none yet, or it was encrypted with another key."""
    try:
        return None if body is None else box.open_bytes(bytes(body))
    except Unsealable:
        return None


def _make_bodies(connection: Connection, box: SecretBox, batch: LeasedBatch, encoders: Mapping[str, Encode]) -> None:
    made: list[tuple[int, bytes]] = []
    for waiting in batch.deliveries:
        if waiting.body is None:
            try:
                waiting.body = _encode(callbacks.decode(waiting.event), batch.listener, encoders)
            except Exception as error:
                log.write(LogEvent.CALLBACK_NOT_ENCODED, error, delivery=waiting.id)
                continue
            body = waiting.body
            made.append((waiting.id, body if batch.listener.password is None else box.seal_bytes(body)))
    record_bodies(connection, made)


def _encode(event: callbacks.Message, listener: Listener, encoders: Mapping[str, Encode]) -> bytes:
    """The body, in the style of the listener. Messages about alerts have the same body for each target."""
    if isinstance(event, callbacks.AlertMessage):
        return encode_message(event)
    return encoders[listener.style](event, listener)


async def record_batch(
    context: Context, batch: LeasedBatch, attempts: Sequence[Attempt], ended: Sequence[Ended]
) -> bool:
    """Records the attempts of a batch and releases its lease. Returns False, and records nothing, if it has expired.

    The log has the attempts that failed.
    """
    failed = [one for one in ended if one.state is not DeliveryState.DELIVERED]
    account = ""

    def change(connection: Connection, now_ms: int) -> bool:
        nonlocal account
        _lock_if_of_alerts(connection, batch.listener.style)
        if failed:
            found = read_account_by_id(connection, batch.listener.account_id)
            account = found.name if found is not None else ""
        return release_lease(connection, batch, attempts=attempts, ended=ended, now_ms=now_ms)

    command = DirectCommand(change, _locked(batch.listener.account_id))
    recorded = await submit_unless_deleted(context, command, False)
    reasons = {one.delivery_id: one.error or f"status {one.status}" for one in attempts}
    for one in failed if recorded else ():
        event = LogEvent.CALLBACK_GIVEN_UP if one.state is DeliveryState.FAILED else LogEvent.CALLBACK_FAILED
        log.write(
            event,
            delivery=one.delivery_id,
            listener=batch.listener.style,
            account=account,
            attempts=one.tried,
            reason=reasons[one.delivery_id],
        )
    return recorded


async def list_deliveries(
    context: Context, account_id: int | None, state: DeliveryState | None, after: int, limit: int
) -> list[Delivery]:
    """Deliveries by id, after the given one, of one account or of all, in one state or in any."""
    limit = min(limit, OPERATOR_PAGE + 1)
    return await context.reader.long(store.read_deliveries, account_id, state, after, limit)


async def find_latest_deliveries(
    context: Context,
    account_id: int | None,
    state: DeliveryState | None,
    since_ms: int | None,
    until_ms: int | None,
    before: int | None,
    limit: int,
) -> list[DeliveryRow]:
    """Up to `limit` deliveries, newest first, by the time of their creation; fewer only at the end."""
    found: list[DeliveryRow] = []
    following: int | None = before or LAST_ID
    while following is not None and len(found) < limit:
        rows, following = await context.reader.short(
            read_latest_deliveries,
            account_id=account_id,
            state=state,
            style="",
            kind="",
            before=following,
            looked=SCAN_LIMIT,
            limit=limit - len(found),
            since_ms=since_ms,
            until_ms=until_ms,
        )
        found += rows
    return found


async def list_latest_deliveries(
    context: Context,
    account_id: int | None,
    state: DeliveryState | None,
    style: str,
    kind: str,
    before: int | None,
    limit: int,
) -> tuple[list[DeliveryRow], int | None]:
    """Deliveries, newest first, of one account or of all, and the id before which the next page begins (None: the end).

    An empty `style` (of the listener) or `kind` (of the event) matches any. A page scans SCAN_LIMIT deliveries at most,
    so a short or empty page need not be the last.
    """
    return await context.reader.short(
        read_latest_deliveries, account_id, state, style, kind, LAST_ID if before is None else before, SCAN_LIMIT, limit
    )


async def read_delivery(context: Context, delivery_id: int) -> tuple[Delivery, list[Attempt]]:
    """A delivery and its last attempts. Raises NotFound."""

    def read(connection: Connection) -> tuple[Delivery, list[Attempt]]:
        found = _existing(connection, delivery_id)
        found = found._replace(body=_open_body(context.secrets, found.body))
        return found, store.read_attempts(connection, delivery_id, MAX_ATTEMPTS_SHOWN)

    return await context.reader.short(read)


async def redeliver(context: Context, delivery_id: int) -> Delivery:
    """Queues an ended delivery again, with the same body and id and a new series of attempts.

    For a waiting one, the first delivery that waits for its listener is tried now instead, since deliveries are sent in
    order. Raises NotFound, and Conflict if its listener is gone or a delivery to it is being sent.
    """
    delivery = await context.reader.short(_existing, delivery_id)
    context.audit.about("delivery", str(delivery_id), delivery.account_name)

    def change(connection: Connection, now_ms: int) -> Delivery:
        found = _existing(connection, delivery_id)
        _lock_if_of_alerts(connection, found.style)
        if read_listener(connection, found.account_id, found.style) is None:
            of = f"account {found.account_name}" if found.account_name else "the server"
            raise Conflict(f"{of} has no listener {found.style} any more")
        if found.state == DeliveryState.WAITING:
            retry_now(connection, found.account_id, found.style, now_ms)
        else:
            store.record_redelivery(connection, delivery_id, now_ms)
        before = {"state": DeliveryState(found.state).word, "attempts": found.attempts}
        context.audit.record(connection, now_ms, before, {"state": DeliveryState.WAITING.word, "attempts": 0})
        return _existing(connection, delivery_id)

    return await context.writer.submit(DirectCommand(change, _locked(delivery.account_id), alone=True))


def _locked(account_id: int) -> tuple[int, ...]:
    """The accounts whose pools are locked: none for a message about alerts."""
    return () if account_id == ALL_ACCOUNTS else (account_id,)


def _lock_if_of_alerts(connection: Connection, style: str) -> None:
    if is_of_alerts(style):
        lock_alerts(connection)


def retry_now(connection: Connection, account_id: int, style: str, now_ms: int) -> None:
    """Makes the listener's first waiting delivery due now. Raises Conflict while a delivery is being sent."""
    if not store.record_retry(connection, account_id, style, now_ms):
        raise Conflict(f"a delivery to listener {style} is being sent: see its result first")


def _existing(connection: Connection, delivery_id: int) -> Delivery:
    found = store.read_delivery(connection, delivery_id)
    if found is None:
        raise NotFound(f"delivery {delivery_id} does not exist")
    return found
