"""Billing months: calendar months in UTC, and when a license under notice ends."""

from __future__ import annotations

from datetime import UTC, datetime


def _month_start_ms(year: int, month_index: int) -> int:
    year, month_index = year + month_index // 12, month_index % 12
    return int(datetime(year, month_index + 1, 1, tzinfo=UTC).timestamp()) * 1000


def next_billing_month_ms(now_ms: int) -> int:
    """The first moment (ms) of the billing month after the one that `now_ms` lies in."""
    now = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    return _month_start_ms(now.year, now.month)


def notice_end_ms(now_ms: int) -> int:
    """When a license put under notice now is taken: the end of the billing month after this one (rule C4)."""
    now = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    return _month_start_ms(now.year, now.month + 1)
