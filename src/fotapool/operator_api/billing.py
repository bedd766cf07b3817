"""Billing statements by month, as JSON a page at a time or as CSV with all lines."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from fotapool.domain.billing import Month
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.operator_api.requests import MAX_CURSOR, OperatorCall, OperatorOperation, answer
from fotapool.services.billing import statements
from fotapool.services.billing.statement_export import (
    MonthView,
    StatementList,
    StatementView,
    statement_csv,
    statement_view,
    totals_view,
)

JSON, CSV = "application/json", "text/csv"
FORMATS = {"json": JSON, "csv": CSV}


async def list_statements(call: OperatorCall) -> Response:
    name = call.request.path_params["name"]
    months, now_ms = await statements.list_statements(call.context, name)
    views = [
        MonthView(one.month.text, now_ms >= one.month.to_ms, one.purchase_type.value, totals_view(one))
        for one in months
    ]
    return answer(StatementList(name, views))


async def read_statement(call: OperatorCall) -> Response:
    month = Month.parse(call.request.path_params["month"])
    wanted = _format(call)
    limit = call.limit()
    statement = await statements.read_statement(
        call.context,
        name=call.request.path_params["name"],
        month=month,
        notice_after=_notice_after(call),
        events_after=call.number("after", 0, 0, MAX_CURSOR),
        limit=limit,
    )
    caller = await call.caller()
    if wanted == CSV:
        name = f'attachment; filename="statement-{caller.account_name}-{month.text}.csv"'
        headers = {"Content-Disposition": name, "Vary": "Accept"}
        return StreamingResponse(statement_csv(call.context, caller, statement.totals), headers=headers, media_type=CSV)
    response = answer(statement_view(caller.account_name, statement))
    response.headers["Vary"] = "Accept"
    return response


def _format(call: OperatorCall) -> str:
    """By `?format=`, or else by the header Accept; JSON unless CSV is preferred. Raises Invalid."""
    given = call.request.query_params.get("format")
    if given is not None:
        if given not in FORMATS:
            raise Invalid("format must be json or csv")
        return FORMATS[given]
    accepted = call.request.headers.get("accept", "*/*").lower()
    return CSV if _quality(accepted, CSV) > _quality(accepted, JSON) else JSON


def _quality(accepted: str, media_type: str) -> float:
    """How much the header wants the type, 0 to 1; the range that names it most closely says so (RFC 9110, 12.5.1)."""
    ranges: dict[str, float] = {}
    for part in accepted.split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        try:
            ranges[name] = float(weight)
        except ValueError:
            ranges[name] = 0.0
    names = (media_type, media_type.split("/")[0] + "/*", "*/*")
    return next((ranges[name] for name in names if name in ranges), 0.0)


def _notice_after(call: OperatorCall) -> int:
    text = call.request.query_params.get("noticeAfter")
    if text is None:
        return BEFORE_ALL
    if not is_device_id(text):
        raise Invalid("noticeAfter must be 15 digits")
    return int(text)


OPERATIONS = (
    OperatorOperation(
        name="list_statements",
        method="GET",
        path="/accounts/{name}/statements",
        handle=list_statements,
        summary="List the account's billing statements with their totals, the last 24 months",
        response=StatementList,
    ),
    OperatorOperation(
        name="read_statement",
        method="GET",
        path="/accounts/{name}/statements/{month}",
        handle=read_statement,
        summary="Read the billing statement of a month, as JSON or as CSV (by Accept or format)",
        response=StatementView,
        produces=(JSON, CSV),
        query=(
            ("format", "json or csv; otherwise the header Accept decides"),
            ("after", "the last number of the page before, for events"),
            ("noticeAfter", "the last deviceId of the page before, for licenses under notice"),
            ("limit", "lines of each kind on a page, 1 to 1000; 100 by default; CSV has all lines"),
        ),
    ),
)
