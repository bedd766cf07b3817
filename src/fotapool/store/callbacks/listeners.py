"""Listeners: where each account wants its callbacks, in which style; and the secrets that sign them.

A style is the word of the API version that the listener registered with; to the store it is only a name. A listener's
row is also the lease of whoever delivers to it: `leased_until_ms` is by the database's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.store.db.connection import Connection

_COLUMNS = "account_id, style, url, username, password, created_ms"
_OF_LISTENER = "account_id = :account_id AND style = :style"
DEREGISTERED = "the listener was deregistered before this was acknowledged"


@dataclass(frozen=True, slots=True)
class Listener:
    """An account's listener; `created_ms` is when it was last registered."""

    account_id: int
    style: str
    url: str
    username: str | None
    password: str | None
    created_ms: int


def read_listeners(connection: Connection, account_id: int) -> list[Listener]:
    """All listeners of the account, at most one a style, by style."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM listener WHERE account_id = :account_id ORDER BY style", {"account_id": account_id}
    )
    return [Listener(*row) for row in rows]


def read_listener(connection: Connection, account_id: int, style: str) -> Listener | None:
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM listener WHERE {_OF_LISTENER}", {"account_id": account_id, "style": style}
    )
    return Listener(*rows[0]) if rows else None


def record_listener(connection: Connection, listener: Listener) -> None:
    """Registers the listener or replaces the one of its style, which keeps its lease and what waits for it."""
    connection.execute(
        f"INSERT INTO listener ({_COLUMNS}, leased_until_ms)"
        " VALUES (:account_id, :style, :url, :username, :password, :now, 0)"
        " ON CONFLICT (account_id, style) DO UPDATE SET url = excluded.url, username = excluded.username,"
        " password = excluded.password, created_ms = excluded.created_ms",
        {
            "account_id": listener.account_id,
            "style": listener.style,
            "url": listener.url,
            "username": listener.username,
            "password": listener.password,
            "now": listener.created_ms,
        },
    )


def delete_listener(connection: Connection, account_id: int, style: str, now_ms: int) -> bool:
    """Deletes the listener and gives up what waits for it; answers whether there was one."""
    params = {"account_id": account_id, "style": style, "now": now_ms, "error": DEREGISTERED}
    found = connection.fetch(f"DELETE FROM listener WHERE {_OF_LISTENER} RETURNING url", params)
    if not found:
        return False
    connection.execute(
        "INSERT INTO delivery_attempt (delivery_id, number, at_ms, took_ms, url, status, error, answer)"
        " SELECT d.id, 1 + coalesce((SELECT max(a.number) FROM delivery_attempt a WHERE a.delivery_id = d.id), 0),"
        f" :now, 0, :url, NULL, :error, '' FROM delivery d WHERE {_OF_LISTENER} AND state = 1",
        {**params, "url": found[0][0]},
    )
    connection.execute(
        "UPDATE delivery SET state = 3, ended_ms = :now, due_ms = NULL"
        " WHERE account_id = :account_id AND style = :style AND state = 1",
        {"account_id": account_id, "style": style, "now": now_ms},
    )
    return True


def read_signing_secret(connection: Connection, account_id: int) -> str | None:
    rows = connection.fetch("SELECT secret FROM signing_secret WHERE account_id = :id", {"id": account_id})
    return rows[0][0] if rows else None


def record_signing_secret(connection: Connection, account_id: int, secret: str, now_ms: int) -> None:
    """Sets the account's secret, or replaces it; what is sent from now on is signed with it."""
    connection.execute(
        "INSERT INTO signing_secret (account_id, secret, created_ms) VALUES (:account_id, :secret, :now)"
        " ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, created_ms = excluded.created_ms",
        {"account_id": account_id, "secret": secret, "now": now_ms},
    )


def delete_signing_secret(connection: Connection, account_id: int) -> bool:
    """Turns signing off; answers whether it was on."""
    rows = connection.fetch(
        "DELETE FROM signing_secret WHERE account_id = :id RETURNING account_id", {"id": account_id}
    )
    return bool(rows)
