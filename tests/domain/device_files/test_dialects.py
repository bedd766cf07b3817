"""Files of devices as people save them: the same table in every dialect reads as the same rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fotapool.domain.devices.device_lists import read_device_list
from fotapool.services.devices.import_lines import CsvReader

MAX_BYTES = 64 * 1024
LETTERS = "abcXYZ 0123456789.,;|\t\"'#{}éüß€-\n"
IMEIS = st.integers(0, 10**15 - 1).map("{:015d}".format)
TEXTS = st.text(LETTERS, max_size=12).map(str.strip).filter(lambda text: text[:1] not in ("'", "="))
HEADERS = {
    "deviceId": ["imei", "IMEI", "Device ID", "device_id", "deviceId", "Serial Number", " IMEI "],
    "make": ["make", "Manufacturer", "VENDOR"],
    "mdn": ["mdn", "MSISDN", "Phone"],
}
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "cp1252": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
}


@dataclass
class Dialect:
    """How a table is saved."""

    delimiter: str
    encoding: str
    line_end: str
    quoting: Any
    has_separator_line: bool
    ends_with_line_end: bool
    padding: str
    imei: str
    extra: str
    blank_lines: bool

    def save(self, header: list[str], rows: Iterable[list[str]]) -> bytes:
        """The file."""
        text = io.StringIO()
        quoting = csv.QUOTE_ALL if self.line_end == "\r" else self.quoting  # else "\n" in a cell would not be quoted
        quotes_all = quoting == csv.QUOTE_ALL
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.line_end, quoting=quoting)
        if self.has_separator_line:
            text.write(f"sep={self.delimiter}{self.line_end}")
        for cells in [header, *rows]:
            padded = cells if quotes_all else [_padded(cell, self.padding) for cell in cells]
            writer.writerow(padded + {"": [], "empty": ["", ""], "named": ["Wert 1"]}[self.extra])
            if self.blank_lines:
                text.write(self.line_end)
        content = text.getvalue() if self.ends_with_line_end else text.getvalue().removesuffix(self.line_end)
        return ENCODINGS[self.encoding] + content.encode(self.encoding)


def _padded(cell: str, padding: str) -> str:
    return f"{padding}{cell}{padding}" if cell else cell


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(list(ENCODINGS)),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    has_separator_line=st.booleans(),
    ends_with_line_end=st.booleans(),
    padding=st.sampled_from(["", " ", "\xa0"]),
    imei=st.sampled_from(["{}", '="{}"', "'{}"]),
    extra=st.sampled_from(["", "empty", "named"]),
    blank_lines=st.booleans(),
)
ROWS = st.lists(st.tuples(IMEIS, TEXTS, TEXTS), min_size=1, max_size=5)


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@given(
    ROWS,
    DIALECTS,
    st.tuples(*(st.sampled_from(names) for names in HEADERS.values())),
    st.permutations(range(3)),
    st.integers(1, 50),
)
def test_every_dialect_of_a_table_reads_as_the_same_rows(
    rows: list[tuple[str, str, str]], dialect: Dialect, names: tuple[str, ...], order: list[int], size: int
) -> None:
    table = [[dialect.imei.format(imei), make, mdn] for imei, make, mdn in rows]
    saved = dialect.save([names[at] for at in order], [[row[at] for at in order] for row in table])
    reader = CsvReader(MAX_BYTES)
    lines = [line for chunk in cut(saved, size) for line in reader.feed(chunk)] + list(reader.close())
    members = list(HEADERS)
    wanted = [{name: cell for name, cell in zip(members, row, strict=True) if cell} for row in rows]
    assert [line.found for line in lines] == wanted
    assert ("Columns ignored: Wert 1." in reader.notes) is (dialect.extra == "named")
    found = read_device_list(cut(saved, size), 100)
    assert list(found.devices) == list(dict.fromkeys(imei for imei, _, _ in rows))
    assert found.failed.count == 0


@given(st.lists(IMEIS, min_size=1, max_size=8, unique=True), DIALECTS, st.integers(1, 50))
def test_a_list_of_imeis_reads_the_same_with_and_without_a_header(
    imeis: list[str], dialect: Dialect, size: int
) -> None:
    dialect.extra = ""
    rows = [[dialect.imei.format(imei)] for imei in imeis]
    with_header = dialect.save(["Imei"], rows)
    without = dialect.save(rows[0], rows[1:])
    for content in (with_header, without):
        assert list(read_device_list(cut(content, size), 100).devices) == imeis
        reader = CsvReader(MAX_BYTES)
        lines = [line for chunk in cut(content, size) for line in reader.feed(chunk)] + list(reader.close())
        assert [line.found for line in lines] == [{"deviceId": imei} for imei in imeis]


@given(st.binary(max_size=300), st.integers(1, 300))
def test_no_bytes_bring_a_reader_down_however_they_are_cut(content: bytes, size: int) -> None:
    def read(chunks: list[bytes]) -> Any:
        try:
            found = read_device_list(chunks, 1000)
        except Exception as error:
            return type(error), str(error)
        return found.devices, found.failed.lines, found.notes

    assert read(cut(content, size)) == read([content])
