"""Secrets shared by all servers of a database."""

from __future__ import annotations

from fotapool.store.db.connection import Connection


def read_server_secret(connection: Connection, name: str) -> bytes | None:
    rows = connection.fetch("SELECT secret FROM server_secret WHERE name = :name", {"name": name})
    return bytes(rows[0][0]) if rows else None


def record_server_secret(connection: Connection, name: str, secret: bytes) -> None:
    """Stores the secret unless one of this name exists."""
    connection.insert("server_secret", "name, secret", [(name, secret)], "ON CONFLICT (name) DO NOTHING")
