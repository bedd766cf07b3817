"""When a pool runs out, at the pace of the last four weeks."""

from __future__ import annotations

import pytest

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.forecast import FAR_DAYS, Trend, forecast

NOW_MS = 1_773_144_000_000


def test_a_growing_pool_runs_out_when_its_pace_has_used_up_what_is_free() -> None:
    found = forecast(free=40, used_before=100, used_now=156, basis_days=28, now_ms=NOW_MS)
    assert found.trend is Trend.RUNS_OUT
    assert found.grown == 56
    assert found.runs_out_ms == NOW_MS + 20 * DAY_MS


@pytest.mark.parametrize(
    ("free", "before", "now", "basis", "trend"),
    [
        (0, 10, 20, 28, Trend.EXHAUSTED),
        (5, 10, 20, 0, Trend.UNKNOWN),
        (5, 10, 10, 28, Trend.NO_GROWTH),
        (5, 20, 10, 28, Trend.NO_GROWTH),
        (FAR_DAYS + 1, 0, 28, 28, Trend.FAR),
        (FAR_DAYS, 0, 28, 28, Trend.RUNS_OUT),
    ],
)
def test_each_trend_has_its_case(free: int, before: int, now: int, basis: int, trend: Trend) -> None:
    assert forecast(free=free, used_before=before, used_now=now, basis_days=basis, now_ms=NOW_MS).trend is trend
