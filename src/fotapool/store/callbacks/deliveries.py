"""The outbox of callbacks: deliveries to each listener, written in the transaction of the event.

The first waiting delivery of a listener is its head. Only the head has a due time; when it ends, the next one becomes
the head. Due deliveries are therefore found without walking the queue. A transaction that changes the head holds the
lock of the account's pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from fotapool.domain.callbacks import DeliveryState, Event, encode, firmware_available
from fotapool.domain.names import AccountStatus
from fotapool.domain.packages import NewPackage, Package
from fotapool.store.callbacks.listeners import IS_CALLED, IS_WAITING, OF_LISTENER, Listener, read_called_listeners
from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, fetch_all, fetch_one

MAX_WAITING_PER_LISTENER = 200_000
"""Further deliveries to a listener are recorded as failed; the operator can redeliver them."""
PACKAGES_A_LOOKUP = 1_000
TOO_MANY_WAIT = f"not sent: {MAX_WAITING_PER_LISTENER:,} deliveries to this listener were waiting"


class FailedDelivery(NamedTuple):
    """A failed delivery, and whether its listener is still registered."""

    id: int
    account_id: int
    style: str
    has_listener: bool


class FailedFilter(msgspec.Struct, frozen=True):
    """The wanted failed deliveries: None matches any. They failed from `since_ms` to before `until_ms`."""

    account_id: int | None = None
    style: str | None = None
    kind: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def conditions(self) -> tuple[str, dict[str, Any]]:
        """The conditions on a delivery `d`, and their parameters."""
        tests = {
            "account_id": "d.account_id = :account_id",
            "style": "d.style = :style",
            "kind": "d.event LIKE :kind",
            "since_ms": "d.ended_ms >= :since_ms",
            "until_ms": "d.ended_ms < :until_ms",
        }
        given = {name: value for name in tests if (value := getattr(self, name)) is not None}
        if self.kind is not None:
            given["kind"] = f'{{"kind":"{self.kind}"%'
        return "".join(f" AND {tests[name]}" for name in given), given


_INSERTED = "account_id, style, event, state, attempts, created_ms, due_ms, ended_ms"
_WAITING = f"{OF_LISTENER} AND {IS_WAITING}"


def record_events(connection: Connection, account_id: int, events: Iterable[Event], now_ms: int) -> None:
    """Records a delivery of each event to each listener of the account.

    The transaction must hold the lock of the account's pool. `events` is not iterated if there is no listener.
    """
    listeners = read_called_listeners(connection, account_id)
    if not listeners:
        return
    texts = [encode(event) for event in events]
    for listener in listeners:
        if texts:
            record_waiting(connection, listener, texts, now_ms)


def record_waiting(connection: Connection, listener: Listener, texts: Sequence[str], now_ms: int) -> None:
    """Records a delivery of each event to the listener.

    The transaction must hold the lock of the account's pool, or of alerts for a target of alerts.
    """
    account_id, style = listener.account_id, listener.style
    waiting = _count_waiting(connection, account_id, style, len(texts))
    free = max(0, MAX_WAITING_PER_LISTENER - waiting)
    rows: list[Row] = [
        (
            account_id,
            style,
            text,
            DeliveryState.WAITING.value,
            0,
            now_ms,
            now_ms if waiting == 0 and place == 0 else None,
            None,
        )
        for place, text in enumerate(texts[:free])
    ]
    connection.insert("delivery", _INSERTED, rows)
    if len(texts) > free:
        _record_overflow(connection, listener, texts[free:], now_ms)


def _count_waiting(connection: Connection, account_id: int, style: str, more: int) -> int:
    """The number of waiting deliveries: exact if it is 0 or `more` could exceed the limit, else an upper bound."""
    params = {"account_id": account_id, "style": style}
    first, last = connection.fetch(
        f"SELECT (SELECT id FROM delivery WHERE {_WAITING} ORDER BY id LIMIT 1),"
        f" (SELECT id FROM delivery WHERE {_WAITING} ORDER BY id DESC LIMIT 1)",
        params,
    )[0]
    if first is None:
        return 0
    bound: int = last - first + 1
    if bound + more <= MAX_WAITING_PER_LISTENER:
        return bound
    return int(connection.fetch(f"SELECT count(*) FROM delivery WHERE {_WAITING}", params)[0][0])


def _record_overflow(connection: Connection, listener: Listener, texts: Sequence[str], now_ms: int) -> None:
    """Records deliveries beyond the limit as failed, with the reason as their attempt."""
    params = {"account_id": listener.account_id}
    last = connection.fetch("SELECT max(id) FROM delivery WHERE account_id = :account_id", params)[0][0] or 0
    rows: list[Row] = [
        (listener.account_id, listener.style, text, DeliveryState.FAILED.value, 0, now_ms, None, now_ms)
        for text in texts
    ]
    connection.insert("delivery", _INSERTED, rows)
    connection.execute(
        "INSERT INTO delivery_attempt (delivery_id, number, at_ms, took_ms, url, status, error, answer)"
        " SELECT id, 1, :now, 0, :url, NULL, :error, '' FROM delivery"
        f" WHERE {OF_LISTENER} AND id > :last AND state = {DeliveryState.FAILED:d}",
        {**params, "now": now_ms, "url": listener.url, "error": TOO_MANY_WAIT, "last": last, "style": listener.style},
    )


def record_package_available(connection: Connection, packages: Sequence[Package | NewPackage], now_ms: int) -> None:
    """Records an event for every account with a listener and a device that one of these packages fits.

    Packages that are not launched yet are ignored. Locks the pools of these accounts.
    """
    launched = [package for package in packages if package.launched_ms <= now_ms]
    fits: list[tuple[int, str, int]] = []
    for start in range(0, len(launched), PACKAGES_A_LOOKUP):
        fits += _read_fits(connection, launched, start)
    if not fits:
        return
    connection.lock_pools(sorted({account_id for account_id, _, _ in fits}))
    for (account_id, name), of_account in groupby(sorted(fits), key=lambda fit: fit[:2]):
        fitting = [launched[place] for _, _, place in of_account]
        record_events(connection, account_id, firmware_available(name, fitting), now_ms)


def _read_fits(
    connection: Connection, launched: Sequence[Package | NewPackage], start: int
) -> Iterator[tuple[int, str, int]]:
    """(account id, its name, index of a package that fits one of its devices)."""
    rows: list[Row] = [
        (place, package.make, package.model, package.from_version, package.protocol)
        for place, package in enumerate(launched[start : start + PACKAGES_A_LOOKUP], start=start)
    ]
    found = connection.fetch_rows(
        f"SELECT a.id, a.name, p.place FROM (SELECT DISTINCT account_id FROM listener WHERE {IS_CALLED}) l"
        " JOIN account a ON a.id = l.account_id CROSS JOIN {rows} p"
        f" WHERE a.status <> '{AccountStatus.CLOSED.value}'"
        " AND EXISTS (SELECT 1 FROM device d WHERE d.account_id = a.id AND d.make = p.make AND d.model = p.model"
        " AND d.firmware = p.from_version AND d.protocol = p.protocol)",
        "place, make, model, from_version, protocol",
        rows,
    )
    return ((account_id, name, place) for account_id, name, place in found)


class Delivery(NamedTuple):
    """A row with its account's name, empty for a message about alerts. Times in ms.

    `attempts` counts those since the last redelivery request.
    """

    id: int
    account_name: str
    style: str
    event: str
    body: bytes | None
    state: int
    attempts: int
    created_ms: int
    due_ms: int | None
    ended_ms: int | None
    account_id: int


class Attempt(NamedTuple):
    """An attempt to deliver: timestamp (ms), duration (ms), URL, and the HTTP status or the error."""

    delivery_id: int
    number: int
    at_ms: int
    took_ms: int
    url: str
    status: int | None
    error: str
    answer: str


_SELECT = f"""SELECT {columns(Delivery, "d", account_name="coalesce(a.name, '')")}
    FROM delivery d LEFT JOIN account a ON a.id = d.account_id"""


def read_deliveries(
    connection: Connection, account_id: int | None, state: DeliveryState | None, after: int, limit: int
) -> list[Delivery]:
    """Deliveries with ids above `after`, in order, of the account and in the state (None: any)."""
    where = "d.id > :after" + (f" AND d.state = {state:d}" if state else "")
    params: dict[str, int] = {"after": after, "limit": limit}
    if account_id is not None:
        where += " AND d.account_id = :account_id"
        params["account_id"] = account_id
    return fetch_all(connection, Delivery, f"{_SELECT} WHERE {where} ORDER BY d.id LIMIT :limit", **params)


def read_delivery(connection: Connection, delivery_id: int) -> Delivery | None:
    return fetch_one(connection, Delivery, f"{_SELECT} WHERE d.id = :id", id=delivery_id)


def read_attempts(connection: Connection, delivery_id: int, limit: int) -> list[Attempt]:
    """The delivery's last attempts, in order."""
    sql = f"""SELECT {columns(Attempt)} FROM delivery_attempt
        WHERE delivery_id = :id ORDER BY number DESC LIMIT :limit"""
    return fetch_all(connection, Attempt, sql, id=delivery_id, limit=limit)[::-1]


