"""`fotapool licenses …`: any number of devices, whatever happens on the way."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.helpers import ACCOUNT, SEED, Api, device, devices

ASSIGN = ("licenses", "assign", ACCOUNT)
REMOVE = ("licenses", "remove", ACCOUNT)


def outcomes(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["deviceId"] for row in rows}) == len(rows), "a device has two outcomes"
    return {row["deviceId"]: row["outcome"] for row in rows}


def listed(directory: Path, *numbers: int) -> str:
    path = directory / "devices.txt"
    path.write_text("".join(f"{device(number)}\n" for number in numbers))
    return str(path)


@pytest.fixture
def large(start: Callable[..., Api], cli_of: Callable[[Api], Any]) -> Any:
    """An emulator whose account has 200 devices and as many licenses, and lists in pages of 7."""
    account = {
        "name": ACCOUNT,
        "licenseCount": 200,
        "devices": [{"first": device(0), "count": 200, "make": "Verizon", "model": "Model-A", "firmware": "1"}],
    }
    return cli_of(start({**SEED, "accounts": [account]}, page_size=7))


def test_devices_named_as_arguments_are_assigned_and_the_rest_is_told(api: Api, cli: Any) -> None:
    result = cli(*ASSIGN, device(0), device(1), "123456789012345", code=1)
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [["assigned", "2"], ["unknown-device", "1"]]
    assert "123456789012345  unknown-device  Device Not Found." in result.stderr
    assert "2 of 5 licenses are used" in result.stderr
    assert api.licensed() == devices(0, 1)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_each_version_says_the_same(api: Api, cli: Any, version: str) -> None:
    api.assign(0)
    found = cli.rows(*ASSIGN, "--api", version, *devices(0, 1, 2, 3, 4, 5), "123456789012345", code=1)
    assert [row["outcome"] for row in found] == [
        "already-licensed",
        "assigned",
        "assigned",
        "assigned",
        "assigned",
        "no-free-license",
        "unknown-device",
    ]
    assert [row["deviceId"] for row in cli.rows("licenses", "list", ACCOUNT, "--api", version)] == devices(
        0, 1, 2, 3, 4
    )
    assert cli.one("licenses", "show", ACCOUNT, "--api", version)["licenseUsedCount"] == 5
    assert cli.rows(*REMOVE, "--api", version, device(4))[0]["outcome"] == "removed"
    again = cli.rows(*REMOVE, "--api", version, device(4))[0]
    assert (again["outcome"], again["message"]) == ("not-licensed", "No license attached to device")


@pytest.mark.parametrize(
    "text",
    [
        "{0}\n{1}\n",
        "\ufeff{0}\r\n\r\n# a remark\r\n{1}\r\n",
        'name,IMEI\nfirst,{0}\n"second, the",{1}\n',
        "deviceId;make\n{0};X\n{1};Y\n",
        "{0},X\n{1},Y\n",
        '{{"deviceId": "{0}"}}\n{{"imei": "{1}"}}\n',
    ],
    ids=["lines", "windows", "csv", "semicolons", "no header", "json lines"],
)
def test_devices_come_from_files_of_several_forms(api: Api, cli: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "devices"
    path.write_text(text.format(device(3), device(2)), encoding="utf-8", newline="")
    cli(*ASSIGN, "--file", str(path))
    assert api.licensed() == devices(2, 3)


def test_devices_come_from_a_pipe(api: Api, cli: Any) -> None:
    result = cli(*ASSIGN, "--file", "-", given=f"{device(7)}\n{device(7)}\n")
    assert "1 devices were given more than once" in result.stderr
    assert api.licensed() == devices(7)


def test_what_one_command_lists_another_takes(api: Api, cli: Any) -> None:
    listing = cli("devices", "list", ACCOUNT, "--json", "--limit", "3").stdout
    cli(*ASSIGN, "--file", "-", given=listing)
    assert api.licensed() == devices(0, 1, 2)


def test_nothing_is_sent_if_one_is_no_imei(api: Api, cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "devices.txt"
    path.write_text(f"{device(0)}\n99000000000000\n9900000000000001\nabc\n")
    result = cli(*ASSIGN, "--file", str(path), code=2)
    assert "line 2: '99000000000000' has 14 digits; an IMEI has 15" in result.stderr
    assert "line 3: '9900000000000001' has 16 digits; it is an IMEISV" in result.stderr
    assert "Nothing was sent" in result.stderr
    assert api.licensed() == []
    cli(*ASSIGN, "--file", str(path), "--skip-malformed")
    assert api.licensed() == devices(0)


def test_a_check_tells_what_would_become_of_each_and_changes_nothing(api: Api, cli: Any) -> None:
    api.assign(0, 1)
    given = [*devices(1, 2, 3, 4, 5, 6), "123456789012345"]
    found = cli.rows(*ASSIGN, "--check", *given, code=1)
    assert [row["outcome"] for row in found] == [
        "already-licensed",
        "would-assign",
        "would-assign",
        "would-assign",
        "no-free-license",
        "no-free-license",
        "unknown-device",
    ]
    assert [row["outcome"] for row in cli.rows(*REMOVE, "--check", *devices(1, 2))] == ["would-remove", "not-licensed"]
    assert api.licensed() == devices(0, 1)


@pytest.mark.parametrize("name", ["..", "a/b", "", "0" * 65])
def test_what_is_no_name_of_an_account_is_not_sent(cli: Any, name: str) -> None:
    assert "is not an account name" in cli("licenses", "list", name, code=2).stderr


def test_wrong_check_digits_are_told_and_are_no_reason_not_to_try(cli: Any) -> None:
    assert "1 of 2 IMEIs have a wrong check digit" in cli(*ASSIGN, device(0), "990000000000002").stderr


def test_lists_of_any_length_go_on_page_by_page(large: Any, tmp_path: Path) -> None:
    large(*ASSIGN, "--file", listed(tmp_path, *range(100)), "--chunk", "9")
    assert [row["deviceId"] for row in large.rows("licenses", "list", ACCOUNT)] == devices(*range(100))
    result = large("licenses", "list", ACCOUNT, "--limit", "20")
    assert len(result.stdout.splitlines()) == 21
    assert "Only the first 20 rows are shown" in result.stderr


def test_the_result_file_has_each_device_once(large: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    large(*ASSIGN, "--file", listed(tmp_path, *range(50)), "--chunk", "7", "--results", str(path))
    assert outcomes(path) == dict.fromkeys(devices(*range(50)), "assigned")
    assert "--resume" in large(*ASSIGN, "--file", listed(tmp_path, 1), "--results", str(path), code=2).stderr


def test_a_run_goes_on_where_the_result_file_ends_even_within_a_line(large: Any, tmp_path: Path) -> None:
    path, file = tmp_path / "out.csv", listed(tmp_path, *range(30))
    large(*ASSIGN, "--file", file, "--results", str(path), "--resume")
    whole = path.read_text()
    path.write_text(whole[: whole.index(device(20)) + 20])  # as a run that was killed leaves it
    result = large(*ASSIGN, "--file", file, "--results", str(path), "--resume")
    assert "10 devices in" in result.stderr
    assert "20 skipped, they had an outcome before" in result.stderr
    found = outcomes(path)
    assert set(found) == set(devices(*range(30)))
    assert [found[device(number)] for number in (19, 20)] == ["assigned", "already-licensed"]


def test_the_exit_code_is_about_the_whole_list_whichever_run_asked(cli: Any, tmp_path: Path) -> None:
    path, file = tmp_path / "out.csv", listed(tmp_path, *range(6))
    for _ in range(2):
        result = cli(*ASSIGN, "--file", file, "--results", str(path), "--resume", code=1)
        assert ["no-free-license", "1"] in [line.split()[:2] for line in result.stdout.splitlines()]


def test_a_result_file_of_another_account_or_action_is_not_gone_on_with(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    cli(*ASSIGN, device(0), "--results", str(path))
    assert (
        f"has results of assign {ACCOUNT}" in cli(*REMOVE, device(0), "--results", str(path), "--resume", code=2).stderr
    )
    path.write_text("something else\n")
    assert "is not a result file" in cli(*ASSIGN, device(0), "--results", str(path), "--resume", code=2).stderr


@pytest.mark.parametrize(
    "rule",
    [
        ("--drop", "after"),
        ("--drop", "before"),
        ("--status", "429", "--retry-after", "0"),
        ("--status", "503"),
        ("--expire-token", "bearer"),
        ("--expire-token", "session"),
    ],
    ids=" ".join,
)
def test_a_fault_in_the_midst_costs_nobody_a_license(large: Any, tmp_path: Path, rule: tuple[str, ...]) -> None:
    large("faults", "add", "--path", "/fota/v3/licenses/*/assign", "--every", "3", "--times", "3", *rule)
    path = tmp_path / "out.csv"
    large(*ASSIGN, "--file", listed(tmp_path, *range(100)), "--chunk", "10", "--results", str(path))
    assert set(outcomes(path)) == set(devices(*range(100)))
    assert large.one("faults", "list")["fired"] == 3
    entries = large.rows("ledger", ACCOUNT)
    assert sorted(entry["deviceId"] for entry in entries) == devices(*range(100))


def test_after_a_failure_the_command_says_how_far_it_got_and_how_to_go_on(large: Any, tmp_path: Path) -> None:
    large("faults", "add", "--path", "/fota/v3/licenses/*/assign", "--nth", "4", "--status", "500")
    path, file = tmp_path / "out.csv", listed(tmp_path, *range(50))
    result = large(*ASSIGN, "--file", file, "--chunk", "10", "--parallel", "1", "--results", str(path), code=4)
    assert "30 of 50 devices have an outcome." in result.stderr
    assert "--resume" in result.stderr
    large(*ASSIGN, "--file", file, "--results", str(path), "--resume")
    assert outcomes(path) == dict.fromkeys(devices(*range(50)), "assigned")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_run_that_was_stopped_can_be_gone_on_with(large: Any, tmp_path: Path, number: int) -> None:
    path, file = tmp_path / "out.csv", listed(tmp_path, *range(200))
    large("faults", "add", "--path", "/fota/v3/licenses/*/assign", "--latency-ms", "20")
    command = [
        sys.executable,
        "-m",
        "fotapool.cli",
        *ASSIGN,
        "--file",
        file,
        "--chunk",
        "2",
        "--results",
        str(path),
        "--json",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **large.environment}
    ) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert json.loads(process.stdout.readline())["outcome"] == "assigned"
        process.send_signal(number)
        told = process.communicate(timeout=120)[1]
    assert 5 <= len(outcomes(path)) < 200
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "--resume" in told
        used = large.one("licenses", "show", ACCOUNT)["licenseUsedCount"]
        assert used == len(outcomes(path)), "what was under way was not written down"
    large(*ASSIGN, "--file", file, "--results", str(path), "--resume")
    assert set(outcomes(path)) == set(devices(*range(200)))
    assert len(large.rows("ledger", ACCOUNT)) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of POSIX")
def test_a_person_at_a_terminal_sees_a_bar_and_a_program_does_not(large: Any, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    words = [*ASSIGN, "--file", listed(tmp_path, *range(100)), "--chunk", "10", "--json"]
    environment = {**os.environ, **large.environment, "TERM": "xterm", "COLUMNS": "120"}
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-m", "fotapool.cli", *words], stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        with open(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # Linux ends it with an error
            while block := terminal.read(65536):
                shown += block
        printed = process.communicate(timeout=120)[0]
    assert "100 of 100" in shown.decode()
    assert "devices/s" in shown.decode()
    assert len([json.loads(line) for line in printed.splitlines()]) == 100
    assert b"\x1b" not in printed


def test_a_reader_that_goes_away_is_no_error(large: Any, tmp_path: Path) -> None:
    large(*ASSIGN, "--file", listed(tmp_path, *range(200)))
    command = f"{sys.executable} -m fotapool.cli licenses list {ACCOUNT} --json | head -n 1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=120, env={**os.environ, **large.environment}
    )
    assert json.loads(done.stdout)["deviceId"] == device(0)
    assert done.stderr == ""


def test_candidates_are_replaced_appended_listed_and_cleared(api: Api, cli: Any) -> None:
    cli("candidates", "replace", ACCOUNT, *devices(3, 1))
    assert cli.one("candidates", "append", ACCOUNT, *devices(1, 2)) == {"count": 3}
    assert [row["deviceId"] for row in cli.rows("candidates", "list", ACCOUNT)] == devices(3, 1, 2)
    cli("candidates", "clear", ACCOUNT, given="no\n", code=5)
    cli("candidates", "clear", ACCOUNT, given=f"{ACCOUNT}\n")
    assert "The list is empty" in cli("candidates", "list", ACCOUNT).stderr
    assert api.pool()["candidates"] == 0


@pytest.mark.parametrize("words", [("assign", ACCOUNT, device(0)), ("list", ACCOUNT), ("show", ACCOUNT)])
def test_an_answer_that_is_not_as_documented_is_said_to_be_so(cli: Any, words: tuple[str, ...]) -> None:
    body = "hello" if words[0] == "show" else '{"x": 1}'
    rule = {"match": {"path": "/fota"}, "action": {"status": 200, "body": body}}
    cli("faults", "add", json.dumps(rule))
    assert "unexpected response" in cli("licenses", *words, code=4).stderr


def test_removing_many_licenses_is_confirmed_by_their_number(
    api: Api, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fotapool.cli.client.licenses.licenses.CONFIRMED_FROM", 3)
    api.assign(0, 1, 2, 3)
    many = ("licenses", "remove", ACCOUNT, *devices(0, 1, 2))
    for answer in ("", f"{ACCOUNT}\n", "2\n"):
        assert "nothing was changed" in cli(*many, given=answer, code=5).stderr
    cli(*many, "--check")
    assert api.licensed() == devices(0, 1, 2, 3)
    cli("licenses", "remove", ACCOUNT, *devices(0, 1))
    assert "Type 3 to remove the licenses of 3 devices" in cli(*many, given="3\n").stderr
    assert api.licensed() == devices(3)
    api.assign(0, 1)
    cli(*many, "--yes")
    assert api.licensed() == devices(3)
