"""Reads a table of text as people save it: CSV in the usual encodings, with the usual delimiters and line ends."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fotapool.domain.errors import Invalid

DELIMITERS = ",;\t|"
MAX_CELLS = 256
"""Maximum number of cells in a row, without empty ones at its end."""
MAX_CELL_CHARS = 32_767
"""Maximum length of a cell: that of Excel."""
MAX_ROW_LINES = 50
"""Maximum number of lines of one row, whose cells may have line breaks in quotes."""
MAX_QUOTED = 40

_BLANKS = " \t\r\n\xa0\u200b\u200e\u200f\u202a\u202c\u202d\u2060\ufeff"
"""Spaces, and the invisible characters that copied cells have at their ends."""
_BLANKS_OR_DELIMITERS = _BLANKS + DELIMITERS
_ANY_DELIMITER = re.compile(f"[{re.escape(DELIMITERS)}]")
_SEPARATOR_LINE = re.compile(r'[ \ufeff]*"?sep=(.)"?[ ,;\t|]*', re.IGNORECASE | re.DOTALL)
_END = "."
_MAGIC_BYTES = 4
_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or another archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed with gzip: unpack it",
}
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class LineSplitter:
    """Splits a body into lines, numbered from 1. Lines end with LF, CR LF or CR; too long ones are skipped."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._rest = b""
        self._skipping = False
        self._numbers = itertools.count(1)

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Yields the complete lines so far, each with its number from 1; None for a line that is too long."""
        data, held = self._rest + chunk, b""
        if data.endswith(b"\r"):  # it may be the first half of CR LF
            data, held = data[:-1], b"\r"
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = data.split(b"\n")
        for line in lines:
            too_long = self._skipping or len(line) > self._max
            self._skipping = False
            yield next(self._numbers), None if too_long else line
        if len(rest) > self._max:
            rest, self._skipping = b"", True
        self._rest = rest + held

    def close(self) -> Iterator[tuple[int, bytes | None]]:
        """The last line, if it has no end."""
        line = self._rest.removesuffix(b"\r")
        if self._skipping or line:
            yield next(self._numbers), None if self._skipping else line


class TableRow(NamedTuple):
    """A row: the number of its first line in the file, and its cells without spaces around them."""

    line: int
    cells: list[str]
    text: str
    problem: str = ""
    """Why the row cannot be read; empty if it can."""


class TableReader:
    """Reads a table as a stream of bytes, in memory of one row.

    The encoding is UTF-8, UTF-16 by its byte order mark, or Windows-1252 where a line is not UTF-8. The delimiter is
    that of a first line `sep=;`, or the one of DELIMITERS with which the first row is a header, has an IMEI or has the
    most cells. Empty rows are skipped, and so are remarks: lines that begin with `#`, unless they are the header or
    have an IMEI below one. Without a header, a line that begins with `{` is a row of one cell. `is_header` says
    whether cells are a header.
    """

    def __init__(self, max_line_bytes: int, is_header: Callable[[Sequence[str]], bool]) -> None:
        self._max = max_line_bytes
        self._is_header = is_header
        self._lines = LineSplitter(max_line_bytes)
        self._start: bytes | None = b""
        self._utf16: codecs.IncrementalDecoder | None = None
        self._has_mark = False
        self._is_first = True
        self._has_header = False
        self._delimiter = ""
        self._open: list[tuple[int, str]] = []
        """The lines of a row that has an open quotation mark."""
        self.is_windows_1252 = False
        """Whether a line was not UTF-8."""

    def feed(self, chunk: bytes) -> Iterator[TableRow]:
        """The rows that are complete. Raises Invalid if the file is no text, or for an unknown delimiter."""
        if self._start is not None:
            self._start += chunk
            if len(self._start) < _MAGIC_BYTES:
                return
            chunk = self._begin()
        yield from self._read(self._lines.feed(self._decode(chunk)))

    def close(self) -> Iterator[TableRow]:
        """The last rows. Raises Invalid like `feed`."""
        if self._start is not None:
            yield from self._read(self._lines.feed(self._decode(self._begin())))
        if self._utf16 is not None:
            yield from self._read(self._lines.feed(self._utf16.decode(b"", True).encode()))
        yield from self._read(self._lines.close())
        while self._open:
            yield from self._give_up("the quotation mark is not closed")

    def _begin(self) -> bytes:
        """Looks at the first bytes of the file, and returns them without a byte order mark. Raises Invalid."""
        start, self._start = self._start or b"", None
        for magic, what in _NOT_TEXT.items():
            if start.startswith(magic):
                raise Invalid(f"the file is {what}")
        for mark, name in _UTF16.items():
            if start.startswith(mark):
                self._utf16, self._has_mark = codecs.getincrementaldecoder(name)("replace"), True
                return start.removeprefix(mark)
        self._has_mark = start.startswith(codecs.BOM_UTF8)
        return start.removeprefix(codecs.BOM_UTF8)

    def _decode(self, chunk: bytes) -> bytes:
        """The chunk as UTF-8 if it is UTF-16; lines of other encodings are decoded one by one."""
        return chunk if self._utf16 is None else self._utf16.decode(chunk).encode()

    def _text(self, line: bytes) -> str | None:
        try:
            return line.decode()
        except UnicodeDecodeError:
            if self._has_mark:
                return None
            self.is_windows_1252 = True
            return line.decode("cp1252", "replace")

    def _read(self, lines: Iterator[tuple[int, bytes | None]]) -> Iterator[TableRow]:
        for number, line in lines:
            text = None if line is None else self._text(line)
            if text is not None and not self._open and not self._is_first and text[:1].isalnum():  # the usual line
                if (row := self._begin_row(number, text, self._cells(text))) is not None:
                    yield row
                continue
            if text is not None:
                yield from self._add(number, text)
                continue
            while self._open:
                yield from self._give_up("the quotation mark is not closed")
            problem = f"the line is longer than {self._max} bytes" if line is None else "the line is not UTF-8"
            yield TableRow(number, [], "", problem)

    def _add(self, number: int, text: str) -> Iterator[TableRow]:
        if self._open:
            self._open.append((number, text))
            if '"' in text:
                joined = "\n".join(part for _, part in self._open)
                cells = self._cells(joined)
                if cells is not None:
                    first, self._open = self._open[0][0], []
                    if (row := self._row(first, joined, cells)) is not None:
                        yield row
                    return
            if len(self._open) > MAX_ROW_LINES or sum(len(part) for _, part in self._open) > self._max:
                yield from self._give_up("the quotation mark is not closed")
            return
        stripped = text.strip(_BLANKS)
        if not stripped.strip(_BLANKS_OR_DELIMITERS) or self._is_separator_line(text):
            return
        if stripped.startswith("{") and not self._has_header:
            yield TableRow(number, [stripped], stripped)
            return
        delimiter, cells = self._delimiter, self._cells(text)
        if stripped.startswith("#") and not self._is_row(cells):
            self._delimiter = delimiter
            return
        if (row := self._begin_row(number, text, cells)) is not None:
            yield row

    def _begin_row(self, number: int, text: str, cells: list[str] | None) -> TableRow | None:
        """The row; None if it is empty, or continues in the next line."""
        if cells is None:
            self._open = [(number, text)]
            return None
        return self._row(number, text, cells)

    def _is_row(self, cells: Sequence[str] | None) -> bool:
        """Whether a line that begins with `#` is a row, or the first line of one, and not a remark."""
        if self._is_first:
            return cells is not None and self._is_header(cells)
        return self._has_header and (cells is None or _has_imei(cells))

    def _is_separator_line(self, text: str) -> bool:
        """Whether this is the line `sep=;` at the top, which names the delimiter. Raises Invalid."""
        found = _SEPARATOR_LINE.fullmatch(text) if self._is_first and not self._delimiter else None
        if found is None:
            return False
        if found[1] not in DELIMITERS:
            raise Invalid(f"the first line names the delimiter {found[1]!r}; use a comma, a semicolon or a tab")
        self._delimiter = found[1]
        return True

    def _give_up(self, problem: str) -> Iterator[TableRow]:
        """Reports the first of the open lines, and reads the others again as lines of their own."""
        (number, text), *others = self._open
        self._open, self._is_first = [], False
        yield TableRow(number, [], text, problem)
        for other in others:
            yield from self._add(*other)

    def _row(self, number: int, text: str, cells: list[str]) -> TableRow | None:
        """The row; None if it is empty."""
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            return None
        if self._is_first:
            self._has_header = self._is_header(cells)
            self._is_first = False
        problem = ""
        if len(cells) > MAX_CELLS:
            problem = f"the line has {len(cells)} cells; at most {MAX_CELLS} are read"
        elif len(text) > MAX_CELL_CHARS and (longest := max(map(len, cells))) > MAX_CELL_CHARS:
            problem = f"a cell has {longest} characters; at most {MAX_CELL_CHARS} are read"
        return TableRow(number, [] if problem else cells, text, problem)

    def _cells(self, text: str) -> list[str] | None:
        """The cells of the row; None if a quotation mark is open at its end."""
        if self._delimiter:
            return _split(text, self._delimiter)
        if not _ANY_DELIMITER.search(text):
            return _split(text, ",")
        found = [(delimiter, cells) for delimiter in DELIMITERS if (cells := _split(text, delimiter)) is not None]
        if not found:
            return None
        rated = [
            (self._is_header(cells), _has_imei(cells), len(cells), place) for place, (_, cells) in enumerate(found)
        ]
        is_header, has_imei, count, _ = best = max(rated, key=lambda one: one[:3])
        delimiter, cells = found[best[3]]
        if count > 1 and (is_header or has_imei):
            self._delimiter = delimiter
        return cells


def _has_imei(cells: Sequence[str]) -> bool:
    return any(len(cell) == 15 and cell.isascii() and cell.isdigit() for cell in cells)


def _split(text: str, delimiter: str) -> list[str] | None:
    """The cells of a row; None if a quotation mark is open at its end.

    An open quotation mark takes in what is added to the end.
    """
    if '"' not in text:
        return [cell if cell.isalnum() else clean_cell(cell) for cell in text.split(delimiter)]
    try:
        *cells, end = next(csv.reader([f"{text}{delimiter}{_END}"], delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return [clean_cell(cell) for cell in text.split(delimiter)]
    return [clean_cell(cell) for cell in cells] if end == _END else None


def clean_cell(text: str) -> str:
    """The cell without blanks around it, as `990000000000001` for `="990000000000001"` and `'990000000000001`."""
    text = text.strip(_BLANKS)
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1].strip(_BLANKS)
    if text.startswith("'") and (text[1:2].isdigit() or text[1:2] in ("=", "+", "-", "@")):
        return text[1:].strip(_BLANKS)
    return text
