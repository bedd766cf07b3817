"""Billing months: calendar months in UTC; when a license under notice ends; which upgrades are charged."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from fotapool.domain.errors import Invalid
from fotapool.domain.names import PurchaseType

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)


def _month_start_ms(year: int, month_index: int) -> int:
    year, month_index = year + month_index // 12, month_index % 12
    return int(datetime(year, month_index + 1, 1, tzinfo=UTC).timestamp()) * 1000


class Month(NamedTuple):
    """A billing month. Months compare in order of time."""

    year: int
    number: int
    """1 to 12."""

    @classmethod
    def parse(cls, text: str) -> Month:
        """Reads YYYY-MM. Raises Invalid."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise Invalid(f"a month is written as in 2026-03, not {text[:40]!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, timestamp_ms: int) -> Month:
        """The month that a moment (ms) lies in."""
        moment = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
        return cls(moment.year, moment.month)

    @property
    def text(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def from_ms(self) -> int:
        """Its first moment (ms)."""
        return _month_start_ms(self.year, self.number - 1)

    @property
    def to_ms(self) -> int:
        """The first moment (ms) after it."""
        return _month_start_ms(self.year, self.number)

    @property
    def before(self) -> Month:
        return Month(self.year, self.number - 1) if self.number > 1 else Month(self.year - 1, 12)


def last_months(first: Month, last: Month, limit: int) -> list[Month]:
    """The months from the first to the last, newest first, at most `limit` of them."""
    months: list[Month] = []
    while first <= last and len(months) < limit:
        months.append(last)
        last = last.before
    return months


def next_billing_month_ms(now_ms: int) -> int:
    """The first moment (ms) of the billing month after the one that `now_ms` lies in."""
    return Month.of(now_ms).to_ms


def notice_end_ms(now_ms: int) -> int:
    """When a license put under notice now is taken: the end of the billing month after this one (rule C4)."""
    now = Month.of(now_ms)
    return _month_start_ms(now.year, now.number + 1)


def is_charged(purchase_type: PurchaseType, licensed: bool) -> bool:
    """Whether an upgrade that completes now is an event to be paid for (rules B1 and B5).

    Event billing must have been bought, and the device hold no license: that one has been paid for by the month.
    """
    return purchase_type is not PurchaseType.MRC and not licensed
