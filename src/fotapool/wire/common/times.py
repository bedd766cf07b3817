"""The two styles in which the API writes times, and which one a client gets.

`documented` is the style of the seed on license status (v1); the vendor's generated SDKs cannot parse it in two v1
fields that their models declare as date-times, so `auto` answers those fields in RFC 3339 to those SDKs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from fotapool.domain.licenses import UNKNOWN_TIME_MS
from fotapool.settings import Timestamps

WriteTime = Callable[[int], str]

SDK_AGENTS = (b"APIMATIC", b"VerizonClient/")
"""How the User-Agent of the vendor's generated SDKs begins."""

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)


@lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


@lru_cache(maxsize=86_400)
def _time_of_day(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


@lru_cache(maxsize=1000)
def _documented_fraction(millisecond: int) -> str:
    return f".{millisecond:03d}".rstrip("0") if millisecond else ""


def documented(moment_ms: int) -> str:
    """As in `2017-11-29 20:15:42.738 +0000 UTC`; trailing zeros of the fraction are dropped, as Go does."""
    if moment_ms == UNKNOWN_TIME_MS:
        return "01-01-1900 0:0:0 +0000 UTC"
    day, rest = divmod(moment_ms, _DAY_MS)
    second, millisecond = divmod(rest, 1000)
    return f"{_day(day)} {_time_of_day(second)}{_documented_fraction(millisecond)} +0000 UTC"


def rfc3339(moment_ms: int) -> str:
    """As in `2017-11-29T20:15:42.738Z`."""
    if moment_ms == UNKNOWN_TIME_MS:
        return "1900-01-01T00:00:00.000Z"
    day, rest = divmod(moment_ms, _DAY_MS)
    second, millisecond = divmod(rest, 1000)
    return f"{_day(day)}T{_time_of_day(second)}.{millisecond:03d}Z"


def writer_for(setting: Timestamps, user_agent: bytes, typed_as_datetime: bool) -> WriteTime:
    """Which style a field gets; `typed_as_datetime`: the vendor's SDKs declare it as a date-time."""
    if setting is Timestamps.RFC3339:
        return rfc3339
    if setting is Timestamps.AUTO and typed_as_datetime and user_agent.startswith(SDK_AGENTS):
        return rfc3339
    return documented
