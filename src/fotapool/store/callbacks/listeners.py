"""Listeners: the callback URLs of each account, one for each version of the API, and signing secrets.

`style` is the version that the listener registered with, or begins with OF_SERVICE: such a registration is kept, and no
event is recorded for it. The listener's row is also the lease of the server that sends
to it: `leased_until_ms` is by the database's clock.
"""

from __future__ import annotations

from typing import NamedTuple

from fotapool.domain.callbacks import OF_SERVICE, DeliveryState
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, exists, fetch_all, fetch_one, fetch_text, fetch_value, field_names

DEREGISTERED = "the listener was deregistered before this was acknowledged"


class Listener(NamedTuple):
    """An account's listener, last registered at `created_ms`."""

    account_id: int
    style: str
    url: str
    username: str | None
    password: str | None
    created_ms: int


LISTENER_COLUMNS = columns(Listener)
OF_LISTENER = "account_id = :account_id AND style = :style"
IS_CALLED = f"style NOT LIKE '{OF_SERVICE}%'"
IS_WAITING = f"state = {DeliveryState.WAITING:d}"
"""The condition of the partial index of waiting deliveries, literally, so that SQLite uses it."""


def read_listeners(connection: Connection, account_id: int) -> list[Listener]:
    """The account's listeners, by style."""
    sql = f"SELECT {LISTENER_COLUMNS} FROM listener WHERE account_id = :account_id ORDER BY style"
    return fetch_all(connection, Listener, sql, account_id=account_id)


def read_called_listeners(connection: Connection, account_id: int) -> list[Listener]:
    """The account's listeners to which events are sent, by style."""
    sql = f"SELECT {LISTENER_COLUMNS} FROM listener WHERE account_id = :account_id AND {IS_CALLED} ORDER BY style"
    return fetch_all(connection, Listener, sql, account_id=account_id)


def read_listener(connection: Connection, account_id: int, style: str) -> Listener | None:
    sql = f"SELECT {LISTENER_COLUMNS} FROM listener WHERE {OF_LISTENER}"
    return fetch_one(connection, Listener, sql, account_id=account_id, style=style)


def record_listener(connection: Connection, listener: Listener) -> None:
    """Registers the listener, or replaces the one of its style without changing its lease and waiting deliveries."""
    connection.execute(  # how deliveries to another URL went says nothing of this one
        f"DELETE FROM listener_health WHERE {OF_LISTENER} AND NOT EXISTS (SELECT 1 FROM listener l"
        " WHERE l.account_id = :account_id AND l.style = :style AND l.url = :url)",
        {"account_id": listener.account_id, "style": listener.style, "url": listener.url},
    )
    values = ", ".join(f":{name}" for name in field_names(Listener))
    connection.execute(
        f"INSERT INTO listener ({LISTENER_COLUMNS}, leased_until_ms) VALUES ({values}, 0)"
        " ON CONFLICT (account_id, style) DO UPDATE SET url = excluded.url, username = excluded.username,"
        " password = excluded.password, created_ms = excluded.created_ms",
        listener._asdict(),
    )


def delete_listener(connection: Connection, account_id: int, style: str, now_ms: int) -> bool:
    """Deletes the listener; its waiting deliveries fail. Returns whether it existed."""
    key = {"account_id": account_id, "style": style}
    url = fetch_value(connection, f"DELETE FROM listener WHERE {OF_LISTENER} RETURNING url", **key)
    if url is None:
        return False
    connection.execute(f"DELETE FROM listener_health WHERE {OF_LISTENER}", key)
    connection.execute(
        "INSERT INTO delivery_attempt (delivery_id, number, at_ms, took_ms, url, status, error, answer)"
        " SELECT d.id, 1 + coalesce((SELECT max(a.number) FROM delivery_attempt a WHERE a.delivery_id = d.id), 0),"
        f" :now, 0, :url, NULL, :error, '' FROM delivery d WHERE {OF_LISTENER} AND {IS_WAITING}",
        {**key, "now": now_ms, "url": url, "error": DEREGISTERED},
    )
    connection.execute(
        f"UPDATE delivery SET state = {DeliveryState.FAILED:d}, ended_ms = :now, due_ms = NULL"
        f" WHERE {OF_LISTENER} AND {IS_WAITING}",
        {**key, "now": now_ms},
    )
    return True


def read_signing_secret(connection: Connection, account_id: int) -> str | None:
    sql = "SELECT secret FROM signing_secret WHERE account_id = :id"
    return fetch_text(connection, sql, id=account_id)


def record_signing_secret(connection: Connection, account_id: int, secret: str, now_ms: int) -> None:
    """Sets or replaces the account's secret, which signs all callbacks from now on."""
    connection.insert(
        "signing_secret",
        "account_id, secret, created_ms",
        [(account_id, secret, now_ms)],
        "ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, created_ms = excluded.created_ms",
    )


def delete_signing_secret(connection: Connection, account_id: int) -> bool:
    """Disables signing. Returns whether it was enabled."""
    return exists(connection, "DELETE FROM signing_secret WHERE account_id = :id RETURNING account_id", id=account_id)
