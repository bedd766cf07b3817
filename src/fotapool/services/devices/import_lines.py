"""Reads the devices of an import as a stream, in memory of one line: NDJSON, CSV, or one JSON array."""

from __future__ import annotations

import codecs
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from fotapool.domain.devices.columns import (
    ID,
    WINDOWS_1252_NOTE,
    Columns,
    columns_without_header,
    ignored_note,
    is_header,
    read_header,
)
from fotapool.domain.devices.device_lists import is_like_imei, why_not_imei
from fotapool.domain.devices.spelling import device_of
from fotapool.domain.devices.tables import LineSplitter, TableReader, TableRow
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.services.snapshots.seed_documents import DeviceLine

Fields = dict[str, Any]
COLUMNS = DeviceLine.__struct_fields__
_BOM = b"\xef\xbb\xbf"
_FLAGS = {"yes": "true", "y": "true", "x": "true", "no": "false", "n": "false"}
"""What people write for `licensed`, beside true and false."""


class ImportLine(NamedTuple):
    """A line: its number, its members or an error."""

    number: int
    found: Fields | str
    original: Callable[[], Mapping[str, Any]] = dict
    """Returns the line's cells by the name of their column."""
    text: str = ""
    """The line, if it cannot be split into cells."""


class LineReader(Protocol):
    """Reads chunks of a body. Both methods raise Invalid if the rest cannot be read."""

    notes: list[str]
    """Sentences about what was not read, and how; complete after `close`."""

    def feed(self, chunk: bytes) -> Iterator[ImportLine]: ...

    def close(self) -> Iterator[ImportLine]: ...


def _json_object(number: int, data: bytes, what: str) -> ImportLine:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return ImportLine(number, f"the {what} is not JSON: {error}", text=data.decode(errors="replace"))
    if not isinstance(found, dict):
        return ImportLine(number, f"the {what} is not a JSON object", text=data.decode(errors="replace"))
    return ImportLine(number, found, found.copy)


class NdjsonReader:
    """A JSON object on each line; empty lines are skipped."""

    def __init__(self, max_line_bytes: int) -> None:
        self.notes: list[str] = []
        self._lines = LineSplitter(max_line_bytes)
        self._too_long = f"the line is longer than {max_line_bytes} bytes"

    def feed(self, chunk: bytes) -> Iterator[ImportLine]:
        return self._read(self._lines.feed(chunk))

    def close(self) -> Iterator[ImportLine]:
        return self._read(self._lines.close())

    def _read(self, lines: Iterator[tuple[int, bytes | None]]) -> Iterator[ImportLine]:
        for number, line in lines:
            if line is None:
                yield ImportLine(number, self._too_long)
            elif text := (line.removeprefix(_BOM) if number == 1 else line).strip():
                yield _json_object(number, text, "line")


