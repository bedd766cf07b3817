"""Makes bearer tokens and sessions older than they are."""

from __future__ import annotations

from fotapool.store.db.connection import Connection
from fotapool.store.identity.sessions import record_auth_epoch


def record_bearer_aged(connection: Connection, token_hash: bytes, issued_ms: int) -> None:
    record_auth_epoch(connection)
    connection.execute(
        "UPDATE bearer_token SET issued_ms = :issued WHERE token_hash = :hash",
        {"hash": token_hash, "issued": issued_ms},
    )


def record_session_aged(connection: Connection, token_hash: bytes, last_used_ms: int) -> None:
    record_auth_epoch(connection)
    connection.execute(
        "UPDATE user_session SET last_used_ms = :used WHERE token_hash = :hash",
        {"hash": token_hash, "used": last_used_ms},
    )
