"""What a first start needs no manual for: a built-in seed, and for each failure one sentence with the way out."""

from __future__ import annotations

import os
import re
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
from fotapool.cli.server.serve import DEMO_SEED
from fotapool.cli.variables import OF_OTHERS, known_variables
from fotapool.core.logs.events import LogEvent

CLI = [sys.executable, "-m", "fotapool.cli"]
SOURCES = Path(__file__).parents[2] / "src"
TOKEN = {"url": "/api/ts/v1/oauth2/token", "data": {"grant_type": "client_credentials"}}
UTF16, LATIN1 = "# é\nclients: []\n".encode("utf-16"), "# é\nclients: []\n".encode("latin-1")


def said(*arguments: str, code: int, **environment: str) -> str:
    """What a command that fails prints."""
    environment = {"FOTAPOOL_PROFILE": "", **environment}
    done = CliRunner().invoke(main, arguments, env=environment)
    assert done.exit_code == code, done.output
    return done.output.splitlines()[-1]


def test_the_built_in_seed_has_the_clients_and_accounts_of_the_examples(server_process: Callable[..., Any]) -> None:
    with (
        server_process("emulate", "--seed", "demo") as (address, _),
        httpx.Client(base_url=address, timeout=120) as client,
    ):
        assert client.post(**TOKEN, auth=("demo-key", "demo-secret")).status_code == 200
        accounts = client.get("/control/v1/accounts", headers={"Authorization": "Bearer operator"}).json()["accounts"]
    assert [one["name"] for one in accounts] == ["0000123456-00001", "0242078689-00001", "0402196254-00001"]


def test_an_emulator_without_a_seed_says_what_to_do(server_process: Callable[..., Any]) -> None:
    with (
        server_process("emulate") as (address, _),
        httpx.Client(base_url=address, timeout=120) as client,
    ):
        answer = client.post(**TOKEN, auth=("demo-key", "demo-secret"))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["X-Fotapool-Hint"] == (
            "There is no client yet: restart the emulator with --seed demo or --seed FILE, load a seed with PUT"
            " /control/v1/snapshot, or create a client with POST /control/v1/clients."
        )
        headers = {"Authorization": "Bearer operator"}
        client.post("/control/v1/clients", json={"key": "k", "secret": "a-long-secret"}, headers=headers)
        assert "key or secret is wrong" in client.post(**TOKEN, auth=("k", "other")).headers["X-Fotapool-Hint"]
    assert "--seed demo" in LogEvent.EMULATOR_EMPTY.value.message


def test_a_file_called_demo_is_named_with_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("demo").write_text("acounts: []")
    assert "seed ./demo: " in said("emulate", "--port", "0", "--seed", "./demo", code=1)
    assert DEMO_SEED.is_file()


def test_the_known_secrets_of_the_demo_are_not_for_production() -> None:
    assert "--seed demo is only for `fotapool emulate`" in said("serve", "--seed", "demo", code=2)


