"""Lists of devices: headers, lines of several IMEIs, remarks, what is wrong with a value, failed lines, limits."""

from __future__ import annotations

import pytest

from fotapool.domain.devices import device_lists, failed_lines, tables
from fotapool.domain.devices.device_lists import DeviceList, TooManyDevices, read_device_list, why_not_imei
from fotapool.domain.devices.failed_lines import FailedLine, FailedLines
from fotapool.domain.errors import Invalid

A, B, C, D = (f"{number:015d}" for number in (1, 2, 3, 4))


def read(text: str | bytes) -> DeviceList:
    return read_device_list([text.encode() if isinstance(text, str) else text], 1000)


def failed(text: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.value, one.reason) for one in read(text).failed.lines]


def test_a_list_is_one_imei_a_line_or_several_and_keeps_its_order() -> None:
    found = read(f"\ufeff{B}\n\n {A} , {C};{D}\r\n")
    assert found.devices == {B: 1, A: 3, C: 3, D: 3}
    assert found.failed.count == 0


@pytest.mark.parametrize(
    "text",
    [
        f"deviceId\n{A}\n{B}",
        f'name,"IMEI",more\nx,{A},y\n"a, b","{B}",y\n',
        f"Device ID;x\n'{A};1\n{B};1\n",
        f"x\tdevice_id\n1\t{A}\n2\t{B}\n",
        f"#;IMEI;Make\n#1;{A};x\n#2;{B};x\n",
        f"sep=;\nMake, Model;Imei\nAcme, A;{A}\nAcme, B;{B}\n",
        f'"sep=|"\nImei|x\n{A}|\n{B}\n',
        f"Serial;IMEI\nS1;{A}\nS2;{B}\n",
        f'Note;IMEI\n"two\nlines ""quoted""";{A}\n5" pipe;{B}\n',
        f"{A};Acme, Inc.\n{B};Acme\n",
        f'{{"deviceId": "{A}"}}\n{{"imei": "{B}", "note": "a, \\"b"}}\n',
        f"# remark\n{A}\n#{C}\n{B}\n",
        f" {A} \n\t{B}\xa0\n;;;\n",
        f'"{A}" ;"x"\n"{B}" ; "y" \n',
        f'IMEI;x\n="{A}";y\n"=""{B}""";y\n',
        f'["{A}","{B}"]',
        f"Device ID (IMEI);Site\n{A};x\n{B};y\n",
        f"IMEI\n{A[:2]} {A[2:8]} {A[8:14]} {A[14]}\n{B[:8]}-{B[8:14]}-{B[14]}\n",
        f"IMEI;Site\n{A}.0;x\n{B},00;y\n",
    ],
)
def test_the_column_of_imeis_is_found(text: str) -> None:
    assert list(read(text).devices) == [A, B]
    assert failed(text) == []


def test_a_row_that_spans_lines_has_the_number_of_its_first_one() -> None:
    found = read(f'Note;IMEI\n"two\nlines";{A}\nx;{B}\n')
    assert found.devices == {A: 2, B: 4}


def test_lines_without_an_imei_fail_with_their_number_and_repeated_devices_are_named() -> None:
    found = read(f"{A}\nabc\n00000000000001\n{A}\n{B}")
    assert list(found.devices) == [A, B]
    assert [(one.line, one.value) for one in found.failed.lines] == [(2, "abc"), (3, "00000000000001")]
    assert found.repeated == [(4, A, 1)]
    assert found.repeated_count == 1


