"""Billing months (calendar months in UTC), the end of license notices, and which upgrades are charged."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from fotapool.core.timestamps import date_ms, date_of
from fotapool.domain.errors import Invalid
from fotapool.domain.names import PurchaseType

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)


def _month_start_ms(year: int, month_index: int) -> int:
    return date_ms(date(year + month_index // 12, month_index % 12 + 1, 1))


class Month(NamedTuple):
    """A billing month. Months compare chronologically."""

    year: int
    number: int
    """1 to 12."""

    @classmethod
    def parse(cls, text: str) -> Month:
        """Parses YYYY-MM. Raises Invalid."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise Invalid(f"a month is written as in 2026-03, not {text[:40]!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, timestamp_ms: int) -> Month:
        """The month that contains the timestamp (ms)."""
        day = date_of(timestamp_ms)
        return cls(day.year, day.month)

    @property
    def text(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def from_ms(self) -> int:
        """Start of the month (ms), inclusive."""
        return _month_start_ms(self.year, self.number - 1)

    @property
    def to_ms(self) -> int:
        """End of the month (ms), exclusive."""
        return _month_start_ms(self.year, self.number)

    @property
    def before(self) -> Month:
        return Month(self.year, self.number - 1) if self.number > 1 else Month(self.year - 1, 12)


def last_months(first: Month, last: Month, limit: int) -> list[Month]:
    """The months from `first` to `last`, newest first, at most `limit`."""
    months: list[Month] = []
    while first <= last and len(months) < limit:
        months.append(last)
        last = last.before
    return months


DEFAULT_MONTHS = 12
"""Number of months of an export that names none."""


class Span(NamedTuple):
    """The months from `first` to `last`, both included."""

    first: Month
    last: Month

    @classmethod
    def of(cls, first: Month | None, last: Month | None, now_ms: int) -> Span:
        """The months from `first` to `last`: by default the current month, and DEFAULT_MONTHS - 1 before `last`.

        Raises Invalid.
        """
        last = last or Month.of(now_ms)
        if first is None:
            first = last
            for _ in range(DEFAULT_MONTHS - 1):
                first = first.before
        if first > last:
            raise Invalid(f"the span of months ends before it begins: from {first.text} to {last.text}")
        return cls(first, last)

    def months(self, since: Month, now: Month) -> list[Month]:
        """The months of the span from `since` to `now`, oldest first."""
        return last_months(max(self.first, since), min(self.last, now), MAX_MONTHS)[::-1]


MAX_MONTHS = 12_000
"""Maximum number of months that one account can have in a span."""


def next_billing_month_ms(now_ms: int) -> int:
    """Start (ms) of the billing month after the current one."""
    return Month.of(now_ms).to_ms


def notice_end_ms(now_ms: int) -> int:
    """When a notice given now ends (ms): at the end of the billing month after the current one (rule C4)."""
    now = Month.of(now_ms)
    return _month_start_ms(now.year, now.number + 1)


def is_charged(purchase_type: PurchaseType, licensed: bool) -> bool:
    """Whether an upgrade that completes now is a billable event (rules B1 and B5).

    It is if the account has event billing and the device holds no license, which is paid monthly.
    """
    return purchase_type is not PurchaseType.MRC and not licensed
