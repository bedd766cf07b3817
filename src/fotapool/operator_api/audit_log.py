"""The audit log: pages with filters, and an export as CSV or NDJSON."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse

from fotapool.operator_api.calls import OperatorCall
from fotapool.services.audit_log.entries import list_entries, stream_entries
from fotapool.services.audit_log.export import (
    OUTCOMES,
    AuditEntryView,
    audit_entry_view,
    audit_log_csv,
    audit_log_ndjson,
)
from fotapool.store.audit_log import AuditFilter
from fotapool.web.operations import Operation
from fotapool.web.parameters import (
    LIMIT,
    account_parameter,
    choice_parameter,
    int_parameter,
    text_parameter,
    time_parameter,
)

CSV, NDJSON = "text/csv", "application/x-ndjson"


class AuditLogPage(msgspec.Struct):
    """Entries, newest first. `next` is `before` of the next page, or null; a page before it may be short or empty."""

    entries: list[AuditEntryView]
    hasMoreData: bool
    next: int | None


OPERATOR = text_parameter("operator", "only what this operator did", default="")
ACTION = text_parameter("action", "only this action, as createUser", default="")
OF_ACCOUNT = account_parameter("account", "only what concerns this account")
TARGET = text_parameter("target", "only what concerns this device, user, campaign or other thing", default="")
REQUEST = text_parameter("requestId", "only what this request did", default="")
OUTCOME = choice_parameter("outcome", "done or refused", OUTCOMES)
SINCE = time_parameter("since", "from this time on")
UNTIL = time_parameter("until", "before this time")
BEFORE = int_parameter("before", "`next` of the page before")
FORMAT = replace(
    choice_parameter("format", "csv or ndjson, the default", {"csv": CSV, "ndjson": NDJSON}), default=NDJSON
)
_FILTERS = (OPERATOR, ACTION, OF_ACCOUNT, TARGET, REQUEST, OUTCOME, SINCE, UNTIL)


def _filter(call: OperatorCall) -> AuditFilter:
    since_ms, until_ms = call.period(SINCE, UNTIL)
    return AuditFilter(
        operator=call.get(OPERATOR),
        action=call.get(ACTION),
        account=call.find(OF_ACCOUNT) or "",
        target=call.get(TARGET),
        request_id=call.get(REQUEST),
        refused=call.find(OUTCOME),
        since_ms=since_ms,
        until_ms=until_ms,
    )


async def list_audit_log(call: OperatorCall) -> AuditLogPage:
    """List what operators changed and were refused, newest first."""
    rows, following = await list_entries(call.context, _filter(call), call.find(BEFORE), call.get(LIMIT))
    return AuditLogPage([audit_entry_view(row) for row in rows], following is not None, following)


async def export_audit_log(call: OperatorCall) -> Response:
    """Export the audit log, newest first: all entries that match, as NDJSON or CSV."""
    wanted, media_type = _filter(call), call.get(FORMAT)
    name = f"audit-log.{'csv' if media_type == CSV else 'ndjson'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = audit_log_csv if media_type == CSV else audit_log_ndjson
    return StreamingResponse(lines(stream_entries(call.context, wanted)), headers=headers, media_type=media_type)


OPERATIONS = (
    Operation("GET", "/audit-log", list_audit_log, parameters=(*_FILTERS, BEFORE, LIMIT)),
    Operation(
        "GET",
        "/audit-log/export",
        export_audit_log,
        status=200,
        parameters=(*_FILTERS, FORMAT),
        produces={NDJSON: "An AuditEntryView a line", CSV: "An entry a line, with a header"},
    ),
)
