"""Labels for the use of an account's licenses."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.console.app.rendering import about
from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import FAR_DAYS, Trend
from fotapool.domain.accounts.usage import SOON_DAYS, UsageStatus
from fotapool.domain.names import AccountStatus
from fotapool.services.accounts.pool_history import AccountUsage


class UsageLabel(NamedTuple):
    """A word and its tone, one of the macro `badge`."""

    word: str
    tone: str = ""
    icon: str = ""


UNKNOWN = UsageLabel("\N{EN DASH}")
_STATUS = {
    UsageStatus.OVER_LIMIT: UsageLabel("Over limit", "warn"),
    UsageStatus.FULL: UsageLabel("Full", "bad"),
    UsageStatus.NEARLY_FULL: UsageLabel("Nearly full", "warn"),
    UsageStatus.NORMAL: UsageLabel("Active", "good"),
}


_INACTIVE = {
    AccountStatus.SUSPENDED: UsageLabel("Suspended", "", "circle-pause"),
    AccountStatus.CLOSED: UsageLabel("Closed", "", "ban"),
}


def status_label(usage: AccountUsage) -> UsageLabel:
    """The status of an account, with that of its licenses."""
    return _INACTIVE.get(usage.account.status) or _STATUS[usage.status]


def runs_out_label(usage: AccountUsage, now_ms: int) -> UsageLabel:
    """When the licenses run out."""
    expected = usage.forecast
    if usage.account.total == 0:
        return UNKNOWN
    match expected.trend:
        case Trend.EXHAUSTED:
            return UsageLabel("Now", "bad")
        case Trend.UNKNOWN:
            return UNKNOWN
        case Trend.NO_GROWTH:
            return UsageLabel("No growth")
        case Trend.FAR:
            return UsageLabel(f"> {FAR_DAYS // 365} years")
    left_ms = (expected.runs_out_ms or now_ms) - now_ms
    return UsageLabel(f"in {in_days(left_ms)}", "warn" if left_ms <= SOON_DAYS * DAY_MS else "")


def in_days(span_ms: int) -> str:
    """A duration, from three months on in months."""
    days = span_ms // DAY_MS
    return f"{days // 30} months" if days >= 90 else about(span_ms)
