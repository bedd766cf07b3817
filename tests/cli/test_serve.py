"""`fotapool serve` and `fotapool emulate` as processes: settings, readiness line, orderly end, clear refusals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fotapool.cli.main import main
from fotapool.cli.server.serve import emulate, serve
from support.helpers import ACCOUNT, SEED, Api, devices, seed_file

CLI = [sys.executable, "-m", "fotapool.cli"]


def refused(*arguments: str) -> str:
    """What a start that must fail says."""
    environment = {**os.environ, "FOTAPOOL_PORT": "0"}  # another program may have the default port
    done = subprocess.run([*CLI, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_ready_line_names_the_address_and_sigterm_ends_with_0(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    with server_process("serve", "--database", f"sqlite:///{tmp_path}/a.db", "--operator-key", "k") as (
        address,
        process,
    ):
        assert httpx.get(f"{address}/health/ready").json()["status"] == "ready"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0


@pytest.mark.long_on("postgresql")
def test_workers_share_the_port_and_the_sign_ins(
    server_process: Callable[..., Any], database_url: str, tmp_path: Path
) -> None:
    seed = seed_file(tmp_path, SEED)
    with server_process(
        "serve", "--database", database_url, "--workers", "2", "--seed", seed, "--operator-key", "test-operator-key"
    ) as (address, process):
        with httpx.Client(base_url=address, timeout=120) as client:
            api = Api(client)
            api.sign_in()
        for number in range(8):  # each on a connection of its own, so that both workers get some
            with httpx.Client(base_url=address, timeout=120) as client:
                path = f"/api/fota/v3/licenses/{ACCOUNT}/assign"
                answer = client.post(path, json={"deviceList": devices(number)}, headers=api.tokens)
                assert answer.status_code == 200
        with httpx.Client(base_url=address, timeout=120) as client:
            api.http = client
            assert api.pool()["licenseUsedCount"] == 5
            api.assert_consistent()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0


def test_settings_come_from_options_then_environment_then_file(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    config = tmp_path / "fotapool.toml"
    config.write_text('page-size = 1\ntimestamps = "rfc3339"\noperator-key = "from-file"\n')
    seed = {
        **SEED,
        "accounts": [
            {"name": ACCOUNT, "licenseCount": 5, "devices": [{"first": "990000000000000", "count": 5, "licensed": 3}]}
        ],
    }
    arguments = ("emulate", "--config", str(config), "--seed", seed_file(tmp_path, seed))
    environment = {"FOTAPOOL_PAGE_SIZE": "2", "FOTAPOOL_OPERATOR_KEY": "from-environment"}
    with (
        server_process(*arguments, "--operator-key", "from-option", **environment) as (address, _),
        httpx.Client(base_url=address, timeout=120) as client,
    ):
        api = Api(client)
        api.sign_in()
        page = api.call("GET", f"/v3/licenses/{ACCOUNT}").json()
        assert (page["maxPageSize"], len(page["deviceList"])) == (2, 2)
        assert page["deviceList"][0]["assignmentTime"].endswith("Z")
        for key, status in (("from-option", 200), ("from-environment", 401), ("from-file", 401)):
            headers = {"Authorization": f"Bearer {key}"}
            assert client.get("/control/v1/accounts", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("emulate", "--workers", "2"), "only --workers 1"),
        (("serve", "--workers", "2", "--database", "sqlite://"), "workers cannot share a database in memory"),
        (("serve", "--database", "mysql://x"), "is not a database"),
        (("serve", "--database", "sqlite:////nowhere/at/all.db"), "create the directory /nowhere/at first"),
        (("serve", "--database", "postgresql://nobody@127.0.0.1:1/x"), "connection"),
        (("serve", "--page-size", "0"), "page-size"),
        (("serve", "--timestamps", "sometimes"), "timestamps"),
        (("emulate", "--seed", "no-such-file.yaml"), "no-such-file.yaml"),
    ],
)
def test_a_start_that_cannot_be_says_why(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments)


@pytest.mark.parametrize(
    "url",
    [
        "postgre://u:Hush@h/db",
        "host=h password=Hush",
        "sqlite://u:Hush@h/x.db",
        "postgresql://u:Hush pw@127.0.0.1:1/db",
        "postgresql://u:Hush%zz@127.0.0.1:1/db",
    ],
)
def test_an_error_about_the_database_s_url_has_no_password(url: str) -> None:
    said = refused("serve", "--database", url)
    assert "database" in said
    assert "Hush" not in said


def test_a_config_file_with_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "fotapool.toml"
    config.write_text("pagesize = 1\n")
    assert "unknown setting 'pagesize'" in refused("serve", "--config", str(config))


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused("serve", "--port", port, "--database", f"sqlite:///{tmp_path}/a.db")
    assert f"cannot listen on 127.0.0.1:{port}" in said


def test_the_emulator_takes_the_options_of_serve_and_those_of_who_starts_it_for_tests() -> None:
    more = {parameter.name for parameter in emulate.params} - {parameter.name for parameter in serve.params}
    assert more == {"address_file", "init_dir", "stop_with_parent", "strict"}
    assert {parameter.name for parameter in serve.params} < {parameter.name for parameter in emulate.params}


def test_every_command_has_help() -> None:
    for command in ([], ["demo"], ["emulate"], ["serve"], ["database"], ["database", "backup"]):
        shown = CliRunner().invoke(main, [*command, "--help"])
        assert shown.exit_code == 0
        assert "Usage:" in shown.output
