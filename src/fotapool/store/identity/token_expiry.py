"""Moves the start of bearer tokens and sessions back, to make them expire."""

from __future__ import annotations

from fotapool.store.db.connection import Connection
from fotapool.store.identity.sessions import record_auth_epoch


def record_bearer_aged(connection: Connection, token_hash: bytes, issued_ms: int) -> None:
    record_auth_epoch(connection)
    connection.update_rows("bearer_token", "token_hash", "issued_ms", [(token_hash, issued_ms)])


def record_session_aged(connection: Connection, token_hash: bytes, last_used_ms: int) -> None:
    record_auth_epoch(connection)
    connection.update_rows("user_session", "token_hash", "last_used_ms", [(token_hash, last_used_ms)])
