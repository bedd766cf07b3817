"""Reads lists of IMEIs from files and pasted text: one or more a line, CSV, or JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fotapool.domain.devices.columns import (
    ID,
    WINDOWS_1252_NOTE,
    Columns,
    columns_without_header,
    ignored_note,
    is_header,
    read_header,
)
from fotapool.domain.devices.failed_lines import FailedLines
from fotapool.domain.devices.spelling import device_of
from fotapool.domain.devices.tables import TableReader, TableRow
from fotapool.domain.names import is_device_id

MAX_LIST_LINE_BYTES = 64 * 1024
MAX_LIST_LINES = 20_000_000
MAX_REPEATED = 1_000
"""Maximum number of repeated devices that are stored with their line; further ones are counted."""
MAX_QUOTED = 40
"""Maximum number of characters of a wrong value that are quoted."""
_DELIMITERS = re.compile(r"[\s,;|]+")
_LIKE_IMEI = re.compile(r"[0-9]{14,16}", re.ASCII)
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]*)?[eE]\+?[0-9]+")
_EXCEL = "format the column as Text in Excel before the IMEIs are entered or pasted"


class TooManyDevices(ValueError):
    """A list has more devices than its limit."""


class Repeated(NamedTuple):
    """A device that is in the list again: the line, and the line where it was first."""

    line: int
    device: str
    first_line: int


@dataclass(slots=True)
class DeviceList:
    """A list of IMEIs: each once with its line, in order; the lines that failed, and notes about the file."""

    devices: dict[str, int] = field(default_factory=dict)
    failed: FailedLines = field(default_factory=FailedLines)
    repeated: list[Repeated] = field(default_factory=list)
    repeated_count: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, line: int, device: str) -> None:
        """Adds an IMEI, unless it is there already."""
        if device not in self.devices:
            self.devices[device] = line
            return
        self.repeated_count += 1
        if len(self.repeated) < MAX_REPEATED:
            self.repeated.append(Repeated(line, device, self.devices[device]))

    def fail(self, line: int, text: str, original: Mapping[str, str]) -> None:
        """Adds a text that is not an IMEI, with the reason; `original` is its line."""
        self.failed.add(line, text, f"{text[:MAX_QUOTED]!r} {why_not_imei(text)}", original)


def why_not_imei(text: str) -> str:
    """Why a text is not an IMEI of 15 digits, and what to do: continues a sentence that begins with the text."""
    if not text:
        return "is empty; an IMEI has 15 digits"
    if _SCIENTIFIC.fullmatch(text):
        return f"is an IMEI that Excel has shortened: {_EXCEL}"
    if not (text.isascii() and text.isdigit()):
        return "is not an IMEI of 15 digits"
    if len(text) == 14 and check_digit_is_valid(int(text)):
        return f"has 14 digits; an IMEI has 15. Excel has probably dropped its leading zero: {_EXCEL}"
    if len(text) == 14:
        return "has 14 digits; an IMEI has 15. Its check digit is missing, or Excel has dropped its leading zero"
    if len(text) == 16:
        return "has 16 digits; it is an IMEISV, whose first 14 digits and a check digit are the IMEI"
    return f"has {len(text)} digits; an IMEI has 15"


def read_device_list(chunks: Iterable[bytes], max_devices: int) -> DeviceList:
    """Reads a file or a pasted list.

    A header names the column of IMEIs (`columns.COLUMN_NAMES`). Without one, it is the first column that has an IMEI; a
    line with further IMEIs is a list of them. A JSON line has the IMEI in a member of such a name. Raises
    TooManyDevices, and Invalid if the file is no text.
    """
    reader, found = _ListReader(), DeviceList()
    for chunk in chunks:
        reader.add(found, reader.table.feed(chunk))
        _check_size(found, max_devices)
    reader.add(found, reader.table.close())
    _check_size(found, max_devices)
    found.notes = reader.notes
    return found


def _check_size(found: DeviceList, max_devices: int) -> None:
    if len(found.devices) > max_devices or found.repeated_count + found.failed.count > MAX_LIST_LINES:
        raise TooManyDevices


class _ListReader:
    """Finds the texts that should be IMEIs in the rows of a table."""

    def __init__(self) -> None:
        self.table = TableReader(MAX_LIST_LINE_BYTES, is_header)
        self._columns: Columns | None = None
        self._has_header = False
        self._is_first = True
        self._has_further = False
        """Whether a row without a header has cells beside the IMEI."""

    @property
    def notes(self) -> list[str]:
        """Sentences about what was not read, and how."""
        notes: list[str] = []
        if self._columns is not None and self._has_header and self._columns.ignored:
            notes.append(ignored_note(self._columns.ignored))
        if self._has_further:
            place = self._columns.places[ID] + 1 if self._columns else 1
            notes.append(f"The file has no header; only column {place} was read.")
        if self.table.is_windows_1252:
            notes.append(WINDOWS_1252_NOTE)
        return notes

    def add(self, found: DeviceList, rows: Iterator[TableRow]) -> None:
        for row in rows:
            if row.problem:
                found.failed.add(row.line, row.text, row.problem, {})
            elif row.text.startswith("{"):
                _add_json(found, row)
            elif self._is_first and is_header(row.cells):
                self._columns, self._has_header = read_header(row.cells), True
            elif self._columns is not None and self._has_header:
                _add_row(found, row, self._columns)
            else:
                self._add_row_without_header(found, row)
            self._is_first = False

    def _add_row_without_header(self, found: DeviceList, row: TableRow) -> None:
        if len(row.cells) == 1 and is_device_id(row.cells[0]):
            found.add(row.line, row.cells[0])
            return
        words = [word for text in _DELIMITERS.split(row.text) if (word := text.strip("=\"'[]\ufeff"))]
        place = self._columns.places[ID] if self._columns else _place_of_imei(row.cells)
        cell = _device_cell(row.cells, place)
        if sum(map(is_like_imei, words)) > is_like_imei(cell):
            for word in words:
                if is_device_id(word):
                    found.add(row.line, word)
                else:
                    found.fail(row.line, word, {ID: word})
            return
        columns = columns_without_header(place)
        if self._columns is None and is_device_id(cell):
            self._columns = columns
        self._has_further = self._has_further or len(row.cells) > 1
        _add_row(found, row, columns)


def _add_row(found: DeviceList, row: TableRow, columns: Columns) -> None:
    text = _device_cell(row.cells, columns.places[ID])
    if is_device_id(text):
        found.add(row.line, text)
    else:
        found.fail(row.line, text, columns.original(row.cells))


def _device_cell(cells: Sequence[str], place: int) -> str:
    return device_of(cells[place].strip("\"' ")) if place < len(cells) else ""


def _add_json(found: DeviceList, row: TableRow) -> None:
    try:
        document = json.loads(row.text)
    except (ValueError, RecursionError):
        found.fail(row.line, row.text, {})
        return
    name = next((name for name in document if is_header([name])), None)
    device = document.get(name)
    if isinstance(device, str) and is_device_id(device):
        found.add(row.line, device)
        return
    texts = {ID if key == name else key: _as_text(value) for key, value in document.items()}
    found.fail(row.line, row.text if name is None else texts[ID], texts)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def is_like_imei(text: str) -> bool:
    """Whether the text is an IMEI, or seems to be a wrong one."""
    return bool(_LIKE_IMEI.fullmatch(text) or _SCIENTIFIC.fullmatch(text))


def _place_of_imei(cells: Sequence[str]) -> int:
    """The place of the first IMEI, else of the first cell that seems to be a wrong one, else 0."""
    for is_wanted in (is_device_id, is_like_imei):
        for place, cell in enumerate(cells):
            if is_wanted(cell):
                return place
    return 0


def check_digit_is_valid(imei: int) -> bool:
    """Whether the last digit of the IMEI is the Luhn check digit of the others."""
    digits = [int(digit) for digit in f"{imei:015d}"]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
