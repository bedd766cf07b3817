"""The audit log: what operators changed and were refused, with filters and an export."""

from __future__ import annotations

import json

from starlette.responses import Response, StreamingResponse

from fotapool.console.app.downloads import CSV, attachment
from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.services.audit_log.entries import MAX_EXPORTED, SCAN_LIMIT, list_entries, stream_entries
from fotapool.services.audit_log.export import OUTCOMES, audit_log_csv
from fotapool.store.audit_log import AuditFilter

ROWS = 50
FIELDS = ("operator", "action", "account", "target", "request", "outcome", "since", "until")
VIA_LABELS = {"operator-api": "API", "console": "console", "command": "command", "server": "server"}


def _filter(call: ConsoleCall) -> AuditFilter:
    """The filter of the query. Raises Invalid that names the field."""
    since_ms, until_ms = call.period()
    return AuditFilter(
        operator=call.text("operator"),
        action=call.text("action"),
        account=call.text("account"),
        target=call.text("target"),
        request_id=call.text("request"),
        refused=call.choice("outcome", OUTCOMES),
        since_ms=since_ms,
        until_ms=until_ms,
    )


async def show_audit_log(call: ConsoleCall) -> Response:
    rows, next_cursor = await list_entries(call.context, _filter(call), call.cursor(), ROWS)
    found = Listing(
        rows,
        cursor=call.cursor(),
        next_cursor=next_cursor,
        query={name: call.text(name) for name in FIELDS},
        searched=SCAN_LIMIT,
    )
    return await call.page(
        "audit_log/audit_log.html",
        "Audit log",
        found=found,
        outcomes=[(word, word) for word in OUTCOMES],
        via_labels=VIA_LABELS,
        members_of=members_of,
        retention_days=call.context.settings.audit_log_retention_days,
        max_exported=MAX_EXPORTED,
    )


def members_of(before_json: str | None, after_json: str | None) -> list[tuple[str, str, str]]:
    """The changed members: name, value before and value after; empty where there is none."""
    before, after = (json.loads(text) if text else {} for text in (before_json, after_json))
    return [(name, _shown(before, name), _shown(after, name)) for name in {**before, **after}]


def _shown(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def send_audit_log(call: ConsoleCall) -> Response:
    batches = stream_entries(call.context, _filter(call))
    return StreamingResponse(audit_log_csv(batches), headers=attachment("audit-log.csv"), media_type=CSV)


PAGES = (
    ConsolePage("GET", "/audit-log", show_audit_log),
    ConsolePage("GET", "/audit-log/entries.csv", send_audit_log),
)