def test_a_line_of_a_list_in_which_one_of_several_is_wrong_fails_for_it_alone() -> None:
    assert list(read(f"{A},{B}\n99000000000000,{C}\n").devices) == [A, B, C]
    assert failed(f"{A},{B}\n99000000000000,{C}\n")[0][:2] == (2, "99000000000000")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9.9E+14", "is an IMEI that Excel has shortened: format the column as Text"),
        ("9,90000E+14", "is an IMEI that Excel has shortened"),
        ("99000000000000", "has 14 digits; an IMEI has 15. Its check digit is missing, or Excel has dropped"),
        ("12345678901237", "has 14 digits; an IMEI has 15. Excel has probably dropped its leading zero"),
        ("4901542032375186", "has 16 digits; it is an IMEISV"),
        ("12", "has 2 digits; an IMEI has 15"),
        ("", "is empty"),
        ("x", "is not an IMEI of 15 digits"),
        ("\u0661" * 15, "is not an IMEI of 15 digits"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_with_what_to_do(text: str, words: str) -> None:
    assert why_not_imei(text).startswith(words)


def test_the_hint_at_excel_reaches_the_lines() -> None:
    found = failed("IMEI;Make\n9.9E+14;Acme\n12345678901237;Acme\n;Acme\n")
    assert [(line, value) for line, value, _ in found] == [(2, "9.9E+14"), (3, "12345678901237"), (4, "")]
    assert "Excel has shortened" in found[0][2]
    assert "leading zero" in found[1][2]


def test_columns_that_are_not_read_are_named() -> None:
    assert read(f"IMEI;Site;;Notes\n{A};x;y;z").notes == ["Columns ignored: Site, column 3, Notes."]
    assert read(f"IMEI;;\n{A};;").notes == []
    assert read(f"{A};Acme\n").notes == ["The file has no header; only column 1 was read."]
    assert read(f"IMEI;Name\n{A};Café".encode("cp1252")).notes == [
        "Columns ignored: Name.",
        "The file is not UTF-8 and was read as Windows-1252.",
    ]


def test_failed_lines_are_a_table_that_can_be_fixed_and_sent_again() -> None:
    found = read(f"Site;IMEI;Site 2\nBerlin;{A};x\n=Paris;12;y\nRom;;z\n")
    rows = list(found.failed.rows())
    assert rows[0] == ["line", "value", "reason", "deviceId", "Site", "Site 2"]
    assert rows[1][:2] + rows[1][3:] == [3, "12", "12", "=Paris", "y"]
    mended = (
        "\n".join(",".join(map(str, row)) for row in rows).replace(",12,=", f",{B},=").replace(",,Rom", f",{C},Rom")
    )
    again = read(mended)
    assert list(again.devices) == [B, C]
    assert again.notes == ["Columns ignored: Site, Site 2."]


def test_failed_lines_have_a_limit_and_further_ones_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_lines, "MAX_FAILED_LINES", 2)
    found = FailedLines()
    for line in range(5):
        found.add(line, "x", "wrong", {"deviceId": "x\x00"})
    assert (found.count, found.further, len(found.lines)) == (5, 3, 2)
    assert found.lines[0] == FailedLine(0, "x", "wrong", {"deviceId": "x "})
    monkeypatch.setattr(failed_lines, "MAX_FAILED_CHARS", 10)
    long = FailedLines()
    long.add(1, "x" * 11, "wrong", {})
    assert (long.count, long.lines) == (1, [])


def test_a_list_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(f"{n:015d}" for n in range(4)).encode()
    assert len(read_device_list([text], 4).devices) == 4
    with pytest.raises(TooManyDevices):
        read_device_list([text], 3)
    monkeypatch.setattr(device_lists, "MAX_LIST_LINES", 2)
    with pytest.raises(TooManyDevices):
        read("x\ny\nz")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"IMEI;x\n{A}{';' * 300}y\n", "the line has 301 cells; at most 256 are read"),
        (f"IMEI;x\n{A};{'y' * 40_000}\n", "a cell has 40000 characters; at most 32767 are read"),
        (f"IMEI;x\n{A};{'y' * 70_000}\n", "the line is longer than 65536 bytes"),
        (f'IMEI;x\n{A};"y\n', "the quotation mark is not closed"),
    ],
)
def test_cells_and_lines_have_limits(text: str, reason: str) -> None:
    found = read(f"{text}{B}\n{C};z\n")
    assert [(one.line, one.reason) for one in found.failed.lines] == [(2, reason)]
    assert found.devices == {B: 3, C: 4}


def test_a_quotation_mark_that_stays_open_fails_for_its_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROW_LINES", 3)
    lines = [f"{number:015d};x" for number in range(10)]
    found = read("\n".join(["IMEI;x", f'{A};"open', *lines, f'{B};"again']))
    assert [one.line for one in found.failed.lines] == [2, 13]
    assert len(found.devices) == 10


def test_a_damaged_line_of_a_file_that_says_it_is_utf_8_fails() -> None:
    found = read(b"\xef\xbb\xbfIMEI;x\n" + f"{A};".encode() + b"\xe9\n" + f"{B};y\n".encode())
    assert [(one.line, one.reason) for one in found.failed.lines] == [(2, "the line is not UTF-8")]
    assert list(found.devices) == [B]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "an Excel workbook or another archive: save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "an Excel workbook: save the sheet as CSV"),
        (b"%PDF-1.7", "a PDF"),
        (b"sep=x\n" + A.encode(), "the first line names the delimiter 'x'"),
        (f"IMEI;imei\n{A};{B}".encode(), "the header has the column 'IMEI' twice"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("'", ".")):
        read(content)
