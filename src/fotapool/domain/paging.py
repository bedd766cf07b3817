"""Cursors of the two kinds of lists: "IMEI greater than", and the number of the first record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import IMEI_DIGITS

START = 0
"""The cursor of the first page, and of a last page's answer."""

BEFORE_ALL = -1
"""What every IMEI is greater than, that of all zeros too."""

MAX_INDEX_DIGITS = 15

_NUMBER = re.compile(r"[0-9]+", re.ASCII)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list; `next_cursor` is 0 on the last page."""

    rows: list[Row]
    has_more: bool
    next_cursor: int


def parse_device_cursor(text: str) -> int:
    """Reads the cursor of a device list: 0, or an IMEI, whose leading zeros a JSON number has lost.

    Raises RequestRejected: INDEX_INVALID if it is no number, DEVICE_ID_INVALID if it is longer than an IMEI.
    Whether the IMEI belongs to the account is checked where the rows are read.
    """
    if _NUMBER.fullmatch(text) is None:
        raise RequestRejected(ErrorCode.INDEX_INVALID, text)
    if len(text) > IMEI_DIGITS:
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=[text[:64]])
    return int(text)


def parse_record_number(text: str) -> int:
    """Reads a zero-based record number. Raises RequestRejected(INDEX_INVALID or INDEX_TOO_HIGH)."""
    if _NUMBER.fullmatch(text) is None:
        raise RequestRejected(ErrorCode.INDEX_INVALID, text)
    if len(text) > MAX_INDEX_DIGITS:
        raise RequestRejected(ErrorCode.INDEX_TOO_HIGH)
    return int(text)


def check_record_number(index: int, count: int) -> None:
    """An index may be 0 on an empty list; otherwise it must name a record. Raises RequestRejected(INDEX_TOO_HIGH)."""
    if index > 0 and index >= count:
        raise RequestRejected(ErrorCode.INDEX_TOO_HIGH)
