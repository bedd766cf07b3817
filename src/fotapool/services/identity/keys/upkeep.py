"""What the worker does with keys: it stores their last uses, and deletes replaced ones whose time has ended."""

from __future__ import annotations

from fotapool.services.commands import DirectCommand, delete_in_batches
from fotapool.services.context import Context
from fotapool.store.db.connection import Connection
from fotapool.store.identity.keys import delete_expired_keys, record_key_uses

KEYS_PER_PURGE = 1_000


async def flush_key_uses(context: Context) -> None:
    """Stores the uses that were noted since the last flush."""
    uses = context.key_uses.drain()
    if not uses:
        return

    def record(connection: Connection, _: int) -> None:
        for table, of_table in sorted(uses.items()):
            record_key_uses(connection, table, of_table)

    await context.writer.submit(DirectCommand(record))


async def purge_expired_keys(context: Context) -> int:
    """Deletes replaced keys whose time has ended, in batches; returns how many."""
    return await delete_in_batches(context, delete_expired_keys, context.clock.now_ms(), KEYS_PER_PURGE)