def record_redelivery(connection: Connection, delivery_id: int, now_ms: int) -> None:
    """Makes an ended delivery wait again, due now, with all its retries; its body is unchanged."""
    connection.execute(
        f"UPDATE delivery SET state = {DeliveryState.WAITING:d}, attempts = 0, due_ms = :now, ended_ms = NULL"
        f" WHERE id = :id AND state <> {DeliveryState.WAITING:d}",
        {"id": delivery_id, "now": now_ms},
    )


def record_retry(connection: Connection, account_id: int, style: str, now_ms: int) -> bool:
    """Makes the listener's first waiting delivery due now, with all its retries. Returns False while one is sent."""
    leased = f"SELECT 1 FROM listener WHERE {OF_LISTENER} AND leased_until_ms > {connection.syntax['now_ms']}"
    key = {"account_id": account_id, "style": style}
    if connection.fetch(leased, key):
        return False
    connection.execute(
        "UPDATE delivery SET attempts = 0, due_ms = :now WHERE id ="
        f" (SELECT id FROM delivery WHERE {_WAITING} ORDER BY id LIMIT 1)",
        {**key, "now": now_ms},
    )
    return True


def read_failed(connection: Connection, wanted: FailedFilter, after: int, limit: int) -> list[FailedDelivery]:
    """Failed deliveries with ids above `after`, in order, and whether their listener is still registered."""
    where, params = wanted.conditions()
    sql = f"""SELECT d.id, d.account_id, d.style, EXISTS (SELECT 1 FROM listener l
            WHERE l.account_id = d.account_id AND l.style = d.style)
        FROM delivery d WHERE d.state = {DeliveryState.FAILED:d} AND d.id > :after{where} ORDER BY d.id LIMIT :limit"""
    return fetch_all(connection, FailedDelivery, sql, **params, after=after, limit=limit)


