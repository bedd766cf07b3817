"""Leases: a server leases a listener, sends its waiting deliveries in order, records the results, releases the lease.

If the server crashes, the lease expires, and unrecorded deliveries are sent again: at-least-once delivery.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.store.callbacks.deliveries import Attempt
from fotapool.store.callbacks.listener_health import Ended, record_health
from fotapool.store.callbacks.listeners import IS_WAITING, LISTENER_COLUMNS, OF_LISTENER, Listener, read_signing_secret
from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, fetch_int

LEASE_MS = 60_000
"""Duration of a listener's lease, by the database's clock."""
DELIVERIES_PER_LEASE = 200

_IS_HEAD = f"""NOT EXISTS (SELECT 1 FROM delivery e
    WHERE e.account_id = d.account_id AND e.style = d.style AND e.{IS_WAITING} AND e.id < d.id)"""


class Waiting(msgspec.Struct):
    """A waiting delivery of a batch; `body` is None until the event is encoded.

    `tried` counts attempts since the last redelivery request; `number` is that of the last attempt.
    """

    id: int
    event: str
    body: bytes | None
    tried: int
    created_ms: int
    number: int


class LeasedBatch(msgspec.Struct, frozen=True):
    """A leased listener and its due deliveries, in order; `lease` identifies the lease."""

    listener: Listener
    lease: int
    secret: str | None
    deliveries: list[Waiting]


def read_due_listeners(connection: Connection, now_ms: int, again: bool, limit: int) -> list[tuple[int, str]]:
    """Listeners (account id, style) that are not leased and whose head is due, earliest first.

    `again`: only heads that were attempted before, or only heads that were not.
    """
    tried = "d.attempts > 0" if again else "d.attempts = 0"
    rows = connection.fetch(
        "SELECT d.account_id, d.style FROM delivery d"
        " JOIN listener l ON l.account_id = d.account_id AND l.style = d.style"
        f" WHERE d.due_ms IS NOT NULL AND d.due_ms <= :now AND {tried}"
        f" AND l.leased_until_ms <= {connection.syntax['now_ms']} AND {_IS_HEAD}"
        " ORDER BY d.due_ms, d.id LIMIT :limit",
        {"now": now_ms, "limit": limit},
    )
    return [(account_id, style) for account_id, style in rows]


def read_next_due(connection: Connection, now_ms: int) -> int | None:
    """The first due time (ms) of a delivery after now, or None."""
    sql = f"""SELECT d.due_ms FROM delivery d WHERE d.due_ms IS NOT NULL AND d.due_ms > :now AND {_IS_HEAD}
        ORDER BY d.due_ms LIMIT 1"""
    return fetch_int(connection, sql, now=now_ms)


def acquire_lease(connection: Connection, account_id: int, style: str, now_ms: int) -> LeasedBatch | None:
    """Leases the listener and reads its due deliveries; None if it is leased already or nothing is due."""
    syntax, key = connection.syntax, {"account_id": account_id, "style": style}
    rows = connection.fetch(
        f"SELECT {LISTENER_COLUMNS} FROM listener"
        f" WHERE {OF_LISTENER} AND leased_until_ms <= {syntax['now_ms']} {syntax['skip_locked']}",
        key,
    )
    if not rows:
        return None
    deliveries = _read_due(connection, key, now_ms)
    if not deliveries:
        return None
    lease = connection.fetch(
        f"UPDATE listener SET leased_until_ms = {syntax['now_ms']} + {LEASE_MS} WHERE {OF_LISTENER}"
        " RETURNING leased_until_ms",
        key,
    )[0][0]
    return LeasedBatch(Listener(*rows[0]), lease, read_signing_secret(connection, account_id), deliveries)


def _read_due(connection: Connection, key: dict[str, object], now_ms: int) -> list[Waiting]:
    """The waiting deliveries from the head to before the first one with a later due time."""
    rows = connection.fetch(
        "SELECT d.due_ms, d.id, d.event, d.body, d.attempts, d.created_ms,"
        " (SELECT coalesce(max(a.number), 0) FROM delivery_attempt a WHERE a.delivery_id = d.id)"
        f" FROM delivery d WHERE {OF_LISTENER} AND {IS_WAITING} ORDER BY d.id LIMIT {DELIVERIES_PER_LEASE}",
        key,
    )
    due: list[Waiting] = []
    for due_ms, *rest in rows:
        if due_ms is not None and due_ms > now_ms:
            break
        due.append(Waiting(*rest))
    return due


def record_bodies(connection: Connection, bodies: Sequence[tuple[int, bytes]]) -> None:
    """Stores the bodies of deliveries (id, body), which are sent with every attempt."""
    connection.update_rows("delivery", "id", "body", bodies)


def release_lease(
    connection: Connection, batch: LeasedBatch, attempts: Sequence[Attempt], ended: Sequence[Ended], now_ms: int
) -> bool:
    """Records the results and releases the lease. Returns False without any change if the lease was lost.

    The transaction must hold the lock of the account's pool, since the next waiting delivery becomes the head.
    """
    key = {"account_id": batch.listener.account_id, "style": batch.listener.style}
    held = connection.fetch(
        f"UPDATE listener SET leased_until_ms = 0 WHERE {OF_LISTENER} AND leased_until_ms = :lease RETURNING style",
        {**key, "lease": batch.lease},
    )
    if not held:
        return False
    connection.insert("delivery_attempt", columns(Attempt), attempts)
    if attempts:
        record_health(connection, batch.listener, attempts=attempts, ended=ended, now_ms=now_ms)
    rows: list[Row] = [(one.delivery_id, one.state.value, *one[2:]) for one in ended]
    connection.update_rows("delivery", "id", "state, attempts, due_ms, ended_ms", rows)
    connection.execute(
        "UPDATE delivery SET due_ms = :now WHERE due_ms IS NULL AND id ="
        f" (SELECT id FROM delivery WHERE {OF_LISTENER} AND {IS_WAITING} ORDER BY id LIMIT 1)",
        {**key, "now": now_ms},
    )
    return True
