"""ISO 8601 durations of weeks, days, hours, minutes and seconds."""

from __future__ import annotations

import re
from datetime import timedelta

from fotapool.domain.errors import Invalid

DURATION_PATTERN = (
    r"^P(?=.)([0-9]{1,6}W)?([0-9]{1,6}D)?(T(?=.)([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,9}(\.[0-9]{1,3})?S)?)?$"
)
"""The pattern in the OpenAPI document."""

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,3})?)S)?)?",
    re.ASCII,
)


def parse_duration_ms(name: str, text: str) -> int:
    """The duration in ms. Raises Invalid with the member's name."""
    match = _DURATION.fullmatch(text)
    parts = {unit: float(value) for unit, value in match.groupdict().items() if value} if match else {}
    if not parts or text.endswith("T"):
        raise Invalid(
            f"{name} must be an ISO 8601 duration of weeks, days, hours, minutes, seconds, as in P1DT20M, "
            "without months and years, whose length varies"
        )
    return round(timedelta(**parts) / timedelta(milliseconds=1))
