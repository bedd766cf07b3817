"""Billing statements by month, as JSON a page at a time or as CSV with all lines."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec
from starlette.responses import Response, StreamingResponse

from fotapool.control.requests import MAX_CURSOR, ControlCall, ControlOperation, answer
from fotapool.domain.billing import Month
from fotapool.domain.errors import Invalid
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.http import time_text
from fotapool.store.statements import MonthTotals
from fotapool.usecases import statements
from fotapool.usecases.context import Caller
from fotapool.usecases.statements import EventLine, NoticeLine, Statement

JSON, CSV = "application/json", "text/csv"
FORMATS = {"json": JSON, "csv": CSV}
COLUMNS = ("kind", "deviceId", "from", "to", "quantity", "campaignId", "name")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run as a formula (OWASP, CSV Injection)."""


class StatementTotals(msgspec.Struct):
    """What is billed: monthly licenses, licenses kept under notice one month more each, charged upgrades."""

    licenses: int
    noticeLicenses: int
    events: int


class PeriodView(msgspec.Struct):
    """`to` is null while the subscription is in force and the month has not passed."""

    from_: str = msgspec.field(name="from")
    to: str | None
    licenseCount: int
    purchaseType: str


class NoticeView(msgspec.Struct):
    """`endedAt` is null if the license went when the month had passed, or has not gone yet."""

    deviceId: str
    givenAt: str
    until: str
    endedAt: str | None


class EventView(msgspec.Struct):
    """A charged upgrade; without campaign and name if the operator completed it."""

    number: int
    deviceId: str
    at: str
    campaignId: str | None
    name: str | None


class StatementView(msgspec.Struct):
    """`licenses` is the most that the subscription had at any moment of the month; `complete` once that has passed."""

    account: str
    month: str
    from_: str = msgspec.field(name="from")
    to: str
    complete: bool
    purchaseType: str
    licenses: int
    periods: list[PeriodView]
    notice: list[NoticeView]
    events: list[EventView]
    totals: StatementTotals
    hasMorePeriods: bool
    hasMoreNotice: bool
    hasMoreEvents: bool


class MonthView(msgspec.Struct):
    month: str
    complete: bool
    purchaseType: str
    totals: StatementTotals


class StatementList(msgspec.Struct):
    """The last 24 months, newest first."""

    account: str
    statements: list[MonthView]


def _totals(totals: MonthTotals) -> StatementTotals:
    return StatementTotals(totals.licenses, totals.notice_licenses, totals.events)


async def list_statements(call: ControlCall) -> Response:
    name = call.request.path_params["name"]
    months, now_ms = await statements.list_statements(call.context, name)
    views = [
        MonthView(one.month.text, now_ms >= one.month.to_ms, one.purchase_type.value, _totals(one)) for one in months
    ]
    return answer(StatementList(name, views))


async def read_statement(call: ControlCall) -> Response:
    month = Month.parse(call.request.path_params["month"])
    wanted = _format(call)
    limit = call.limit()
    statement = await statements.read_statement(
        call.context, call.request.path_params["name"], month, _notice_after(call),
        call.number("after", 0, 0, MAX_CURSOR), limit,
    )  # fmt: skip
    caller = await call.caller()
    if wanted == CSV:
        name = f'attachment; filename="statement-{caller.account_name}-{month.text}.csv"'
        headers = {"Content-Disposition": name, "Vary": "Accept"}
        return StreamingResponse(_csv(call, caller, statement.totals), headers=headers, media_type=CSV)
    response = answer(_view(caller.account_name, statement))
    response.headers["Vary"] = "Accept"
    return response


def _format(call: ControlCall) -> str:
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


def _notice_after(call: ControlCall) -> int:
    text = call.request.query_params.get("noticeAfter")
    if text is None:
        return BEFORE_ALL
    if not is_device_id(text):
        raise Invalid("noticeAfter must be 15 digits")
    return int(text)


def _view(account: str, statement: Statement) -> StatementView:
    totals = statement.totals
    periods = [
        PeriodView(
            from_=time_text(one.from_ms), to=None if one.to_ms is None else time_text(one.to_ms),
            licenseCount=one.total, purchaseType=one.purchase_type.value,
        )
        for one in statement.periods
    ]  # fmt: skip
    return StatementView(
        account=account, month=totals.month.text,
        from_=time_text(totals.month.from_ms), to=time_text(totals.month.to_ms), complete=statement.complete,
        purchaseType=totals.purchase_type.value, licenses=totals.licenses, periods=periods,
        notice=[_notice_view(line) for line in statement.notice],
        events=[_event_view(line) for line in statement.events], totals=_totals(totals),
        hasMorePeriods=statement.more_periods, hasMoreNotice=statement.more_notice, hasMoreEvents=statement.more_events,
    )  # fmt: skip


def _notice_view(line: NoticeLine) -> NoticeView:
    ended_at = None if line.ended_ms is None else time_text(line.ended_ms)
    return NoticeView(format_device_id(line.device), time_text(line.given_ms), time_text(line.until_ms), ended_at)


def _event_view(line: EventLine) -> EventView:
    return EventView(line.number, format_device_id(line.device), time_text(line.at_ms), line.campaign_uuid, line.name)


async def _csv(call: ControlCall, caller: Caller, totals: MonthTotals) -> AsyncIterator[bytes]:
    """A line for whatever is billed: the quantities of each kind add up to the totals."""
    month = totals.month
    first, last = time_text(month.from_ms), time_text(month.to_ms)
    yield _rows([COLUMNS, ("license", "", first, last, totals.licenses, "", totals.purchase_type.value)])
    async for notice in statements.stream_notice(call.context, caller, month):
        views = [_notice_view(line) for line in notice]
        yield _rows(("notice", view.deviceId, first, view.endedAt or last, 1, "", "") for view in views)
    async for events in statements.stream_events(call.context, caller, month):
        yield _rows(
            ("event", view.deviceId, view.at, view.at, 1, view.campaignId or "", view.name or "")
            for view in map(_event_view, events)
        )


def _rows(rows: Iterable[Sequence[str | int]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _harmless(value: str | int) -> str | int:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


OPERATIONS = (
    ControlOperation(
        "list_statements", "GET", "/accounts/{name}/statements", list_statements,
        "List the account's billing statements with their totals, the last 24 months", StatementList,
    ),
    ControlOperation(
        "read_statement", "GET", "/accounts/{name}/statements/{month}", read_statement,
        "Read the billing statement of a month, as JSON or as CSV (by Accept or format)", StatementView,
        produces=(JSON, CSV),
        query=(
            ("format", "json or csv; otherwise the header Accept decides"),
            ("after", "the last number of the page before, for events"),
            ("noticeAfter", "the last deviceId of the page before, for licenses under notice"),
            ("limit", "lines of each kind on a page, 1 to 1000; 100 by default; CSV has all lines"),
        ),
    ),
)  # fmt: skip
