"""Reads lists of IMEIs from text: plain lines, CSV, or JSON lines. Bulk jobs, the console and the CLI share it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator

ID_COLUMNS = frozenset({"deviceid", "device", "imei"})
"""Headers of a column of IMEIs, as `is_id_column` normalizes them."""
_SEPARATORS = (",", ";", "\t")
_DELIMITERS = re.compile(r"[\s,;]+")


def is_id_column(header: str) -> bool:
    """Whether a column or member of this name holds IMEIs: deviceId, device_id, Device ID, device, IMEI, …"""
    return re.sub(r"[\s_-]", "", header).lower() in ID_COLUMNS


def read_id_texts(lines: Iterable[str], *, several: bool) -> Iterator[tuple[int, str]]:
    """Yields the number of a line, from 1, and a text of it that should be an IMEI; the caller checks that it is one.

    The first line may be the header of a CSV, with commas, semicolons or tabs: then each further line yields its cell
    of the first ID column, or the whole line if it is too short. Without a header, a line yields all its texts
    (`several`) or its first cell. A JSON object yields its member `deviceId` or `imei`, or the whole line if it has
    none. Empty lines and lines that begin with `#` are skipped. Quotes around a text are removed, and the apostrophe
    by which spreadsheets mark text.
    """
    column: int | None = None
    separator = ""
    is_first = True
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if number == 1:
            line = line.removeprefix("\ufeff")
        if not line or line.startswith("#"):
            continue
        if line.startswith("{"):
            yield number, _id_member(line)
        elif is_first and (header := _id_column(line)) is not None:
            column, separator = header
        elif column is not None:
            yield number, _unquoted(_cell(line, column, separator))
        elif several:
            yield from ((number, _unquoted(text)) for text in _DELIMITERS.split(line) if text)
        else:
            yield number, _unquoted(_cell(line, 0, next((sign for sign in _SEPARATORS if sign in line), ",")))
        is_first = False


def _id_column(line: str) -> tuple[int, str] | None:
    """The index of the first ID column and the separator, if the line is the header of a CSV, else None."""
    for separator in _SEPARATORS:
        for place, header in enumerate(line.split(separator)):
            if is_id_column(_unquoted(header)):
                return place, separator
    return None


def _cell(line: str, place: int, separator: str) -> str:
    try:
        cells = next(csv.reader([line], delimiter=separator)) if '"' in line else line.split(separator)
    except csv.Error:
        return line
    return cells[place] if place < len(cells) else line


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _id_member(line: str) -> str:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return line
    device = document.get("deviceId", document.get("imei"))
    return device if isinstance(device, str) else line


def check_digit_is_valid(imei: int) -> bool:
    """Whether the last digit of the IMEI is the Luhn check digit of the others."""
    digits = [int(digit) for digit in f"{imei:015d}"]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
