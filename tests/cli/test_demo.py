"""The demo: what a new user runs first must work, and must notice when the server answers otherwise."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from fotapool.api.v3 import licenses
from fotapool.cli.demo import script
from fotapool.cli.demo.command import demo
from fotapool.cli.demo.show import Call, differences, format_json
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import Outcome
from fotapool.testing.inbox import Inbox

COMMAND = [sys.executable, "-m", "fotapool.cli", "demo"]


def run_once(*arguments: str) -> Result:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return CliRunner().invoke(demo, ["--once", "--port", "0", *arguments])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_walk_exits_0_and_shows_requests_and_answers() -> None:
    done = subprocess.run([*COMMAND, "--once", "--port", "0"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"fotapool ready on http://127\.0\.0\.1:\d+\n", done.stdout)
    assert done.stdout.count("$ curl -i ") == done.stdout.count("HTTP/1.1 200 OK") == 20
    for shown in (
        "/api/ts/v1/oauth2/token",
        "/api/m2m/v1/session/login",
        "/api/fota/v3/licenses/0000123456-00001/assign",
        "/api/fota/v1/licenses/0402196254-00001/index/0",
        "/api/fota/v2/licenses/0402196254-00001/cancel",
        "License removal not allowed for devices that have ever upgraded firmware.",
        "subscription?preview=true",
        "subscription reduced; the device was on the cancellation candidate list",
        '"consistent": true',
        "/api/fota/v3/campaigns/firmware/0402196254-00001",
        '"advance": "PT15M"',
        "Installation failed.",
        "\nPOST http://127.0.0.1:",
        '"type": "upgradeProgress"',
        "21 steps, every response as documented.",
    ):
        assert shown in done.stdout


def test_an_answer_in_other_words_makes_it_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(licenses.ASSIGN_LABELS, Outcome.ASSIGNED, ("LicenseAssigned", "Success"))
    done = run_once()
    assert done.exit_code == 1
    assert "NOT AS DOCUMENTED: step 3" in done.output
    assert '.deviceList[0].status is "LicenseAssigned", expected "LicenseAssignSuccess"' in done.output


def test_a_reason_in_the_ledger_that_is_missing_makes_it_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryKind.RECLAIMED_CANDIDATE, "why", "because")
    done = run_once()
    assert done.exit_code == 1
    assert "NOT AS DOCUMENTED: step 17" in done.output


def test_a_callback_that_does_not_come_makes_it_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "CALLBACK_WITHIN_S", 0.1)
    monkeypatch.setattr(Inbox, "add", lambda inbox, callback: 200)
    done = run_once()
    assert done.exit_code == 1
    assert "NOT AS DOCUMENTED: step 15" in done.output
    assert "expected 1 callback within 0.1 s" in done.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_serves_on_after_the_walk_until_it_is_told_to_stop(number: signal.Signals) -> None:
    process = subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Try next"):
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_once("--port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "cannot listen on" in done.output


def test_a_curl_command_can_be_pasted_into_a_shell() -> None:
    call = Call("PUT", "/x?preview=true", {"Authorization": "Bearer it's"}, {"a": 1})
    assert call.as_curl("http://h") == (
        "$ curl -i -X PUT 'http://h/x?preview=true' \\\n    -H 'Authorization: Bearer it'\"'\"'s' \\\n"
        "    -H 'Content-Type: application/json' \\\n    --data-raw '{\"a\": 1}'"
    )
    form = Call("POST", "/token", form={"grant_type": "client_credentials"}, user=("key", "secret"))
    assert form.as_curl("http://h") == (
        "$ curl -i http://h/token \\\n    -u key:secret \\\n    --data-raw grant_type=client_credentials"
    )


def test_long_lists_are_cut_short_and_short_ones_are_not() -> None:
    assert format_json({"a": [1, 2, 3, 4], "b": {}}) == '{\n  "a": [1, 2, 3, 4],\n  "b": {}\n}'
    assert format_json([1, 2, 3, 4, 5, 6]) == "[\n  1,\n  2,\n  3,\n  4,\n  … 2 more\n]"


@pytest.mark.parametrize(
    ("expected", "found", "says"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {}, [".a is null, expected 1"]),
        ({"a": 1}, {"a": True}, [".a is true, expected 1"]),
        ({"a": int}, {"a": "1"}, ['.a is "1", expected int']),
        ({"a": re.compile("x+")}, {"a": "y"}, ['.a is "y", expected a text like x+']),
        ([1, 2], [1], [". has 1 rows, expected 2"]),
        ([1], [1, 2], [". has 2 rows, expected 1"]),
        ([1, ...], [1, 2, 3], []),
        ([{"a": 1}], [{"a": 2}], ["[0].a is 2, expected 1"]),
    ],
)
def test_what_differs_from_the_expected_answer_is_told(expected: object, found: object, says: list[str]) -> None:
    assert differences(expected, found) == says
