"""The ledger as people look at it: the latest entries or changes, filtered, page by page or all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fotapool.services.context import Caller, Context
from fotapool.store.licenses import ledger_views as store
from fotapool.store.licenses.ledger_views import ChangeRow, EntryRow, LedgerFilter

LOOKED = 10_000
"""Through how many entries one page looks for those that are wanted."""
ROWS_A_READ = 1_000
MAX_EXPORTED = 100_000
"""How many entries an export has at most, the newest ones."""
MAX_LOOKED_FOR_EXPORT = 2_000_000
"""Through how many entries an export looks at most."""


async def list_latest_entries(
    context: Context, caller: Caller, wanted: LedgerFilter, before: int | None, limit: int
) -> tuple[list[EntryRow], int | None]:
    """Entries of the account's ledger, newest first, and the number before which to go on (None: no more).

    A page may be short, or empty, and there are more all the same: it looks through LOOKED at most.
    """
    return await context.reader.short(
        store.read_latest_entries, caller.account_id, wanted, before or store.LAST, LOOKED, limit
    )


async def list_latest_changes(
    context: Context, caller: Caller, wanted: LedgerFilter, before: int | None, limit: int
) -> tuple[list[ChangeRow], int | None]:
    """The same for the changes that entries are part of, those too that touched no license."""
    return await context.reader.short(
        store.read_latest_changes, caller.account_id, wanted, before or store.LAST, LOOKED, limit
    )


async def stream_entries(context: Context, caller: Caller, wanted: LedgerFilter) -> AsyncIterator[list[EntryRow]]:
    """The newest MAX_EXPORTED entries, in batches."""
    before: int | None = store.LAST
    exported = looked = 0
    while before is not None and exported < MAX_EXPORTED and looked < MAX_LOOKED_FOR_EXPORT:
        limit = min(ROWS_A_READ, MAX_EXPORTED - exported)
        rows, before = await context.reader.short(
            store.read_latest_entries, caller.account_id, wanted, before, LOOKED, limit
        )
        exported += len(rows)
        looked += LOOKED
        yield rows
