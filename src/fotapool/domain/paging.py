"""Cursors of lists: the last IMEI of the previous page, or the index of the first record."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import IMEI_DIGITS

START = 0
"""The cursor of the first page; also returned with the last page."""

BEFORE_ALL = -1
"""Less than every IMEI, including 0."""

MAX_INDEX_DIGITS = 15

_NUMBER = re.compile(r"[0-9]+", re.ASCII)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; `next_cursor` is 0 on the last page."""

    rows: list[Row]
    has_more: bool
    next_cursor: int

    @classmethod
    def of(cls, rows: list[Row], size: int, cursor: Callable[[Row], int]) -> Page[Row]:
        """A page of up to `size` rows, from up to `size + 1` that were read; `cursor` gives the cursor after a row."""
        has_more = len(rows) > size
        return cls(rows[:size], has_more, cursor(rows[size - 1]) if has_more else START)


def parse_device_cursor(text: str) -> int:
    """Parses the cursor of a device list: 0 or an IMEI, possibly without its leading zeros.

    Raises RequestRejected: INDEX_INVALID if it is not a number, DEVICE_ID_INVALID if it is longer than an IMEI.
    The query that reads the page checks that the IMEI belongs to the account.
    """
    if _NUMBER.fullmatch(text) is None:
        raise RequestRejected(ErrorCode.INDEX_INVALID, text)
    if len(text) > IMEI_DIGITS:
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=[text[:64]])
    return int(text)


def parse_record_number(text: str) -> int:
    """Parses a zero-based record number. Raises RequestRejected(INDEX_INVALID or INDEX_TOO_HIGH)."""
    if _NUMBER.fullmatch(text) is None:
        raise RequestRejected(ErrorCode.INDEX_INVALID, text)
    if len(text) > MAX_INDEX_DIGITS:
        raise RequestRejected(ErrorCode.INDEX_TOO_HIGH)
    return int(text)


def check_record_number(index: int, count: int) -> None:
    """Raises RequestRejected(INDEX_TOO_HIGH) unless the index is 0 or less than the count."""
    if index > 0 and index >= count:
        raise RequestRejected(ErrorCode.INDEX_TOO_HIGH)
