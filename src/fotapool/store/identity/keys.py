"""What all keys have: their last use, and their end. The start key, and whether it was retired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_one

OPERATOR_KEY, DEVICE_KEY, START_KEY = "operator_key", "device_key", "start_key"
"""The tables with keys."""
CONSOLE_SESSION = "console_session"
_HASHES = {CONSOLE_SESSION: "token_hash"}
"""The columns with the hashes that identify rows; in the other tables it is key_hash."""


class StartKey(NamedTuple):
    """The last use of a start key, and when (ms) it was retired; None for never."""

    used_ms: int | None
    retired_ms: int | None


def read_start_key(connection: Connection, key_hash: bytes) -> StartKey:
    sql = "SELECT used_ms, retired_ms FROM start_key WHERE key_hash = :hash"
    return fetch_one(connection, StartKey, sql, hash=key_hash) or StartKey(None, None)


def record_start_key_retired(connection: Connection, key_hash: bytes, now_ms: int) -> None:
    connection.insert(
        "start_key",
        "key_hash, retired_ms",
        [(key_hash, now_ms)],
        "ON CONFLICT (key_hash) DO UPDATE SET retired_ms = excluded.retired_ms",
    )


def record_key_uses(connection: Connection, table: str, uses: Mapping[bytes, int]) -> None:
    """Updates the last uses (ms) of keys or sessions, never to an earlier time. The order prevents deadlocks."""
    if table == START_KEY:
        later = "ON CONFLICT (key_hash) DO UPDATE SET used_ms = excluded.used_ms"  # there is one key
        connection.insert(table, "key_hash, used_ms", sorted(uses.items()), later)
        return
    of_key = _HASHES.get(table, "key_hash")
    for key_hash, used_ms in sorted(uses.items()):
        connection.execute(
            f"UPDATE {table} SET used_ms = :used WHERE {of_key} = :hash AND (used_ms IS NULL OR used_ms < :used)",
            {"hash": key_hash, "used": used_ms},
        )


def delete_expired_keys(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes replaced keys and secrets whose time has ended, up to `limit` of each table; returns how many."""
    deleted = 0
    for table in (OPERATOR_KEY, DEVICE_KEY):
        ended = f"SELECT key_hash FROM {table} WHERE expires_ms <= :before ORDER BY expires_ms LIMIT :limit"
        sql = f"DELETE FROM {table} WHERE key_hash IN ({ended}) RETURNING key_hash"
        deleted += len(connection.fetch(sql, {"before": before_ms, "limit": limit}))
    ended = "SELECT client_key FROM replaced_secret WHERE expires_ms <= :before ORDER BY expires_ms LIMIT :limit"
    sql = f"DELETE FROM replaced_secret WHERE client_key IN ({ended}) RETURNING client_key"
    return deleted + len(connection.fetch(sql, {"before": before_ms, "limit": limit}))
