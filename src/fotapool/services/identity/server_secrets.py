"""Secrets that all servers of one database share, generated on first use."""

from __future__ import annotations

from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db.connection import Connection
from fotapool.store.identity import server_secrets as store

SECRET_BYTES = 32


async def server_secret(context: Context, name: str) -> bytes:
    """The secret of this name. If two servers generate it at the same time, both return the one stored first."""
    found = await context.reader.short(store.read_server_secret, name)
    if found is not None:
        return found
    generated = context.random_bytes(SECRET_BYTES)

    def record(connection: Connection, now_ms: int) -> bytes:
        store.record_server_secret(connection, name, generated)
        return store.read_server_secret(connection, name) or generated

    return await context.writer.submit(DirectCommand(record))
