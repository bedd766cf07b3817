"""How the use of an account's licenses is judged."""

from __future__ import annotations

import enum

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import Forecast

NEARLY_FULL_PERCENT = 95
"""From this share of used licenses on, an account is nearly full (our choice)."""
NEARLY_FULL_DAYS = 14
"""An account whose licenses run out within this time, by the forecast, is nearly full too."""
SOON_DAYS = 30


class UsageStatus(enum.Enum):
    """Over the limit: more licenses are used than subscribed, because of pending removals."""

    OVER_LIMIT = "overLimit"
    FULL = "full"
    NEARLY_FULL = "nearlyFull"
    NORMAL = "normal"


def usage_status(total: int, used: int, expected: Forecast, now_ms: int) -> UsageStatus:
    """The status of an account with these licenses and this forecast."""
    if used > total:
        return UsageStatus.OVER_LIMIT
    if used == total:
        return UsageStatus.FULL if total else UsageStatus.NORMAL
    runs_out_ms = expected.runs_out_ms
    is_near = used * 100 >= total * NEARLY_FULL_PERCENT
    if is_near or (runs_out_ms is not None and runs_out_ms <= now_ms + NEARLY_FULL_DAYS * DAY_MS):
        return UsageStatus.NEARLY_FULL
    return UsageStatus.NORMAL
