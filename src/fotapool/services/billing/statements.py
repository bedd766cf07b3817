"""Billing statements of a month, line by line, from records that later changes do not affect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from fotapool.domain.billing import Month, last_months
from fotapool.domain.errors import NotFound
from fotapool.domain.names import PurchaseType
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.accounts.accounts import require_account
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.store.accounts.accounts import Account
from fotapool.store.accounts.scheduled_changes import read_due_change
from fotapool.store.billing import (
    START,
    MonthTotals,
    read_event_place,
    read_events,
    read_first_month,
    read_periods,
    read_retained_under_notice,
    read_totals,
)
from fotapool.store.db.connection import Connection

MONTHS_LISTED = 24
MAX_PERIODS = 1_000
"""Maximum number of subscription periods that a statement lists; its totals include all of them."""
LINES_PER_READ = 1_000
"""Number of lines per query while a whole statement is streamed."""


class Period(NamedTuple):
    """The subscription from one time (ms) to another; `to_ms` is None while its end is unknown."""

    from_ms: int
    to_ms: int | None
    total: int
    purchase_type: PurchaseType


class NoticeLine(NamedTuple):
    """A license under notice since an earlier month: when notice was given, is to end, and ended in the month (ms)."""

    device: int
    given_ms: int
    until_ms: int
    ended_ms: int | None


class EventLine(NamedTuple):
    """A charged upgrade; it has no campaign if an operator completed it."""

    number: int
    device: int
    at_ms: int
    campaign_uuid: str | None
    name: str | None


class Statement(msgspec.Struct, frozen=True):
    """A month's totals and a page of its lines; it does not change any more once it is `complete`."""

    totals: MonthTotals
    complete: bool
    periods: list[Period]
    notice: list[NoticeLine]
    events: list[EventLine]
    more_periods: bool
    more_notice: bool
    more_events: bool


def _check_month(connection: Connection, account: Account, month: Month, now_ms: int) -> None:
    """Raises NotFound for a month in the future, or before the account's records begin."""
    if month > Month.of(now_ms):
        raise NotFound(f"{month.text} has not begun yet")
    first = read_first_month(connection, account.id)
    if first is None or month < first:
        since = f": its records begin in {first.text}" if first else ""
        raise NotFound(f"account {account.name} has no statement for {month.text}{since}")


def _settled_ms(connection: Connection, account_id: int, now_ms: int) -> int:
    """The time (ms) until which no more changes: a scheduled change that is late takes effect when it was due."""
    late = read_due_change(connection, account_id, now_ms)
    return now_ms if late is None else late.due_ms


def _periods(connection: Connection, account_id: int, month: Month, complete: bool) -> list[Period]:
    rows = read_periods(connection, account_id, month, MAX_PERIODS + 1)
    ends_ms = month.to_ms if complete else None
    return [
        Period(max(from_ms, month.from_ms), ends_ms if to_ms is None else to_ms, total, PurchaseType(purchase_type))
        for from_ms, to_ms, total, purchase_type in rows
    ]


def _notice(connection: Connection, account_id: int, month: Month, after: int, limit: int) -> list[NoticeLine]:
    rows = read_retained_under_notice(connection, account_id=account_id, month=month, after=after, limit=limit)
    return [NoticeLine(*row) for row in rows]


def _events(
    connection: Connection, account_id: int, month: Month, after: tuple[int, int], limit: int
) -> list[EventLine]:
    rows = read_events(connection, account_id=account_id, month=month, after=after, limit=limit)
    return [EventLine(*row) for row in rows]


async def read_statement(
    context: Context, name: str, month: Month, notice_after: int, events_after: int, limit: int
) -> Statement:
    """A month's totals with up to `limit` lines of each kind, after the given device and event number (0: first).

    Raises NotFound for an unknown account, month or event.
    """
    limit = min(limit, OPERATOR_PAGE)

    def read(connection: Connection, now_ms: int) -> Statement:
        account = require_account(connection, name)
        _check_month(connection, account, month, now_ms)
        complete = _settled_ms(connection, account.id, now_ms) >= month.to_ms
        place = START
        if events_after:
            found = read_event_place(connection, account.id, month, events_after)
            if found is None:
                raise NotFound(f"{month.text} has no event {events_after}; after is the number of one, or 0")
            place = found
        periods = _periods(connection, account.id, month, complete)
        notice = _notice(connection, account_id=account.id, month=month, after=notice_after, limit=limit + 1)
        events = _events(connection, account_id=account.id, month=month, after=place, limit=limit + 1)
        return Statement(
            totals=read_totals(connection, account.id, [month])[0],
            complete=complete,
            periods=periods[:MAX_PERIODS],
            notice=notice[:limit],
            events=events[:limit],
            more_periods=len(periods) > MAX_PERIODS,
            more_notice=len(notice) > limit,
            more_events=len(events) > limit,
        )

    return await context.reader.long(read, context.clock.now_ms())


async def list_statements(context: Context, name: str) -> tuple[list[MonthTotals], int]:
    """The totals of the last MONTHS_LISTED months, newest first, and the time (ms) until which no more changes.

    Raises NotFound.
    """
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> tuple[list[MonthTotals], int]:
        account = require_account(connection, name)
        first = read_first_month(connection, account.id)
        months = last_months(first, Month.of(now_ms), MONTHS_LISTED) if first else []
        totals = read_totals(connection, account.id, months) if months else []
        return totals, _settled_ms(connection, account.id, now_ms)

    return await context.reader.long(read)


async def stream_notice(context: Context, caller: Caller, month: Month) -> AsyncIterator[list[NoticeLine]]:
    """Every notice line of the month, in batches."""
    after = BEFORE_ALL
    while lines := await context.reader.short(_notice, caller.account_id, month, after, LINES_PER_READ):
        yield lines
        after = lines[-1].device


async def stream_events(context: Context, caller: Caller, month: Month) -> AsyncIterator[list[EventLine]]:
    """Every event line of the month, in batches."""
    after = START
    while lines := await context.reader.short(_events, caller.account_id, month, after, LINES_PER_READ):
        yield lines
        after = (lines[-1].at_ms, lines[-1].number)
