"""Turns: a server takes the lease of one listener, sends what waits for it in order, records it and lets go.

Whoever dies in between lets the lease run out, and what it had sent but not recorded is sent again: at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fotapool.store.callbacks.deliveries import Attempt, DeliveryState
from fotapool.store.callbacks.listeners import Listener, read_signing_secret
from fotapool.store.db.connection import Connection, Row

LEASE_MS = 60_000
"""How long a listener belongs to the server that sends to it, by the database's own clock."""
DELIVERIES_PER_LEASE = 200

_OF_LISTENER = "account_id = :account_id AND style = :style"
_HEAD = (
    "NOT EXISTS (SELECT 1 FROM delivery e WHERE e.account_id = d.account_id AND e.style = d.style AND e.state = 1"
    " AND e.id < d.id)"
)


@dataclass(slots=True)
class Waiting:
    """A delivery of a turn; `tried` is how often since it was last asked for, `number` that of its last attempt ever.

    `body` is None until the event was put into words.
    """

    id: int
    event: str
    body: bytes | None
    tried: int
    created_ms: int
    number: int


@dataclass(frozen=True, slots=True)
class LeasedBatch:
    """A leased listener and what is due to it, in order; `lease` tells this turn from any other."""

    listener: Listener
    lease: int
    secret: str | None
    deliveries: list[Waiting]


class Ended(NamedTuple):
    """What became of a delivery in a turn; `due_ms` is when it is tried again, `ended_ms` when it ended otherwise."""

    delivery_id: int
    state: DeliveryState
    tried: int
    due_ms: int | None
    ended_ms: int | None


def read_due_listeners(connection: Connection, now_ms: int, again: bool, limit: int) -> list[tuple[int, str]]:
    """Listeners (account id, style) whose head is due and that nobody delivers to, longest due first.

    `again`: those whose head was tried before, or those whose head was not.
    """
    tried = "d.attempts > 0" if again else "d.attempts = 0"
    rows = connection.fetch(
        "SELECT d.account_id, d.style FROM delivery d"
        " JOIN listener l ON l.account_id = d.account_id AND l.style = d.style"
        f" WHERE d.due_ms IS NOT NULL AND d.due_ms <= :now AND {tried}"
        f" AND l.leased_until_ms <= {connection.words['now_ms']} AND {_HEAD}"
        " ORDER BY d.due_ms, d.id LIMIT :limit",
        {"now": now_ms, "limit": limit},
    )
    return [(account_id, style) for account_id, style in rows]


def read_next_due(connection: Connection, now_ms: int) -> int | None:
    """The next moment (ms) after now at which a delivery falls due, or None."""
    rows = connection.fetch(
        f"SELECT d.due_ms FROM delivery d WHERE d.due_ms IS NOT NULL AND d.due_ms > :now AND {_HEAD}"
        " ORDER BY d.due_ms LIMIT 1",
        {"now": now_ms},
    )
    return rows[0][0] if rows else None


def acquire_lease(connection: Connection, account_id: int, style: str, now_ms: int) -> LeasedBatch | None:
    """Takes the listener's lease and reads what is due to it; None if someone else has it or nothing is due now."""
    words, key = connection.words, {"account_id": account_id, "style": style}
    rows = connection.fetch(
        "SELECT account_id, style, url, username, password, created_ms FROM listener"
        f" WHERE {_OF_LISTENER} AND leased_until_ms <= {words['now_ms']} {words['skip_locked']}",
        key,
    )
    if not rows:
        return None
    deliveries = _read_due(connection, key, now_ms)
    if not deliveries:
        return None
    lease = connection.fetch(
        f"UPDATE listener SET leased_until_ms = {words['now_ms']} + {LEASE_MS} WHERE {_OF_LISTENER}"
        " RETURNING leased_until_ms",
        key,
    )[0][0]
    return LeasedBatch(Listener(*rows[0]), lease, read_signing_secret(connection, account_id), deliveries)


def _read_due(connection: Connection, key: dict[str, object], now_ms: int) -> list[Waiting]:
    """The deliveries from the head on, up to the first that is to wait until a later moment."""
    rows = connection.fetch(
        "SELECT d.due_ms, d.id, d.event, d.body, d.attempts, d.created_ms,"
        " (SELECT coalesce(max(a.number), 0) FROM delivery_attempt a WHERE a.delivery_id = d.id)"
        f" FROM delivery d WHERE {_OF_LISTENER} AND state = 1 ORDER BY d.id LIMIT {DELIVERIES_PER_LEASE}",
        key,
    )
    due: list[Waiting] = []
    for due_ms, *rest in rows:
        if due_ms is not None and due_ms > now_ms:
            break
        due.append(Waiting(*rest))
    return due


def record_bodies(connection: Connection, bodies: Sequence[tuple[int, bytes]]) -> None:
    """Keeps the bytes that are sent for these deliveries (id, body), now and whenever they are sent again."""
    connection.update_rows("delivery", "id", "body", bodies)


def release_lease(
    connection: Connection, turn: LeasedBatch, attempts: Sequence[Attempt], ended: Sequence[Ended], now_ms: int
) -> bool:
    """Records what was sent and lets the listener go; answers False, and does nothing, if the lease was lost.

    The transaction must hold the lock of the account's pool row: the next delivery that waits becomes the head.
    """
    key = {"account_id": turn.listener.account_id, "style": turn.listener.style}
    held = connection.fetch(
        f"UPDATE listener SET leased_until_ms = 0 WHERE {_OF_LISTENER} AND leased_until_ms = :lease RETURNING style",
        {**key, "lease": turn.lease},
    )
    if not held:
        return False
    columns = "delivery_id, number, at_ms, took_ms, url, status, error, answer"
    connection.insert("delivery_attempt", columns, attempts)
    rows: list[Row] = [(one.delivery_id, one.state.value, *one[2:]) for one in ended]
    connection.update_rows("delivery", "id", "state, attempts, due_ms, ended_ms", rows)
    connection.execute(
        "UPDATE delivery SET due_ms = :now WHERE due_ms IS NULL AND id ="
        f" (SELECT id FROM delivery WHERE {_OF_LISTENER} AND state = 1 ORDER BY id LIMIT 1)",
        {**key, "now": now_ms},
    )
    return True