@pytest.mark.parametrize(
    ("document", "nearest"),
    [
        ("acounts: []", "unknown field `acounts`; did you mean accounts?"),
        ("accounts: [{name: a, licenceCount: 3}]", "`licenceCount` - at `$.accounts[0]`; did you mean licenseCount?"),
        ("accounts: [{name: a, devices: [{deviceID: '1'}]}]", "unknown field `deviceID`; did you mean deviceId?"),
        ("accounts: [{name: a, devices: [{first: '1', counts: 1}]}]", "unknown field `counts`; did you mean count?"),
        ("accounts: [{name: a, fleet: [{first: '1', count: 1, checkinEvery: PT5M}]}]", "did you mean checkInEvery?"),
        ("users: [{username: a, pasword: b}]", "did you mean password?"),
        ('{"firmware": [{"firmwarename": "a"}]}', "did you mean firmwareName?"),
        ('{"snapshot": {"now": "2026-01-01T00:00:00Z", "schema": "0001"}, "firmwares": []}', "did you mean firmware?"),
    ],
)
def test_a_misspelt_member_of_a_seed_has_the_nearest_right_one(document: str, nearest: str, tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(document)
    assert nearest in said("emulate", "--port", "0", "--seed", str(seed), code=1)


def test_a_misspelt_setting_and_variable_have_the_nearest_right_one(tmp_path: Path) -> None:
    config = tmp_path / "fotapool.toml"
    config.write_text("pagesize = 1\n")
    for command in ("emulate", "serve"):
        assert "unknown setting 'pagesize'; did you mean page-size?" in said(command, "--config", str(config), code=2)
    for command in (["profiles", "list"], ["database", "verify", "--database", f"sqlite:///{tmp_path}/no.db"]):
        environment = {"FOTAPOOL_SEEED": "x", "FOTAPOOL_PROFILE_DIR": str(tmp_path)}
        done = CliRunner().invoke(main, command, env=environment)
        assert done.output.splitlines()[0] == (
            "warning: FOTAPOOL_SEEED is not a variable of fotapool and has no effect; did you mean FOTAPOOL_SEED?"
        )


def test_every_variable_that_the_code_names_is_known() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    named = set(re.findall(r"\bFOTAPOOL_[A-Z][A-Z_]*[A-Z]\b", text)) - {"FOTAPOOL_COMPLETE"}
    assert {name for name in named - known_variables() if not OF_OTHERS.fullmatch(name)} == set()


@pytest.mark.parametrize("content", [UTF16, LATIN1], ids=["UTF-16", "Latin-1"])
def test_a_file_in_another_encoding_is_named_with_the_way_out(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    for command in ("emulate", "serve", "database verify"):
        assert f"{file} is not UTF-8 text: save it as UTF-8" in said(*command.split(), "--config", str(file), code=2)
    assert "save it as UTF-8" in said("emulate", "--port", "0", "--seed", str(file), code=1)
    (tmp_path / "profiles.toml").write_bytes(content)
    assert said("profiles", "list", code=2, FOTAPOOL_PROFILE_DIR=str(tmp_path)) == "Save it as UTF-8."


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    config, seed, profiles = (tmp_path / name for name in ("config.toml", "seed.json", "profiles.toml"))
    config.write_bytes(mark + b"workers = 2\n")
    assert "only --workers 1" in said("emulate", "--config", str(config), code=2)
    for document in (b'{"acounts": []}', b"acounts: []"):
        seed.write_bytes(mark + document)
        assert "did you mean accounts?" in said("emulate", "--port", "0", "--seed", str(seed), code=1)
    profiles.write_bytes(mark + b'[profiles.a]\naddress = "http://127.0.0.1:1"\n')
    assert "http://127.0.0.1:1" in said("profiles", "list", code=0, FOTAPOOL_PROFILE_DIR=str(tmp_path))


@pytest.mark.parametrize("command", ["serve --port 0", "emulate --port 0", "database verify", "database migrate"])
def test_a_missing_directory_of_the_database_is_named(command: str, tmp_path: Path) -> None:
    path = tmp_path / "nodir" / "x.db"
    wanted = f"Error: cannot open the database {path}: create the directory {path.parent} first"
    assert said(*command.split(), "--database", f"sqlite:///{path}", code=1) == wanted


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("This is a text of some length, and not a database.")
    assert f"Error: {path} is not a SQLite database" in said("serve", "--database", f"sqlite:///{path}", code=1)


def test_a_port_in_use_and_an_address_of_another_machine_are_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in ("emulate", "demo"):
            assert "choose another with --port; 0 picks a free one" in said(command, "--port", port, code=1)
    assert "--host must be an address of this machine" in said("emulate", "--host", "192.0.2.1", "--port", "0", code=1)


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*CLI, *arguments], stderr=subprocess.PIPE, timeout=120, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full of Linux")
@pytest.mark.parametrize("command", ["--help", "profiles list --json", "completion bash", "accounts --help"])
def test_output_to_a_full_disk_ends_with_a_sentence(command: str, tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.toml"
    profiles.write_text('[profiles.a]\naddress = "http://127.0.0.1:1"\n')
    with open("/dev/full", "wb") as full:
        done = run(*command.split(), stdout=full, env={**os.environ, "FOTAPOOL_PROFILE_DIR": str(tmp_path)})
    assert (done.returncode, done.stderr.decode()) == (
        1,
        "Error: cannot write: No space left on device; free some space, or write elsewhere\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["profiles list --json", "accounts list --address http://127.0.0.1:1"])
def test_a_closed_stream_is_like_the_null_device(command: str, closed: str, tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text('[profiles.a]\naddress = "http://127.0.0.1:1"\n')
    line = f'"{sys.executable}" -m fotapool.cli {command} {closed}'
    environment = {**os.environ, "FOTAPOOL_PROFILE_DIR": str(tmp_path)}
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=120, env=environment)
    assert done.returncode == (0 if command.startswith("profiles") else 3), done.stderr
    assert b"Traceback" not in done.stderr


def test_a_narrow_encoding_shows_what_it_lacks_escaped(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text('[profiles.a]\naddress = "http://x"\nuser = "Łü"\n', encoding="utf-8")
    environment = {**os.environ, "FOTAPOOL_PROFILE_DIR": str(tmp_path), "PYTHONIOENCODING": "cp1252"}
    table = run("profiles", "list", stdout=subprocess.PIPE, env=environment)
    assert (table.returncode, table.stderr) == (0, b"")
    assert b"\\u0141\xfc" in table.stdout
    as_json = run("profiles", "list", "--json", stdout=subprocess.PIPE, env=environment)
    assert (as_json.returncode, b'"\\u0141\\u00fc"' in as_json.stdout) == (0, True)
