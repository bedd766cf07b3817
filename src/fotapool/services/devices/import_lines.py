"""Reads the devices of an import as a stream, in memory of one line: NDJSON, CSV, or one JSON array."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from fotapool.domain.errors import Invalid
from fotapool.services.snapshots.seed_documents import DeviceLine

Fields = dict[str, Any]
Line = tuple[int, Fields | str]
"""The number of a line, and its members or an error."""

COLUMNS = DeviceLine.__struct_fields__
_BOM = b"\xef\xbb\xbf"


class LineReader(Protocol):
    """Reads chunks of a body. Both methods raise Invalid if the rest cannot be read."""

    def feed(self, chunk: bytes) -> Iterator[Line]: ...

    def close(self) -> Iterator[Line]: ...


class _Splitter:
    """Splits a body into numbered lines; lines that are too long are skipped and reported."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._rest = b""
        self._skipping = False
        self._numbers = itertools.count(1)

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Each line with its number; None for one that is too long."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            too_long = self._skipping or len(line) > self._max
            self._skipping = False
            yield self._numbered(None if too_long else line)
        if len(self._rest) > self._max:
            self._rest, self._skipping = b"", True

    def close(self) -> Iterator[tuple[int, bytes | None]]:
        if self._skipping or self._rest:
            yield self._numbered(None if self._skipping else self._rest)

    def _numbered(self, line: bytes | None) -> tuple[int, bytes | None]:
        number = next(self._numbers)
        return number, line.removeprefix(_BOM) if line and number == 1 else line


class _ByLine:
    """The common part of NDJSON and CSV."""

    def __init__(self, max_line_bytes: int) -> None:
        self._lines = _Splitter(max_line_bytes)
        self._too_long = f"the line is longer than {max_line_bytes} bytes"

    def feed(self, chunk: bytes) -> Iterator[Line]:
        return self._read(self._lines.feed(chunk))

    def close(self) -> Iterator[Line]:
        return self._read(self._lines.close())

    def _read(self, lines: Iterator[tuple[int, bytes | None]]) -> Iterator[Line]:
        for number, line in lines:
            if line is None:
                yield number, self._too_long
            elif line.strip():
                found = self._parse(line)
                if found is not None:
                    yield number, found

    def _parse(self, line: bytes) -> Fields | str | None:
        raise NotImplementedError


def _json_object(data: bytes, what: str) -> Fields | str:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return f"the {what} is not JSON: {error}"
    return found if isinstance(found, dict) else f"the {what} is not a JSON object"


class NdjsonReader(_ByLine):
    """A JSON object on each line; empty lines are skipped."""

    def _parse(self, line: bytes) -> Fields | str | None:
        return _json_object(line, "line")


class CsvReader(_ByLine):
    """A header line, then one device per line; empty cells are missing members."""

    def __init__(self, max_line_bytes: int) -> None:
        super().__init__(max_line_bytes)
        self._header: list[str] = []

    def close(self) -> Iterator[Line]:
        yield from super().close()
        if not self._header:
            raise Invalid("the body is empty")

    def _parse(self, line: bytes) -> Fields | str | None:
        try:
            cells = next(csv.reader([line.decode().strip("\r\n ")], strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            return f"the line is not CSV: {error}"
        if not self._header:
            self._header = _header(cells)
            return None
        if len(cells) != len(self._header):
            return f"the line has {len(cells)} cells, the header {len(self._header)}"
        return {name: cell for name, cell in zip(self._header, cells, strict=True) if cell}


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    known = f"columns are separated by commas; known are {', '.join(COLUMNS)}"
    if "deviceId" not in names:
        raise Invalid(f"the first CSV line must name the columns, deviceId among them; {known}")
    wrong = [name for name in names if name not in COLUMNS or names.count(name) > 1]
    if wrong:
        raise Invalid(f"the first CSV line names column {wrong[0][:40]!r}, which is not known or there twice; {known}")
    return names


class JsonArrayReader:
    """Yields the elements of one JSON array as they arrive; each element is parsed as a whole, since it is small.

    Not a streaming parser: the C implementation at hand crashes on some input.
    """

    def __init__(self, max_element_chars: int) -> None:
        self._max = max_element_chars
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._open = False
        self._closed = False
        self._numbers = itertools.count(1)
        self._wrong = ""

    def feed(self, chunk: bytes) -> Iterator[Line]:
        self._text += self._decoder.decode(chunk)
        place = self._begin()
        if self._open and not self._closed:
            while (end := self._element_end(place)) is not None:
                delimiter = _skip_space(self._text, end)
                yield next(self._numbers), self._parse(self._text[place:end])
                place = _skip_space(self._text, delimiter + 1)
                if self._text[delimiter] == "]":
                    self._closed = True
                    break
        self._text = self._text[place:]
        if self._closed and self._text.strip(_SPACE):
            raise Invalid("there is more after the JSON array")
        if len(self._text) > self._max:
            raise Invalid(f"an element is longer than {self._max} characters, or is no JSON: {self._wrong}")

    def close(self) -> Iterator[Line]:
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

    def _parse(self, text: str) -> Fields | str:
        if len(text) > self._max:
            return f"the element is longer than {self._max} characters"
        return _json_object(text.encode("utf-8", "surrogateescape"), "element")


_SPACE = " \t\r\n"
_SPACES = re.compile(f"[{_SPACE}]*")
_scan = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def _skip_space(text: str, place: int) -> int:
    match = _SPACES.match(text, place)
    return match.end() if match else place