class CsvReader:
    """Reads a header line, then one device per line. Empty cells are missing members. A list of IMEIs needs no header.

    `close` raises Invalid for an empty body.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self.notes: list[str] = []
        self._table = TableReader(max_line_bytes, is_header)
        self._columns: Columns | None = None
        self._has_header = False

    def feed(self, chunk: bytes) -> Iterator[ImportLine]:
        return self._read(self._table.feed(chunk))

    def close(self) -> Iterator[ImportLine]:
        yield from self._read(self._table.close())
        if self._columns is None:
            raise Invalid("the body is empty")
        if self._columns.ignored:
            self.notes.append(ignored_note(self._columns.ignored))
        if self._table.is_windows_1252:
            self.notes.append(WINDOWS_1252_NOTE)

    def _read(self, rows: Iterator[TableRow]) -> Iterator[ImportLine]:
        for row in rows:
            if self._columns is None:
                self._columns = _first_row(row)
                self._has_header = is_header(row.cells)
                if self._has_header:
                    continue
            yield self._line(row, self._columns)

    def _line(self, row: TableRow, columns: Columns) -> ImportLine:
        if row.problem:
            return ImportLine(row.line, row.problem, text=row.text)
        cells = row.cells
        original = partial(columns.original, cells)
        if len(cells) > len(columns.names):
            what = "the header" if self._has_header else "the first line"
            problem = (
                f"the line has {len(cells)} cells, {what} {len(columns.names)}: put cells with delimiters in quotes"
            )
            return ImportLine(row.line, problem, original)
        fields = {name: cells[place] for name, place in columns.places.items() if place < len(cells) and cells[place]}
        device = device_of(fields.get(ID, ""))
        if not is_device_id(device):
            return ImportLine(row.line, f"{ID} {device[:40]!r} {why_not_imei(device)}", original)
        fields[ID] = device
        if "licensed" in fields:
            flag = fields["licensed"].lower()
            fields["licensed"] = _FLAGS.get(flag, flag)
        return ImportLine(row.line, fields, original)


def _first_row(row: TableRow) -> Columns:
    """The columns by the header, or of a list of IMEIs without one. Raises Invalid."""
    known = f"known columns are {', '.join(COLUMNS)}"
    if row.problem:
        raise Invalid(f"the first CSV line cannot be read: {row.problem}")
    if is_header(row.cells):
        return read_header(row.cells)
    if len(row.cells) == 1 and is_like_imei(row.cells[0]):
        return columns_without_header(0)
    raise Invalid(f"the first CSV line must name the columns, deviceId or imei among them; {known}")


class JsonArrayReader:
    """Yields the elements of one JSON array as they arrive. Each element is small, and parsed as a whole.

    `feed` and `close` raise Invalid for a body that is not one complete array. No streaming parser is used: the one in
    C crashes on some input.
    """

    def __init__(self, max_element_chars: int) -> None:
        self.notes: list[str] = []
        self._max = max_element_chars
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._open = False
        self._closed = False
        self._numbers = itertools.count(1)
        self._wrong = ""

    def feed(self, chunk: bytes) -> Iterator[ImportLine]:
        self._text += self._decoder.decode(chunk)
        place = self._begin()
        if self._open and not self._closed:
            while (end := self._element_end(place)) is not None:
                delimiter = _skip_space(self._text, end)
                yield self._parse(next(self._numbers), self._text[place:end])
                place = _skip_space(self._text, delimiter + 1)
                if self._text[delimiter] == "]":
                    self._closed = True
                    break
        self._text = self._text[place:]
        if self._closed and self._text.strip(_SPACE):
            raise Invalid("there is more after the JSON array")
        if len(self._text) > self._max:
            raise Invalid(f"an element is longer than {self._max} characters, or is no JSON: {self._wrong}")

    def close(self) -> Iterator[ImportLine]:
        if not self._open:
            raise Invalid("the body is empty")
        if not self._closed:
            raise Invalid(
                f"the JSON array is not complete, or is no JSON at element {next(self._numbers)}: {self._wrong}"
            )
        return iter(())

    def _begin(self) -> int:
        """The index of the first unread element."""
        place = _skip_space(self._text, 0)
        if self._open or place == len(self._text):
            return place
        if self._text[place] != "[":
            raise Invalid("the body must be a JSON array of devices, NDJSON or CSV: see Content-Type")
        after = _skip_space(self._text, place + 1)
        if after == len(self._text):  # the array may still be empty
            return place
        self._open = True
        self._closed = self._text[after] == "]"
        return after + self._closed

    def _element_end(self, place: int) -> int | None:
        """The end index of the element that begins at `place`, or None if the text ends before its delimiter."""
        try:
            _, end = _scan(self._text, place)
        except RecursionError as error:
            raise Invalid("an element is nested too deeply") from error
        except ValueError as error:
            self._wrong = str(error)
            return None
        delimiter = _skip_space(self._text, end)
        if delimiter == len(self._text):
            self._wrong = "it breaks off"
            return None
        if self._text[delimiter] not in ",]":
            raise Invalid(f"element {next(self._numbers)} of the JSON array is not followed by a comma")
        return end

    def _parse(self, number: int, text: str) -> ImportLine:
        if len(text) > self._max:
            return ImportLine(number, f"the element is longer than {self._max} characters")
        return _json_object(number, text.encode("utf-8", "surrogateescape"), "element")


_SPACE = " \t\r\n"
_SPACES = re.compile(f"[{_SPACE}]*")
_scan = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def _skip_space(text: str, place: int) -> int:
    match = _SPACES.match(text, place)
    return match.end() if match else place
