"""Entries of the audit log as JSON, NDJSON and CSV."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec

from fotapool.core.csv_export import csv_lines
from fotapool.core.timestamps import format_timestamp
from fotapool.services.audit_log.drafts import Via
from fotapool.store.audit_log import AuditRow

OUTCOMES = {"done": False, "refused": True}
"""The outcomes of attempts, and whether they were refused."""
ViaText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [via.value for via in Via]})]
OutcomeText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(OUTCOMES)})]


class AuditEntryView(msgspec.Struct):
    """What an operator did, or was refused. `before` and `after` have the changed members; secrets are `***`.

    Of refused attempts, one entry counts those of a minute with the same operator, address, action and status. Its
    `requestId`, `target` and `reason` are those of the first one, at `time`; `lastTime` is the time of the last one.
    """

    id: int
    time: str
    operator: str
    role: str
    via: ViaText
    address: str
    requestId: str
    action: str
    account: str
    targetKind: str
    target: str
    outcome: OutcomeText
    status: int | None
    reason: str
    attempts: int
    lastTime: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def audit_entry_view(row: AuditRow) -> AuditEntryView:
    """The entry as the operator API returns it."""
    entry = row.entry
    return AuditEntryView(
        id=row.id,
        time=format_timestamp(entry.at_ms),
        operator=entry.operator,
        role=entry.role,
        via=entry.via,
        address=entry.address,
        requestId=entry.request_id,
        action=entry.action,
        account=entry.account,
        targetKind=entry.target_kind,
        target=entry.target,
        outcome="done" if entry.status is None else "refused",
        status=entry.status,
        reason=entry.reason,
        attempts=entry.attempts,
        lastTime=format_timestamp(entry.last_ms),
        before=_object(entry.before_json),
        after=_object(entry.after_json),
    )


def _object(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else json.loads(text)
    return found


async def audit_log_csv(batches: AsyncIterator[list[AuditRow]]) -> AsyncIterator[bytes]:
    """The entries as CSV with a header; `before` and `after` as JSON."""
    yield csv_lines([AuditEntryView.__struct_fields__])
    async for rows in batches:
        yield csv_lines(_cells(row) for row in rows)


def _cells(row: AuditRow) -> list[object]:
    values = msgspec.structs.asdict(audit_entry_view(row))
    return [*{**values, "before": row.entry.before_json, "after": row.entry.after_json}.values()]


async def audit_log_ndjson(batches: AsyncIterator[list[AuditRow]]) -> AsyncIterator[bytes]:
    """The entries as one JSON object a line."""
    async for rows in batches:
        yield b"".join(msgspec.json.encode(audit_entry_view(row)) + b"\n" for row in rows)
