"""The totals of all accounts over a span of months: page by page, and as an export that is streamed.

An export shows the state of one time, since every total is computed from timestamps up to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import msgspec

from fotapool.core.csv_export import csv_lines
from fotapool.domain.billing import Month, Span
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.accounts.accounts import read_accounts
from fotapool.store.billing import MonthTotals, read_first_months, read_totals_until
from fotapool.store.db.connection import Connection

MONTHS_PER_READ = 1_000
"""Number of months of accounts per query while an export is streamed; one account may have more."""


class AccountStatements(NamedTuple):
    """The totals of an account by month, oldest first; those that are over by `at_ms` are complete."""

    account: str
    months: list[MonthTotals]
    at_ms: int

    @property
    def rows(self) -> Iterable[StatementRow]:
        """A row for each month."""
        for one in self.months:
            yield StatementRow(
                account=self.account,
                month=one.month.text,
                complete=self.at_ms >= one.month.to_ms,
                purchaseType=one.purchase_type.value,
                licenses=one.licenses,
                noticeLicenses=one.notice_licenses,
                events=one.events,
            )


class StatementRow(msgspec.Struct):
    """What an account has to pay for in a month; `complete` is true once the month has passed."""

    account: str
    month: str
    complete: bool
    purchaseType: str
    licenses: int
    noticeLicenses: int
    events: int


def _read(connection: Connection, span: Span, after: str, limit: int, at_ms: int) -> list[AccountStatements]:
    """The statements of up to `limit` accounts by name, after the given one."""
    accounts = read_accounts(connection, after, limit)
    first, now = read_first_months(connection, [one.id for one in accounts], at_ms + 1), Month.of(at_ms)
    wanted = [(account_id, month) for account_id, since in first.items() for month in span.months(since, now)]
    found: dict[int, list[MonthTotals]] = {account.id: [] for account in accounts}
    for account_id, totals in read_totals_until(connection, wanted, at_ms + 1) if wanted else []:
        found[account_id].append(totals)
    return [AccountStatements(account.name, found[account.id][::-1], at_ms) for account in accounts]


async def list_all_statements(context: Context, span: Span, after: str, limit: int) -> list[AccountStatements]:
    """The statements of accounts by name, after the given one; without months for one that began later."""
    limit = min(limit, OPERATOR_PAGE + 1)
    return await context.reader.long(_read, span, after, limit, context.clock.now_ms())


async def stream_all_statements(context: Context, span: Span) -> AsyncIterator[list[AccountStatements]]:
    """The statements of all accounts by name, in batches; all as they were when the stream began."""
    at_ms = context.clock.now_ms()
    months = len(span.months(span.first, Month.of(at_ms)))
    limit, after = max(1, MONTHS_PER_READ // max(1, months)), ""
    while batch := await context.reader.long(_read, span, after, limit, at_ms):
        yield batch
        after = batch[-1].account


async def all_statements_csv(batches: AsyncIterator[list[AccountStatements]]) -> AsyncIterator[bytes]:
    """A CSV line for each account and month, with a header."""
    yield csv_lines([StatementRow.__struct_fields__])
    async for batch in batches:
        if rows := [_cells(row) for one in batch for row in one.rows]:
            yield csv_lines(rows)


def _cells(row: StatementRow) -> list[object]:
    return [*{**msgspec.structs.asdict(row), "complete": "true" if row.complete else "false"}.values()]


async def all_statements_ndjson(batches: AsyncIterator[list[AccountStatements]]) -> AsyncIterator[bytes]:
    """A JSON object for each account and month, one a line."""
    async for batch in batches:
        yield b"".join(msgspec.json.encode(row) + b"\n" for one in batch for row in one.rows)
