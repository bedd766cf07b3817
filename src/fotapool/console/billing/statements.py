"""Billing statements of an account: totals of all months, and the lines of one month."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.responses import Response, StreamingResponse

from fotapool.console.app.charts import Chart, ChartRow, Series
from fotapool.console.app.downloads import CSV, attachment
from fotapool.console.app.pages import MAX_CURSOR, ConsoleCall, ConsolePage
from fotapool.domain.billing import Month
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.billing import statements
from fotapool.services.billing.statement_export import statement_csv, statement_view
from fotapool.store.billing import MonthTotals

LINES = 100
"""Maximum number of lines of each kind on a page."""
JSON_LINES = 1_000
"""Maximum number of lines of each kind in the JSON document; the CSV file has all."""


def _chart(call: ConsoleCall, months: Sequence[MonthTotals]) -> Chart:
    return Chart(
        name="statements",
        title="Licenses and upgrades by month",
        series=[
            Series("Licenses", "--used"),
            Series("Pending removals billed", "--noticed"),
            Series("Upgrades billed", "--progress"),
        ],
        rows=[ChartRow(one.month.from_ms, (one.licenses, one.notice_licenses, one.events)) for one in reversed(months)],
        csv_path=call.path("statements", "totals.csv"),
        until_ms=months[0].month.to_ms if months else None,
    )


async def show_statements(call: ConsoleCall) -> Response:
    months, now_ms = await statements.list_statements(call.context, call.account.name)
    return await call.page(
        "billing/statements.html",
        "Statements",
        months=months,
        this_month=Month.of(now_ms),
        totals=_chart(call, months),
        max_months=statements.MONTHS_LISTED,
    )


async def send_totals(call: ConsoleCall) -> Response:
    months, _ = await statements.list_statements(call.context, call.account.name)
    return _chart(call, months).csv()


async def _read(
    call: ConsoleCall, limit: int, notice_after: int = BEFORE_ALL, events_after: int = 0
) -> statements.Statement:
    """The statement of the month in the path. Raises NotFound, Invalid."""
    return await statements.read_statement(
        call.context,
        name=call.account.name,
        month=Month.parse(call.request.path_params["month"]),
        notice_after=notice_after,
        events_after=events_after,
        limit=limit,
    )


async def show_statement(call: ConsoleCall) -> Response:
    notice_after = call.text("noticeAfter")
    if notice_after and not is_device_id(notice_after):
        raise Invalid("noticeAfter must be 15 digits")
    after = call.number("after", 0, 0, MAX_CURSOR)
    statement = await _read(call, LINES, int(notice_after) if notice_after else BEFORE_ALL, after)
    return await call.page(
        "billing/statement.html",
        f"Statement {statement.totals.month.text}",
        statement=statement,
        query={"noticeAfter": notice_after, "after": after or ""},
    )


async def send_statement_csv(call: ConsoleCall) -> Response:
    totals = (await _read(call, 1)).totals
    lines = statement_csv(call.context, call.caller(), totals)
    return StreamingResponse(lines, headers=_headers(call, totals.month, "csv"), media_type=CSV)


async def send_statement_json(call: ConsoleCall) -> Response:
    statement = await _read(call, JSON_LINES)
    text = msgspec.json.format(msgspec.json.encode(statement_view(call.account.name, statement)))
    return Response(text, headers=_headers(call, statement.totals.month, "json"), media_type="application/json")


def _headers(call: ConsoleCall, month: Month, extension: str) -> dict[str, str]:
    return attachment(f"statement-{call.account.name}-{month.text}.{extension}")


_PATH = "/accounts/{account}/statements"
PAGES = (
    ConsolePage("GET", _PATH, show_statements),
    ConsolePage("GET", _PATH + "/totals.csv", send_totals),
    ConsolePage("GET", _PATH + "/{month}", show_statement),
    ConsolePage("GET", _PATH + "/{month}/lines.csv", send_statement_csv),
    ConsolePage("GET", _PATH + "/{month}/lines.json", send_statement_json),
)
