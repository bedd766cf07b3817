"""What the command line prints of texts that others chose."""

from __future__ import annotations

import csv
import io
import json

import pytest

from fotapool.cli.client.failures import RequestFailed
from fotapool.cli.client.output import print_csv, print_json, print_record, print_table, stderr_note
from fotapool.core.csv_export import csv_lines

EVIL = "a\x1b[2Jb\x07\x9b31m\u202ec\x00\r"
SHOWN = "a\\x1b[2Jb\\x07\\x9b31m\\u202ec\\x00\\x0d"


def test_control_characters_are_shown_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": EVIL}], "name")
    print_record({"name": EVIL}, as_json=False)
    stderr_note(EVIL)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["NAME", SHOWN, f"name  {SHOWN}"]
    assert printed.err == f"{SHOWN}\n"


def test_a_text_is_one_line_of_a_table_or_record(capsys: pytest.CaptureFixture[str]) -> None:
    name = "done\nstate  failed\t\r"
    print_table([{"name": name}], "name")
    print_record({"name": name}, as_json=False)
    shown = r"done\x0astate  failed\x09\x0d"
    assert capsys.readouterr().out.splitlines() == ["NAME", shown, f"name  {shown}"]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_csv_has_no_formulas(capsys: pytest.CaptureFixture[str], first: str) -> None:
    print_csv([{"text": f"{first}1", "number": -1, "list": ["=1"]}], ["text", "number", "list"])
    printed = io.StringIO(capsys.readouterr().out, newline="")
    assert list(csv.reader(printed))[1] == [f"'{first}1", "-1", '["=1"]']
    assert csv_lines([[f"{first}1"]]).decode().startswith(("'", "\"'"))


def test_a_failure_shows_the_controls_of_the_server_s_message_escaped() -> None:
    failure = RequestFailed(f"409 {EVIL}", next_step=EVIL)
    assert failure.format_message() == f"409 {SHOWN}\n{SHOWN}"


def test_json_has_no_control_characters_and_the_same_value(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": EVIL})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": EVIL}
    assert all(character.isprintable() or character == "\n" for character in printed)
