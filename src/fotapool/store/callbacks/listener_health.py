"""How deliveries to listeners go: the last attempt, since when they fail, what waits, and counts by the hour.

Written with the results of each batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.core.timestamps import HOUR_MS
from fotapool.domain.callbacks import FAILING_AFTER_MS, DeliveryState, ListenerStatus
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.store.callbacks.deliveries import Attempt
from fotapool.store.callbacks.listeners import IS_CALLED, Listener
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, fetch_all, fetch_int, field_names

MAX_COUNTED = 10_000
"""Waiting deliveries are counted up to here."""


class Ended(NamedTuple):
    """The result of a delivery: `due_ms` is its next attempt, or `ended_ms` its end."""

    delivery_id: int
    state: DeliveryState
    tried: int
    due_ms: int | None
    ended_ms: int | None


class ListenerHealth(NamedTuple):
    """A listener of an account, its last attempt, and what waits for it. Times in ms; None where nothing happened.

    `failing_ms` is the first failed attempt since the last success, `given_up` counts the deliveries since then that
    have used all attempts. `head`: the first waiting delivery, with its attempts and the time of the next one.
    """

    account_id: int
    account_name: str
    style: str
    url: str
    created_ms: int
    last_ms: int | None
    took_ms: int | None
    status: int | None
    error: str | None
    answer: str | None
    delivered_ms: int | None
    failing_ms: int | None
    given_up: int
    waiting: int
    head: int | None
    head_attempts: int | None
    oldest_ms: int | None
    next_ms: int | None


class DeliveryHour(NamedTuple):
    """What was delivered in an hour (its start in ms): `at_first` at the first attempt; `took_ms` of all attempts."""

    at_ms: int
    delivered: int
    at_first: int
    attempts_failed: int
    given_up: int
    took_ms: int

    @property
    def attempts(self) -> int:
        return self.delivered + self.attempts_failed


_WAITING = f"w.account_id = l.account_id AND w.style = l.style AND w.state = {DeliveryState.WAITING:d}"
_HEALTH = columns(
    ListenerHealth,
    "h",
    account_id="l.account_id",
    account_name="a.name",
    style="l.style",
    url="l.url",
    created_ms="l.created_ms",
    given_up="coalesce(h.given_up, 0)",
    waiting=f"(SELECT count(*) FROM (SELECT 1 FROM delivery w WHERE {_WAITING} LIMIT {MAX_COUNTED + 1}) c)",
    head="d.id",
    head_attempts="d.attempts",
    oldest_ms="d.created_ms",
    next_ms="d.due_ms",
)
_HEAD = f"LEFT JOIN delivery d ON d.id = (SELECT w.id FROM delivery w WHERE {_WAITING} ORDER BY w.id LIMIT 1)"
_OF_HEALTH = "LEFT JOIN listener_health h ON h.account_id = l.account_id AND h.style = l.style"
_CALLED = f"l.{IS_CALLED}"
_IS_FAILING = f"(h.given_up > 0 OR h.failing_ms <= :now - {FAILING_AFTER_MS})"
_WITH_STATUS = {
    None: "1 = 1",
    ListenerStatus.DELIVERING: "h.failing_ms IS NULL",
    ListenerStatus.RETRYING: f"h.failing_ms IS NOT NULL AND NOT {_IS_FAILING}",
    ListenerStatus.FAILING: f"h.failing_ms IS NOT NULL AND {_IS_FAILING}",
}


def record_health(
    connection: Connection, listener: Listener, attempts: Sequence[Attempt], ended: Sequence[Ended], now_ms: int
) -> None:
    """Records how a batch went: the last of its attempts is the only one that may have failed."""
    last = attempts[-1]
    delivered = [one for one in ended if one.state is DeliveryState.DELIVERED]
    given_up = sum(one.state is DeliveryState.FAILED for one in ended)
    failed = len(attempts) - len(delivered)
    anew = f"CASE WHEN {len(delivered)} > 0 OR excluded.failing_ms IS NULL THEN"
    connection.insert(
        "listener_health",
        "account_id, style, last_ms, took_ms, status, error, answer, delivered_ms, failing_ms, given_up",
        [
            (
                listener.account_id,
                listener.style,
                last.at_ms,
                last.took_ms,
                last.status,
                last.error,
                last.answer,
                now_ms if delivered else None,
                last.at_ms if failed else None,
                given_up,
            )
        ],
        "ON CONFLICT (account_id, style) DO UPDATE SET last_ms = excluded.last_ms, took_ms = excluded.took_ms,"
        " status = excluded.status, error = excluded.error, answer = excluded.answer,"
        " delivered_ms = coalesce(excluded.delivered_ms, listener_health.delivered_ms),"
        f" failing_ms = {anew} excluded.failing_ms ELSE coalesce(listener_health.failing_ms, excluded.failing_ms) END,"
        f" given_up = {anew} 0 ELSE listener_health.given_up END + excluded.given_up",
    )
    counts = {
        "delivered": len(delivered),
        "at_first": sum(one.tried == 1 for one in delivered),
        "attempts_failed": failed,
        "given_up": given_up,
        "took_ms": sum(one.took_ms for one in attempts),
    }
    connection.insert(
        "delivery_hour",
        f"at_ms, account_id, style, {', '.join(counts)}",
        [(now_ms - now_ms % HOUR_MS, listener.account_id, listener.style, *counts.values())],
        "ON CONFLICT (at_ms, account_id, style) DO UPDATE SET "
        + ", ".join(f"{name} = delivery_hour.{name} + excluded.{name}" for name in counts),
    )


def read_listener_page(
    connection: Connection,
    status: ListenerStatus | None,
    account_id: int | None,
    after: tuple[str, str],
    now_ms: int,
    limit: int,
) -> list[ListenerHealth]:
    """Listeners that are called, by account name and style, after the given ones; of one account or of all."""
    of_account = "" if account_id is None else " AND a.id = :account_id"
    sql = f"""SELECT {_HEALTH} FROM account a CROSS JOIN listener l {_OF_HEALTH} {_HEAD}
        WHERE l.account_id = a.id AND {_CALLED} AND (a.name > :name OR (a.name = :name AND l.style > :style))
        {of_account} AND {_WITH_STATUS[status]} ORDER BY a.name, l.style LIMIT :limit"""
    params = {"name": after[0], "style": after[1], "now": now_ms, "limit": limit, "account_id": account_id}
    return fetch_all(connection, ListenerHealth, sql, **_used(sql, params))


def read_listeners_in_trouble(connection: Connection, limit: int) -> list[ListenerHealth]:
    """Listeners whose last attempt failed, those that have failed for longest first."""
    sql = f"""SELECT {_HEALTH} FROM listener_health h CROSS JOIN listener l CROSS JOIN account a {_HEAD}
        WHERE h.failing_ms IS NOT NULL AND l.account_id = h.account_id AND l.style = h.style AND a.id = h.account_id
        ORDER BY h.failing_ms LIMIT :limit"""
    return fetch_all(connection, ListenerHealth, sql, limit=limit)


def count_listeners(connection: Connection) -> tuple[int, int]:
    """The number of listeners of accounts that are called, and of their accounts."""
    of_accounts = f"l.account_id <> {ALL_ACCOUNTS}"  # the other listeners are targets of alerts
    sql = f"SELECT count(*), count(DISTINCT l.account_id) FROM listener l WHERE {_CALLED} AND {of_accounts}"
    listeners, accounts = connection.fetch(sql)[0]
    return int(listeners), int(accounts)


def count_waiting(connection: Connection) -> int:
    """The number of waiting deliveries, up to MAX_COUNTED + 1."""
    sql = f"""SELECT count(*) FROM
        (SELECT 1 FROM delivery WHERE state = {DeliveryState.WAITING:d} LIMIT {MAX_COUNTED + 1}) c"""
    return fetch_int(connection, sql) or 0


def read_oldest_waiting(connection: Connection) -> int | None:
    """The time (ms) of the oldest delivery that waits at the head of a listener's queue, or None."""
    return fetch_int(connection, "SELECT min(created_ms) FROM delivery WHERE due_ms IS NOT NULL")


_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in field_names(DeliveryHour)[1:])


def read_delivery_hours(
    connection: Connection, from_ms: int, listener: tuple[int, str] | None = None
) -> list[DeliveryHour]:
    """The hours that begin at `from_ms` or later and have attempts, in order: of a listener, or of all."""
    where = "" if listener is None else " AND account_id = :account_id AND style = :style"
    sql = f"SELECT at_ms, {_SUMS} FROM delivery_hour WHERE at_ms >= :from_ms{where} GROUP BY at_ms ORDER BY at_ms"
    params: dict[str, object] = {"from_ms": from_ms}
    if listener is not None:
        params |= {"account_id": listener[0], "style": listener[1]}
    return fetch_all(connection, DeliveryHour, sql, **params)


def delete_delivery_hours(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes up to `limit` counts of hours before the timestamp. Returns how many."""
    key = "at_ms, account_id, style"
    sql = f"""DELETE FROM delivery_hour WHERE ({key}) IN
        (SELECT {key} FROM delivery_hour WHERE at_ms < :before ORDER BY {key} LIMIT :limit) RETURNING at_ms"""
    return len(connection.fetch(sql, {"before": before_ms, "limit": limit}))


def _used(sql: str, params: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in params.items() if f":{name}" in sql}
