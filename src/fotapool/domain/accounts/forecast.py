"""When a pool runs out of licenses, if it goes on as it did."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fotapool.domain.campaigns.campaigns import DAY_MS

BASIS_DAYS = 28
"""Over how many days the pace is measured: four weeks, so that each weekday counts alike (our choice)."""
FAR_DAYS = 5 * 365
"""A pool that lasts for longer than this is not given a date."""


class Outlook(enum.Enum):
    """What can be said of a pool's future."""

    EXHAUSTED = "no license is free"
    UNKNOWN = "too little is known"
    NO_GROWTH = "not growing"
    FAR = "lasts for years"
    RUNS_OUT = "runs out"


@dataclass(frozen=True, slots=True)
class Forecast:
    """`grown` licenses more than `basis_days` days ago; `runs_out_ms` where there is a date."""

    outlook: Outlook
    basis_days: int
    grown: int
    runs_out_ms: int | None = None


def forecast(free: int, used_before: int, used_now: int, basis_days: int, now_ms: int) -> Forecast:
    """At the mean pace of the last `basis_days` days (0: nothing is known), when the free licenses are gone."""
    grown = used_now - used_before
    if not free:
        return Forecast(Outlook.EXHAUSTED, basis_days, grown)
    if basis_days < 1:
        return Forecast(Outlook.UNKNOWN, 0, 0)
    if grown <= 0:
        return Forecast(Outlook.NO_GROWTH, basis_days, grown)
    days_left = free * basis_days / grown
    if days_left > FAR_DAYS:
        return Forecast(Outlook.FAR, basis_days, grown)
    return Forecast(Outlook.RUNS_OUT, basis_days, grown, now_ms + round(days_left * DAY_MS))
