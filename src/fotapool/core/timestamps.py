"""Timestamps: integers (ms since 1970-01-01 UTC), and RFC 3339 as text. Pure: the domain uses this module too."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000

MAX_TIMESTAMP_MS = 253_370_764_800_000
"""9999-01-01: later timestamps are rejected, since no date after them could be written."""
MAX_CLOCK_MS = MAX_TIMESTAMP_MS - 365 * DAY_MS
"""9998-01-01, the limit of a test clock: the billing months after it must still be valid timestamps."""

REMEMBERED = 10_000
"""How many timestamps are remembered as text, and as many texts: a list has the same ones in many rows. 2 MB."""


@lru_cache(maxsize=REMEMBERED)
def format_timestamp(timestamp_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, as in 2026-03-01T12:00:00.000Z."""
    return _utc(timestamp_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=REMEMBERED)
def parse_timestamp(text: str) -> int:
    """The timestamp (ms) of RFC 3339 text; UTC if it names no offset. Raises ValueError."""
    try:
        return timestamp_of(datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError(text) from error


def timestamp_of(time: datetime) -> int:
    """The timestamp (ms) of a datetime; UTC if it names no offset."""
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def date_of(timestamp_ms: int) -> date:
    """The date in UTC."""
    return _utc(timestamp_ms).date()


def date_ms(day: date) -> int:
    """The timestamp (ms) at which a date begins in UTC."""
    return timestamp_of(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - timestamp_of sets UTC


def _utc(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
