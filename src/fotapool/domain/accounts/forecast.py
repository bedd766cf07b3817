"""Linear forecast of the date on which a pool runs out of licenses."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fotapool.core.timestamps import DAY_MS

BASIS_DAYS = 28
"""The growth rate is measured over four weeks, so that each weekday has the same weight (our choice)."""
FAR_DAYS = 5 * 365
"""No date is forecast beyond this horizon."""


class Trend(enum.Enum):
    """The result of a forecast."""

    EXHAUSTED = "no license is free"
    UNKNOWN = "too little is known"
    NO_GROWTH = "not growing"
    FAR = "lasts for years"
    RUNS_OUT = "runs out"


@dataclass(frozen=True, slots=True)
class Forecast:
    """`grown` is the growth over `basis_days`; `runs_out_ms` is set for RUNS_OUT only."""

    trend: Trend
    basis_days: int
    grown: int
    runs_out_ms: int | None = None


def forecast(free: int, used_before: int, used_now: int, basis_days: int, now_ms: int) -> Forecast:
    """Extrapolates the mean growth of the last `basis_days` days; 0 days means that there is no history."""
    grown = used_now - used_before
    if not free:
        return Forecast(Trend.EXHAUSTED, basis_days, grown)
    if basis_days < 1:
        return Forecast(Trend.UNKNOWN, 0, 0)
    if grown <= 0:
        return Forecast(Trend.NO_GROWTH, basis_days, grown)
    days_left = free * basis_days / grown
    if days_left > FAR_DAYS:
        return Forecast(Trend.FAR, basis_days, grown)
    return Forecast(Trend.RUNS_OUT, basis_days, grown, now_ms + round(days_left * DAY_MS))
