"""Files of devices for the commands: as spreadsheets save them, what is said of them, and the file of failed lines."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from support.helpers import ACCOUNT, Api, device, devices

ASSIGN = ("licenses", "assign", ACCOUNT)
NEW = "490154203237518"


def saved(directory: Path, text: str, encoding: str = "utf-8", name: str = "mine.csv") -> str:
    path = directory / name
    path.write_bytes(text.encode(encoding))
    return str(path)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_of_a_spreadsheet_is_read(api: Api, cli: Any, tmp_path: Path, encoding: str, line_end: str) -> None:
    lines = ["sep=;", "Köln;Serial Number;;", f'x;="{device(3)}";;', f"y; {device(1)} ;;", ";;;"]
    result = cli(*ASSIGN, "--file", saved(tmp_path, line_end.join(lines), encoding))
    assert api.licensed() == devices(1, 3)
    assert "Columns ignored: Köln." in result.stderr
    assert ("read as Windows-1252" in result.stderr) is (encoding == "cp1252")


def test_repeated_devices_are_named_by_their_lines(cli: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, "".join(f"{device(number)}\n" for number in (1, 2, 1)))
    result = cli(*ASSIGN, "--file", path)
    assert f"1 devices were given more than once; each is sent once:\n  line 3: {device(1)}, as line 1" in result.stderr


def test_malformed_lines_and_refused_devices_are_written_to_a_file_that_can_be_sent(
    api: Api, cli: Any, tmp_path: Path
) -> None:
    path = saved(tmp_path, "\n".join(["Site,IMEI", *(f"A,{one}" for one in devices(*range(6))), "B,12345678901237"]))
    failed = tmp_path / "failed.csv"
    result = cli(*ASSIGN, "--file", path, "--failed-lines", str(failed), code=2)
    assert "Nothing was sent" in result.stderr
    assert [(row["line"], row["value"], row["Site"]) for row in rows(failed)] == [("8", "12345678901237", "B")]
    assert "leading zero" in rows(failed)[0]["reason"]
    assert "exists" in cli(*ASSIGN, "--file", path, "--failed-lines", str(failed), code=2).stderr

    failed = tmp_path / "failed-2.csv"
    options = ("--skip-malformed", "--parallel", "1", "--failed-lines", str(failed))
    assert f"failed lines are in {failed}" in cli(*ASSIGN, "--file", path, *options, code=1).stderr
    assert [(row["line"], row["deviceId"]) for row in rows(failed)] == [("7", device(5)), ("8", "12345678901237")]

    api.subscribe(10)
    failed.write_text(failed.read_text().replace(",12345678901237,", f",{device(7)},"))
    cli(*ASSIGN, "--file", str(failed), "--failed-lines", str(tmp_path / "failed-3.csv"))
    assert api.licensed() == devices(0, 1, 2, 3, 4, 5, 7)
    assert not (tmp_path / "failed-3.csv").exists()


def test_candidates_write_their_failed_lines_too(api: Api, cli: Any, tmp_path: Path) -> None:
    failed = tmp_path / "failed.csv"
    path = saved(tmp_path, f"IMEI\n{device(1)}\n9.9E+14\n")
    cli("candidates", "replace", ACCOUNT, "--file", path, "--skip-malformed", "--failed-lines", str(failed))
    assert [row["value"] for row in rows(failed)] == ["9.9E+14"]
    assert api.pool()["candidates"] == 1


def test_an_import_writes_its_failed_lines_and_says_what_was_ignored(api: Api, cli: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, f"IMEI\tMake\tSite\r\n{NEW}\tÄ\tx\r\n12\tÄ\ty\r\n", "utf-16", "mine.txt")
    failed = tmp_path / "failed.csv"
    result = cli("devices", "import", ACCOUNT, path, "--failed-lines", str(failed), code=1)
    assert "1 of 2 devices imported" in result.stdout
    assert "Columns ignored: Site." in result.stderr
    assert [(row["line"], row["value"], row["make"], row["Site"]) for row in rows(failed)] == [("3", "12", "Ä", "y")]
    again = cli.one("devices", "import", ACCOUNT, path, "--failed-lines", str(tmp_path / "more.csv"), code=1)
    assert "failedLines" not in again


def test_a_workbook_is_refused_with_what_to_do(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.xlsx"
    path.write_bytes(b"PK\x03\x04 and more")
    result = cli(*ASSIGN, "--file", str(path), code=2)
    assert "an Excel workbook or another archive: save the sheet as CSV" in result.stderr
