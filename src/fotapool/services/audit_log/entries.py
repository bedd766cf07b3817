"""Entries of the audit log: what an operation leaves when it ends, refused attempts, reading and deleting."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import RequestRejected
from fotapool.services.audit_log.drafts import AuditDraft, Via
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store import audit_log as store
from fotapool.store.audit_log import AuditFilter, AuditRow
from fotapool.store.db.connection import Connection, StoreUnavailable

log = Log(__name__)

SCAN_LIMIT = 5_000
"""Maximum number of entries that one page examines for those that match all conditions of the filter."""
ROWS_PER_READ = 1_000
MAX_EXPORTED = 1_000_000
"""Maximum number of entries of an export, the newest ones."""
MAX_EXPORT_READS = 10_000
SIGN_IN = "signIn"


async def finish(context: Context, draft: AuditDraft, status: int) -> None:
    """Records what the service did not: a refusal by its HTTP status, or a change that is not one of the database.

    Never raises: the operation has its answer already.
    """
    status = draft.refused_status or status
    if draft.is_recorded or status >= 500:
        return
    is_refused = status >= 400
    if not draft.changes and not (is_refused and status == 403):
        return

    def record(connection: Connection, now_ms: int) -> None:
        if is_refused:
            store.record_refused_attempt(connection, draft.entry(now_ms, status))
        else:
            draft.record(connection, now_ms)

    try:
        await context.writer.submit(DirectCommand(record))
        draft.committed()
    except (StoreUnavailable, RequestRejected) as error:
        log.write(
            LogEvent.AUDIT_LOG_ENTRY_LOST, action=draft.action, operator=draft.operator, status=status, reason=error
        )


def count_wrong_key(
    context: Context, via: Via, address: str, request_id: str, reason: str = "no operator has this key"
) -> None:
    """Counts an attempt to sign in that was refused; written at the next tick of the worker."""
    draft = AuditDraft(
        operator="",
        role="",
        via=via,
        address=address,
        request_id=request_id,
        action=SIGN_IN,
        reason=reason,
    )
    context.wrong_keys.add(draft.entry(context.clock.now_ms(), 401))


async def flush_wrong_keys(context: Context) -> None:
    """Writes the counted attempts. If that fails, they are counted again."""
    counted = context.wrong_keys.drain()
    if not counted:
        return

    def record(connection: Connection, now_ms: int) -> None:
        for entry in counted:
            store.record_refused_attempt(connection, entry)

    try:
        await context.writer.submit(DirectCommand(record, devices=len(counted)))
    except BaseException:
        for entry in counted:
            context.wrong_keys.add(entry)
        raise


async def list_entries(
    context: Context, wanted: AuditFilter, before: int | None, limit: int
) -> tuple[list[AuditRow], int | None]:
    """Entries, newest first, and the id of the entry before which the next page begins (None: the end).

    A page examines SCAN_LIMIT entries at most, so a short or empty page need not be the last.
    """
    return await context.reader.short(store.read_latest_audit_entries, wanted, before, SCAN_LIMIT, limit)


async def stream_entries(context: Context, wanted: AuditFilter) -> AsyncIterator[list[AuditRow]]:
    """The newest MAX_EXPORTED entries that match, newest first, in batches."""
    before: int | None = None
    exported = 0
    for _ in range(MAX_EXPORT_READS):
        limit = min(ROWS_PER_READ, MAX_EXPORTED - exported)
        rows, before = await list_entries(context, wanted, before, limit)
        exported += len(rows)
        yield rows
        if before is None or exported >= MAX_EXPORTED:
            return
