"""Secrets that all servers of a database share, made when they are first needed."""

from __future__ import annotations

from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db.connection import Connection
from fotapool.store.identity import server_secrets as store

SECRET_BYTES = 32


async def server_secret(context: Context, name: str) -> bytes:
    """The secret of this name; of two servers that make it at the same moment, one's is kept."""
    found = await context.reader.short(store.read_server_secret, name)
    if found is not None:
        return found
    made = context.random_bytes(SECRET_BYTES)

    def record(connection: Connection, now_ms: int) -> bytes:
        store.record_server_secret(connection, name, made)
        return store.read_server_secret(connection, name) or made

    return await context.writer.submit(DirectCommand(record))
