"""Alerts as operators see and acknowledge them, and the signing of their webhooks."""

from __future__ import annotations

from fotapool.domain.accounts.alerts.rules import MAX_NOTE
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.services.commands import DirectCommand
from fotapool.services.context import LAST_ID, OPERATOR_PAGE, Context
from fotapool.store.accounts.alerts import alerts as store
from fotapool.store.accounts.alerts.alerts import Alert, AlertFilter
from fotapool.store.db.connection import Connection

SCAN_LIMIT = 5_000
"""Maximum number of alerts that one page examines for those that match."""


async def list_alerts(
    context: Context, wanted: AlertFilter, before: int | None, limit: int
) -> tuple[list[Alert], int | None]:
    """Alerts, newest first, and the id before which the next page begins (None: the end).

    A page examines SCAN_LIMIT alerts at most, so a short or empty page need not be the last.
    """
    first = LAST_ID if before is None else before
    return await context.reader.short(store.read_latest_alerts, wanted, first, SCAN_LIMIT, min(limit, OPERATOR_PAGE))


async def read_alert(context: Context, alert_id: int) -> Alert:
    """The alert. Raises NotFound."""
    return await context.reader.short(_existing, alert_id)


async def acknowledge_alert(context: Context, alert_id: int, operator: str, note: str) -> Alert:
    """Notes that the operator deals with the open alert. A further one replaces the note, unless its own is empty.

    Raises NotFound, Invalid for a note over MAX_NOTE characters, and Conflict if the alert has ended.
    """
    context.audit.about("alert", str(alert_id))
    if len(note) > MAX_NOTE or "\x00" in note:
        raise Invalid(f"note must be at most {MAX_NOTE} characters")

    def change(connection: Connection, now_ms: int) -> Alert:
        alert = _existing(connection, alert_id)
        context.audit.about("alert", str(alert_id), alert.account_name)
        if alert.ended_ms is not None:
            raise Conflict(f"alert {alert_id} has ended")
        kept = note or alert.note
        store.record_acknowledged(connection, alert_id, operator=operator, note=kept, now_ms=now_ms)
        before = {"acknowledgedBy": alert.acknowledged_by, "note": alert.note}
        context.audit.record(connection, now_ms, before, {"acknowledgedBy": operator, "note": kept})
        return _existing(connection, alert_id)

    return await context.writer.submit(DirectCommand(change))


def _existing(connection: Connection, alert_id: int) -> Alert:
    found = store.read_alert(connection, alert_id)
    if found is None:
        raise NotFound(f"alert {alert_id} does not exist")
    return found
