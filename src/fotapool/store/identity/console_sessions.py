"""Sessions of the console. Their tokens are stored as hashes; times are real time."""

from __future__ import annotations

import msgspec

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, fetch_one, row_of


class ConsoleSession(msgspec.Struct, frozen=True):
    """A session of an operator; `key_digest` is of the key that the operator had then."""

    token_hash: bytes
    operator: str
    key_digest: bytes
    expires_ms: int
    created_ms: int
    used_ms: int | None
    address: str


_session = converting(ConsoleSession, token_hash=bytes, key_digest=bytes)


def read_console_session(connection: Connection, token_hash: bytes) -> ConsoleSession | None:
    sql = f"SELECT {columns(ConsoleSession)} FROM console_session WHERE token_hash = :hash"
    return fetch_one(connection, _session, sql, hash=token_hash)


def record_console_session(connection: Connection, session: ConsoleSession, now_ms: int) -> None:
    """Adds the session, and deletes those that have expired."""
    connection.execute("DELETE FROM console_session WHERE expires_ms <= :now", {"now": now_ms})
    connection.insert("console_session", columns(ConsoleSession), [row_of(ConsoleSession)(session)])


def record_console_session_ended(connection: Connection, token_hash: bytes) -> None:
    connection.execute("DELETE FROM console_session WHERE token_hash = :hash", {"hash": token_hash})


def record_sessions_of_operator_ended(connection: Connection, operator: str, kept: bytes = b"") -> None:
    """Ends the operator's sessions, without those that began with the key of this digest."""
    sql = "DELETE FROM console_session WHERE operator = :operator AND key_digest <> :kept"
    connection.execute(sql, {"operator": operator, "kept": kept})
