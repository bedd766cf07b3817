"""Billing statements by month, as JSON a page at a time or as CSV with all lines; of all accounts as one export."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse

from fotapool.domain.billing import DEFAULT_MONTHS, Month, Span
from fotapool.domain.paging import BEFORE_ALL
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.billing import statements
from fotapool.services.billing.all_statements import (
    all_statements_csv,
    all_statements_ndjson,
    stream_all_statements,
)
from fotapool.services.billing.statement_export import (
    MonthView,
    StatementList,
    StatementView,
    statement_csv,
    statement_view,
    totals_view,
)
from fotapool.web.endpoint import JSON, json_response
from fotapool.web.operations import Operation
from fotapool.web.parameters import LIMIT, Parameter, choice_parameter, device_parameter, int_parameter

CSV, NDJSON = "text/csv", "application/x-ndjson"

MONTH = Parameter(
    "month",
    Month.parse,
    schema={"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$", "examples": ["2026-03"]},
    location="path",
)
FORMAT = choice_parameter("format", "json or csv; otherwise the header Accept decides", {"json": JSON, "csv": CSV})
LINES = replace(LIMIT, description="lines of each kind on a page, 1 to 1000; 100 by default; CSV has all lines")
FROM_MONTH = replace(
    MONTH, name="from", location="query", description=f"the first month; {DEFAULT_MONTHS} months up to `to` by default"
)
TO_MONTH = replace(MONTH, name="to", location="query", description="the last month; the current one by default")
EXPORT_FORMAT = replace(
    choice_parameter("format", "csv or ndjson, the default", {"csv": CSV, "ndjson": NDJSON}), default=NDJSON
)
AFTER_EVENT = int_parameter("after", "the last number of the page before, for events", default=0)
AFTER_NOTICE = device_parameter(
    "noticeAfter", "the last deviceId of the page before, for licenses under notice", default=BEFORE_ALL
)


async def list_statements(call: OperatorCall) -> StatementList:
    """List the account's billing statements with their totals, the last 24 months."""
    name = call.account_name
    months, now_ms = await statements.list_statements(call.context, name)
    views = [
        MonthView(one.month.text, now_ms >= one.month.to_ms, one.purchase_type.value, totals_view(one))
        for one in months
    ]
    return StatementList(name, views)


async def read_statement(call: OperatorCall) -> Response:
    """Read the billing statement of a month, as JSON or as CSV (by Accept or format)."""
    month = call.get(MONTH)
    media_type = call.find(FORMAT) or _accepted(call.request.headers.get("accept", "*/*").lower())
    statement = await statements.read_statement(
        call.context,
        name=call.account_name,
        month=month,
        notice_after=call.get(AFTER_NOTICE),
        events_after=call.get(AFTER_EVENT),
        limit=call.get(LINES),
    )
    caller = await call.caller()
    if media_type == CSV:
        name = f'attachment; filename="statement-{caller.account_name}-{month.text}.csv"'
        headers = {"Content-Disposition": name, "Vary": "Accept"}
        return StreamingResponse(statement_csv(call.context, caller, statement.totals), headers=headers, media_type=CSV)
    response = json_response(statement_view(caller.account_name, statement))
    response.headers["Vary"] = "Accept"
    return response


async def export_statements(call: OperatorCall) -> Response:
    """Export the totals of all accounts by month, as NDJSON or CSV.

    A row for each account and month, by name and month. All of them show the state at which the export began.
    """
    media_type = call.get(EXPORT_FORMAT)
    span = Span.of(call.find(FROM_MONTH), call.find(TO_MONTH), call.context.clock.now_ms())
    name = f"statements-{span.first.text}-{span.last.text}.{'csv' if media_type == CSV else 'ndjson'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = all_statements_csv if media_type == CSV else all_statements_ndjson
    return StreamingResponse(lines(stream_all_statements(call.context, span)), headers=headers, media_type=media_type)


def _accepted(accept: str) -> str:
    """The media type by the header Accept: JSON unless CSV is preferred."""
    return CSV if _quality(accept, CSV) > _quality(accept, JSON) else JSON


def _quality(accept: str, media_type: str) -> float:
    """The weight of the type in the header, 0 to 1; the most specific range counts (RFC 9110, 12.5.1)."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            ranges[name] = float(weight)
        except ValueError:
            ranges[name] = 0.0
    names = (media_type, media_type.split("/")[0] + "/*", "*/*")
    return next((ranges[name] for name in names if name in ranges), 0.0)


OPERATIONS = (
    Operation(
        "GET",
        "/statements/export",
        export_statements,
        status=200,
        parameters=(FROM_MONTH, TO_MONTH, EXPORT_FORMAT),
        produces={NDJSON: "A StatementRow a line", CSV: "A row a line, with a header"},
    ),
    Operation("GET", "/accounts/{name}/statements", list_statements),
    Operation(
        "GET",
        "/accounts/{name}/statements/{month}",
        read_statement,
        parameters=(FORMAT, AFTER_EVENT, AFTER_NOTICE, LINES),
        answers=StatementView,
        produces={CSV: "All lines, with a header"},
    ),
)