def record_redeliveries(connection: Connection, ids: Sequence[int], now_ms: int) -> int:
    """Makes those wait again that have failed and have a listener, as `record_redelivery` does. Returns how many."""
    rows = connection.fetch_rows(
        f"UPDATE delivery SET state = {DeliveryState.WAITING:d}, attempts = 0, due_ms = {now_ms:d}, ended_ms = NULL"
        f" WHERE state = {DeliveryState.FAILED:d} AND id IN (SELECT r.id FROM {{rows}} r) AND EXISTS (SELECT 1"
        " FROM listener l WHERE l.account_id = delivery.account_id AND l.style = delivery.style) RETURNING id",
        "id",
        [(one,) for one in ids],
    )
    return len(rows)


def delete_ended_deliveries(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes up to `limit` deliveries that ended before the timestamp, with their attempts. Returns how many."""
    ids = connection.fetch(
        "SELECT id FROM delivery WHERE ended_ms IS NOT NULL AND ended_ms < :before ORDER BY ended_ms LIMIT :limit"
        f" {connection.syntax['skip_locked']}",
        {"before": before_ms, "limit": limit},
    )
    if ids:
        for table, key in (("delivery_attempt", "delivery_id"), ("delivery", "id")):
            sql = f"DELETE FROM {table} WHERE {key} IN (SELECT r.id FROM {{rows}} r) RETURNING {key}"
            connection.fetch_rows(sql, "id", ids)
    return len(ids)
