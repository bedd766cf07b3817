"""`--random-seed` and `--clock` make two runs of the emulator equal to the byte; `serve` refuses both."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fotapool.app import Server
from fotapool.cli.main import main
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from support.helpers import ACCOUNT, OPERATOR, SEED, Api, seed_file

START = "2026-03-01T08:30:00Z"
OPTIONS = ("--random-seed", "42", "--clock", START, "--operator-key", OPERATOR)


def play(address: str) -> list[str]:
    """Signs in and lets licenses be assigned, reclaimed and put under notice; answers all that was answered."""
    told: list[str] = []

    def note(response: httpx.Response) -> None:
        told.append(f"{response.status_code} {response.headers.get('x-request-id')} {response.text}")

    with httpx.Client(
        base_url=address, timeout=120, event_hooks={"response": [lambda one: (one.read(), note(one))]}
    ) as c:
        api = Api(c)
        api.sign_in()
        api.control("POST", "/clients", {})
        api.control("POST", "/users", {"username": "someone", "accounts": [ACCOUNT]})
        api.assign(0, 1, 2)
        api.upgrade(0, "inProgress")
        api.subscribe(1)
        api.advance("P70D")
        api.sign_in()
        api.control("GET", f"/accounts/{ACCOUNT}/ledger")
        api.control("GET", f"/accounts/{ACCOUNT}/statements/2026-03?format=csv")
        api.control("GET", f"/accounts/{ACCOUNT}/devices")
    return told


def test_two_runs_with_the_same_seed_and_clock_answer_the_same_to_the_byte(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    seed = seed_file(tmp_path, SEED)
    runs = []
    for number in ("42", "42", "43"):
        arguments = ("emulate", "--seed", seed, *OPTIONS, "--random-seed", number)
        with server_process(*arguments) as (address, _):
            runs.append(play(address))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_frozen_clock_stands_still_until_it_is_moved_and_reset_takes_it_back(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    def clock(client: httpx.Client, method: str = "GET", body: Any = None) -> dict[str, Any]:
        answer: dict[str, Any] = Api(client).control(method, "/clock", body).json()
        return answer

    arguments = ("emulate", "--seed", seed_file(tmp_path, SEED), *OPTIONS)
    with server_process(*arguments) as (address, _), httpx.Client(base_url=address, timeout=120) as client:
        at_start = {
            "now": "2026-03-01T08:30:00.000Z",
            "aheadSeconds": 0.0,
            "frozen": True,
            "nextDue": None,
            "happened": [],
        }
        assert clock(client) == clock(client) == at_start
        assert clock(client, "POST", {"advance": "PT1H"})["now"] == "2026-03-01T09:30:00.000Z"
        assert clock(client)["now"] == "2026-03-01T09:30:00.000Z"
        assert Api(client).control("POST", "/reset").status_code == 204
        assert clock(client) == at_start
        created = Api(client).control("GET", f"/accounts/{ACCOUNT}").json()["createTime"]
        assert created == "2026-03-01T08:30:00.000Z"


def test_without_the_option_the_clock_goes_on(server_process: Callable[..., Any], tmp_path: Path) -> None:
    with (
        server_process("emulate", "--operator-key", OPERATOR) as (address, _),
        httpx.Client(base_url=address, timeout=120) as client,
    ):
        first = Api(client).control("GET", "/clock").json()
        assert first["frozen"] is False
        deadline = time.monotonic() + 120
        while Api(client).control("GET", "/clock").json()["now"] == first["now"]:
            assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("serve", "--random-seed", "1"), "--random-seed is only for `fotapool emulate`"),
        (("serve", "--clock", START), "--clock is only for `fotapool emulate`"),
        (("emulate", "--clock", "yesterday"), "must be a time from 1970 to 9997, as in 2026-03-01T00:00:00Z"),
        (("emulate", "--clock", "1969-12-31T23:59:59Z"), "must be a time from 1970 to 9997"),
        (("emulate", "--clock", "9998-01-01"), "must be a time from 1970 to 9997"),
        (("emulate", "--random-seed", "-1"), "--random-seed"),
    ],
)
def test_a_seed_or_clock_that_cannot_be_is_refused_in_words(arguments: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


@pytest.mark.parametrize("settings", [{"random_seed": 0}, {"clock": datetime(2026, 3, 1, tzinfo=UTC)}])
def test_a_server_for_operators_takes_neither(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="for the emulator"):
        Server(Settings(database=f"sqlite:///{tmp_path}/a.db", **settings))
    assert list(tmp_path.iterdir()) == []
