"""Who is signed in: sessions of the console, sessions of API users, and bearer tokens of API clients."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_all, fetch_values
from fotapool.store.identity.sessions import record_auth_epoch


class SignIn(NamedTuple):
    """One sign-in: who, when it began, its last use (None: unknown), the address that it came from, empty if unknown.

    `order_ms` is where it stands in the list. Times in ms.
    """

    token_hash: bytes
    name: str
    began_ms: int
    used_ms: int | None
    address: str
    order_ms: int


class SignInTable(msgspec.Struct, frozen=True):
    """A table of sign-ins: its columns, and the condition of those that are valid, in which :since is a time (ms)."""

    table: str
    name: str
    columns: str
    order: str
    valid: str
    end: str


CONSOLE_SESSIONS = SignInTable(
    table="console_session",
    name="operator",
    columns="token_hash, operator, created_ms, used_ms, address, created_ms",
    order="created_ms",
    valid="expires_ms > :since",
    end="DELETE FROM console_session",
)
USER_SESSIONS = SignInTable(
    table="user_session",
    name="username",
    columns="token_hash, username, created_ms, last_used_ms, address, last_used_ms",
    order="last_used_ms",
    valid="last_used_ms > :since",
    end="DELETE FROM user_session",
)
BEARER_TOKENS = SignInTable(
    table="bearer_token",
    name="client_key",
    columns="token_hash, client_key, issued_ms, NULL, address, issued_ms",
    order="issued_ms",
    valid="issued_ms > :since AND revoked = 0",
    end="UPDATE bearer_token SET revoked = 1",
)


def read_sign_ins(
    connection: Connection, kind: SignInTable, name: str, since_ms: int, after: tuple[int, bytes] | None, limit: int
) -> list[SignIn]:
    """Valid sign-ins of the person or program (empty: of all), the latest first, after a place of the list."""
    where = [kind.valid]
    params: dict[str, object] = {"since": since_ms, "limit": limit}
    if name:
        where.append(f"{kind.name} = :name")
        params["name"] = name
    if after is not None:
        where.append(f"({kind.order}, token_hash) < (:after_ms, :after_hash)")
        params |= {"after_ms": after[0], "after_hash": after[1]}
    sql = f"SELECT {kind.columns} FROM {kind.table} WHERE {' AND '.join(where)}"
    rows = fetch_all(connection, SignIn, f"{sql} ORDER BY {kind.order} DESC, token_hash DESC LIMIT :limit", **params)
    return [row._replace(token_hash=bytes(row.token_hash)) for row in rows]


def read_names(connection: Connection, kind: SignInTable, first: bytes, last: bytes, since_ms: int) -> list[str]:
    """Who has the valid sign-ins whose hashes are in the range."""
    sql = f"SELECT {kind.name} FROM {kind.table} WHERE token_hash BETWEEN :first AND :last AND {kind.valid}"
    return fetch_values(connection, sql, first=first, last=last, since=since_ms)


def record_ended(connection: Connection, kind: SignInTable, first: bytes, last: bytes) -> None:
    """Ends the sign-ins whose hashes are in the range."""
    record_auth_epoch(connection)
    connection.execute(f"{kind.end} WHERE token_hash BETWEEN :first AND :last", {"first": first, "last": last})


def record_all_ended(connection: Connection, kind: SignInTable, name: str, since_ms: int) -> int:
    """Ends all valid sign-ins of the person or program; returns how many."""
    record_auth_epoch(connection)
    sql = f"{kind.end} WHERE {kind.name} = :name AND {kind.valid} RETURNING token_hash"
    return len(connection.fetch(sql, {"name": name, "since": since_ms}))
