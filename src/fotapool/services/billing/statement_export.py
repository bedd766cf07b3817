"""Billing statements as JSON, one page at a time, and as CSV with all lines."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from fotapool.core.csv_export import csv_lines
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.names import format_device_id
from fotapool.services.billing import statements
from fotapool.services.billing.statements import EventLine, NoticeLine, Statement
from fotapool.services.context import Caller, Context
from fotapool.store.billing import MonthTotals

COLUMNS = ("account", "month", "kind", "deviceId", "from", "to", "quantity", "campaignId", "name")


class StatementTotals(msgspec.Struct):
    """What is billed: monthly licenses, licenses under notice for a further month, charged upgrades."""

    licenses: int
    noticeLicenses: int
    events: int


class PeriodView(msgspec.Struct):
    """A period of the subscription; `to` is null while it is in force and the month has not passed."""

    from_: str = msgspec.field(name="from")
    to: str | None
    licenseCount: int
    purchaseType: str


class NoticeView(msgspec.Struct):
    """A license under notice; `endedAt` is null if it was not taken within the month."""

    deviceId: str
    givenAt: str
    until: str
    endedAt: str | None


class EventView(msgspec.Struct):
    """A charged upgrade; campaign and name are null if an operator completed it."""

    number: int
    deviceId: str
    at: str
    campaignId: str | None
    name: str | None


class StatementView(msgspec.Struct):
    """`licenses` is the month's maximum of subscribed licenses; `complete` is true once the month has passed."""

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
    """The totals of one month."""

    month: str
    complete: bool
    purchaseType: str
    totals: StatementTotals


class StatementList(msgspec.Struct):
    """The last 24 months, newest first."""

    account: str
    statements: list[MonthView]


def totals_view(totals: MonthTotals) -> StatementTotals:
    """The totals as JSON."""
    return StatementTotals(totals.licenses, totals.notice_licenses, totals.events)


def statement_view(account: str, statement: Statement) -> StatementView:
    """A page of the statement's lines."""
    totals = statement.totals
    periods = [
        PeriodView(
            from_=format_timestamp(one.from_ms),
            to=None if one.to_ms is None else format_timestamp(one.to_ms),
            licenseCount=one.total,
            purchaseType=one.purchase_type.value,
        )
        for one in statement.periods
    ]
    return StatementView(
        account=account,
        month=totals.month.text,
        from_=format_timestamp(totals.month.from_ms),
        to=format_timestamp(totals.month.to_ms),
        complete=statement.complete,
        purchaseType=totals.purchase_type.value,
        licenses=totals.licenses,
        periods=periods,
        notice=[_notice_view(line) for line in statement.notice],
        events=[_event_view(line) for line in statement.events],
        totals=totals_view(totals),
        hasMorePeriods=statement.more_periods,
        hasMoreNotice=statement.more_notice,
        hasMoreEvents=statement.more_events,
    )


def _notice_view(line: NoticeLine) -> NoticeView:
    return NoticeView(
        deviceId=format_device_id(line.device),
        givenAt=format_timestamp(line.given_ms),
        until=format_timestamp(line.until_ms),
        endedAt=None if line.ended_ms is None else format_timestamp(line.ended_ms),
    )


def _event_view(line: EventLine) -> EventView:
    return EventView(
        number=line.number,
        deviceId=format_device_id(line.device),
        at=format_timestamp(line.at_ms),
        campaignId=line.campaign_uuid,
        name=line.name,
    )


async def statement_csv(context: Context, caller: Caller, totals: MonthTotals) -> AsyncIterator[bytes]:
    """One CSV line per billed item; the quantities of each kind add up to the totals."""
    month = totals.month
    of = (caller.account_name, month.text)
    first, last = format_timestamp(month.from_ms), format_timestamp(month.to_ms)
    yield csv_lines([COLUMNS, (*of, "license", "", first, last, totals.licenses, "", totals.purchase_type.value)])
    async for notice in statements.stream_notice(context, caller, month):
        views = [_notice_view(line) for line in notice]
        yield csv_lines((*of, "notice", view.deviceId, first, view.endedAt or last, 1, "", "") for view in views)
    async for events in statements.stream_events(context, caller, month):
        yield csv_lines(
            (*of, "event", view.deviceId, view.at, view.at, 1, view.campaignId or "", view.name or "")
            for view in map(_event_view, events)
        )
