"""The two styles in which the API writes times, and which one a client gets.

`documented` is the style of the page "Get an account's license status" (v1). The vendor's generated SDKs declare some
fields as date-times and cannot parse this style there: with the setting `auto` they get RFC 3339 in those fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from fotapool.core.settings import Timestamps
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS

WriteTime = Callable[[int], str]

SDK_AGENTS = re.compile(rb"APIMATIC|VerizonClient/|[A-Za-z]+-SDK/")
"""How the User-Agent of the vendor's generated SDKs begins, as `Python-SDK/1.0.0`; their builds differ."""

_EPOCH = date(1970, 1, 1)
# Small tables stay in the processor's cache: a page of a large pool has a thousand different times.
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_TWO_DIGITS = tuple(f"{second:02d}" for second in range(60))
_DOCUMENTED_ENDS = tuple(
    (f".{millisecond:03d}".rstrip("0") if millisecond else "") + " +0000 UTC" for millisecond in range(1000)
)
_RFC3339_ENDS = tuple(f".{millisecond:03d}Z" for millisecond in range(1000))


@lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def documented(timestamp_ms: int) -> str:
    """As in `2017-11-29 20:15:42.738 +0000 UTC`; trailing zeros of the fraction are dropped, as Go does."""
    if timestamp_ms == UNKNOWN_TIME_MS:
        return "01-01-1900 0:0:0 +0000 UTC"
    minute, rest = divmod(timestamp_ms, 60_000)
    second, millisecond = divmod(rest, 1000)
    return f"{_day(minute // 1440)} {_MINUTES[minute % 1440]}{_TWO_DIGITS[second]}{_DOCUMENTED_ENDS[millisecond]}"


def rfc3339(timestamp_ms: int) -> str:
    """As in `2017-11-29T20:15:42.738Z`."""
    if timestamp_ms == UNKNOWN_TIME_MS:
        return "1900-01-01T00:00:00.000Z"
    minute, rest = divmod(timestamp_ms, 60_000)
    second, millisecond = divmod(rest, 1000)
    return f"{_day(minute // 1440)}T{_MINUTES[minute % 1440]}{_TWO_DIGITS[second]}{_RFC3339_ENDS[millisecond]}"


def writer_for(setting: Timestamps, user_agent: bytes, typed_as_datetime: bool) -> WriteTime:
    """The function that writes a field's time; `typed_as_datetime`: the vendor's SDKs declare it as a date-time."""
    if setting is Timestamps.RFC3339:
        return rfc3339
    if setting is Timestamps.AUTO and typed_as_datetime and SDK_AGENTS.match(user_agent):
        return rfc3339
    return documented
