"""Billing of all accounts: their totals by month, and the export."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from fotapool.console.app.downloads import CSV, attachment
from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.billing import Month, Span
from fotapool.services.billing.all_statements import all_statements_csv, list_all_statements, stream_all_statements

ROWS = 50
MAX_COLUMNS = 24
"""Maximum number of months on the page, the last of the span; the export has all."""
QUANTITIES = {
    "licenses": ("Licenses", "licenses"),
    "pending": ("Pending removals billed", "notice_licenses"),
    "upgrades": ("Upgrades billed", "events"),
}
"""The quantities to choose from: label and attribute of MonthTotals."""


def _span(call: ConsoleCall) -> Span:
    """The span of the query. Raises Invalid."""
    first, last = call.text("from"), call.text("to")
    now_ms = call.context.clock.now_ms()
    return Span.of(Month.parse(first) if first else None, Month.parse(last) if last else None, now_ms)


async def show_billing(call: ConsoleCall) -> Response:
    span, now = _span(call), Month.of(call.context.clock.now_ms())
    label, attribute = call.choice("quantity", QUANTITIES) or QUANTITIES["licenses"]
    accounts = await list_all_statements(call.context, span, call.text("after"), ROWS + 1)
    query = {"from": span.first.text, "to": span.last.text, "quantity": call.text("quantity")}
    months = span.months(span.first, now)[-MAX_COLUMNS:]
    found = Listing.after(accounts, ROWS, call.text("after"), lambda one: one.account)
    cells = [
        (one.account, {totals.month: getattr(totals, attribute) for totals in one.months if totals.month in months})
        for one in found.rows
    ]
    return await call.page(
        "billing/all_statements.html",
        "Billing",
        found=found,
        cells=cells,
        months=months,
        this_month=now,
        query=query,
        quantities=[(name, text) for name, (text, _) in QUANTITIES.items()],
        label=label,
        max_columns=MAX_COLUMNS,
    )


async def send_statements(call: ConsoleCall) -> Response:
    span = _span(call)
    lines = all_statements_csv(stream_all_statements(call.context, span))
    name = f"statements-{span.first.text}-{span.last.text}.csv"
    return StreamingResponse(lines, headers=attachment(name), media_type=CSV)


PAGES = (
    ConsolePage("GET", "/billing", show_billing),
    ConsolePage("GET", "/billing/statements.csv", send_statements),
)
