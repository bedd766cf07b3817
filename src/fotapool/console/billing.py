"""Billing statements of an account: the months with their totals, and one month line by line."""

from __future__ import annotations

import msgspec
from starlette.responses import Response, StreamingResponse

from fotapool.console.app.charts import Chart, ChartRow, Series
from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.domain.billing import Month
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.billing import statements
from fotapool.services.billing.statement_export import statement_csv, statement_view
from fotapool.store.accounts.accounts import Account
from fotapool.store.billing import MonthTotals

LINES = 100
"""How many lines of each kind a page shows."""
JSON_LINES = 1_000
"""How many lines of each kind the JSON document holds; the CSV file holds all."""
MAX_EVENT = 2**62


def _chart(account: Account, months: list[MonthTotals]) -> Chart:
    series = [
        Series("Licenses", "--used"),
        Series("Kept under notice", "--noticed"),
        Series("Charged upgrades", "--progress"),
    ]
    rows = [ChartRow(one.month.from_ms, (one.licenses, one.notice_licenses, one.events)) for one in reversed(months)]
    path = account_path(account.name, "statements", "totals.csv")
    return Chart(name="statements", title="What the months come to", series=series, rows=rows, csv_path=path)


async def show_statements(call: ConsoleCall) -> Response:
    account = await call.account()
    months, now_ms = await statements.list_statements(call.context, account.name)
    return await call.page(
        "billing/statements.html",
        "Statements",
        account=account,
        months=months,
        this_month=Month.of(now_ms),
        totals=_chart(account, months),
        listed=statements.MONTHS_LISTED,
    )


async def send_totals(call: ConsoleCall) -> Response:
    account = await call.account()
    months, _ = await statements.list_statements(call.context, account.name)
    return _chart(account, months).csv()


def _notice_after(call: ConsoleCall) -> int:
    text = call.text("noticeAfter")
    if text and not is_device_id(text):
        raise Invalid("noticeAfter must be 15 digits")
    return int(text) if text else BEFORE_ALL


async def show_statement(call: ConsoleCall) -> Response:
    account = await call.account()
    month = Month.parse(call.request.path_params["month"])
    after = call.number("after", 0, 0, MAX_EVENT)
    statement = await statements.read_statement(
        call.context, name=account.name, month=month, notice_after=_notice_after(call), events_after=after, limit=LINES
    )
    query = {"noticeAfter": call.text("noticeAfter"), "after": after or ""}
    return await call.page(
        "billing/statement.html",
        f"Statement for {month.text}",
        account=account,
        statement=statement,
        month=month,
        query=query,
        here=account_path(account.name, "statements", month.text),
    )


async def send_statement_csv(call: ConsoleCall) -> Response:
    account = await call.account()
    month = Month.parse(call.request.path_params["month"])
    statement = await statements.read_statement(
        call.context, name=account.name, month=month, notice_after=BEFORE_ALL, events_after=0, limit=1
    )
    lines = statement_csv(call.context, call.caller(account), statement.totals)
    return StreamingResponse(lines, headers=_download(account, month, "csv"), media_type="text/csv; charset=utf-8")


async def send_statement_json(call: ConsoleCall) -> Response:
    account = await call.account()
    month = Month.parse(call.request.path_params["month"])
    statement = await statements.read_statement(
        call.context, name=account.name, month=month, notice_after=BEFORE_ALL, events_after=0, limit=JSON_LINES
    )
    text = msgspec.json.format(msgspec.json.encode(statement_view(account.name, statement)))
    return Response(text, headers=_download(account, month, "json"), media_type="application/json")


def _download(account: Account, month: Month, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="statement-{account.name}-{month.text}.{ending}"'}


_PATH = "/accounts/{account}/statements"
PAGES = (
    ConsolePage("GET", _PATH, show_statements),
    ConsolePage("GET", _PATH + "/totals.csv", send_totals),
    ConsolePage("GET", _PATH + "/{month}", show_statement),
    ConsolePage("GET", _PATH + "/{month}/lines.csv", send_statement_csv),
    ConsolePage("GET", _PATH + "/{month}/lines.json", send_statement_json),
)
