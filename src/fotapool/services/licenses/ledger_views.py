"""The ledger for operators: the latest entries or changes, filtered, in pages or as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec.structs import replace

from fotapool.services.context import Caller, Context
from fotapool.store.licenses import ledger_views as store
from fotapool.store.licenses.ledger_views import ChangeRow, EntryRow, LedgerFilter

SCAN_LIMIT = 10_000
"""Maximum number of entries that one page scans for those that match the filter."""
ROWS_PER_READ = 1_000
MAX_EXPORTED = 100_000
"""Maximum number of entries of an export, the newest ones."""
MAX_EXPORT_SCAN = 2_000_000
"""Maximum number of entries that an export scans."""


async def list_latest_entries(
    context: Context, caller: Caller, wanted: LedgerFilter, before: int | None, limit: int
) -> tuple[list[EntryRow], int | None]:
    """Ledger entries of the account, newest first, and the number before which the next page begins (None: the end).

    A page scans SCAN_LIMIT entries at most, so a short or empty page need not be the last.
    """
    return await context.reader.short(
        store.read_latest_entries, caller.account_id, wanted, before or store.LAST, SCAN_LIMIT, limit
    )


async def find_latest_entries(
    context: Context, caller: Caller, wanted: LedgerFilter, before: int | None, limit: int
) -> list[EntryRow]:
    """Up to `limit` entries that match, newest first; fewer only at the end of the ledger."""
    if wanted.request_id:
        times = await context.reader.short(store.read_request_times, caller.account_id, wanted.request_id)
        if times is None:
            return []
        since_ms, until_ms = max(wanted.since_ms or 0, times[0]), min(wanted.until_ms or store.LAST, times[1] + 1)
        wanted = replace(wanted, since_ms=since_ms, until_ms=until_ms)
    found: list[EntryRow] = []
    following: int | None = before or store.LAST
    while following is not None and len(found) < limit:
        rows, following = await list_latest_entries(context, caller, wanted, before=following, limit=limit - len(found))
        found += rows
    return found


async def list_latest_changes(
    context: Context, caller: Caller, wanted: LedgerFilter, before: int | None, limit: int
) -> tuple[list[ChangeRow], int | None]:
    """Changes that the entries are part of, including changes without entries; paged like `list_latest_entries`."""
    return await context.reader.short(
        store.read_latest_changes, caller.account_id, wanted, before or store.LAST, SCAN_LIMIT, limit
    )


async def stream_entries(context: Context, caller: Caller, wanted: LedgerFilter) -> AsyncIterator[list[EntryRow]]:
    """The newest MAX_EXPORTED entries that match, in batches."""
    before: int | None = store.LAST
    exported = scanned = 0
    while before is not None and exported < MAX_EXPORTED and scanned < MAX_EXPORT_SCAN:
        limit = min(ROWS_PER_READ, MAX_EXPORTED - exported)
        rows, before = await context.reader.short(
            store.read_latest_entries, caller.account_id, wanted, before, SCAN_LIMIT, limit
        )
        exported += len(rows)
        scanned += SCAN_LIMIT
        yield rows
