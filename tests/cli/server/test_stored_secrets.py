"""A copy of the database opens nothing: what it stores is hashed, or encrypted with a key that it does not have."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fotapool.app import Server
from fotapool.cli.main import main
from fotapool.core.secret_box import SecretBox, Unsealable, box_of_file, box_of_text
from fotapool.core.settings import Settings
from fotapool.store.db.connection import StoreMismatch
from support.helpers import ACCOUNT, OPERATOR, Api

PASSWORD = "listener-password-1"
SECRET = "whsec_" + "QUJD" * 8
LISTENER = {"name": "Fota", "url": "http://127.0.0.1:9/", "username": "hook", "password": PASSWORD}


def with_secrets(start: Callable[..., Api], **settings: Any) -> Api:
    """A server with a listener, a signing secret, a delivery and a session of the console."""
    api = start(**settings)
    assert api.call("POST", f"/v1/callbacks/{ACCOUNT}", LISTENER).status_code == 200
    assert api.control("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {"secret": SECRET}).status_code == 200
    package = {
        "firmwareName": "next",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "LWM2M",
        "platformId": "p",
    }
    assert api.control("POST", "/firmware", package).status_code == 201
    assert api.http.post("/console/sign-in", data={"key": OPERATOR}).status_code == 303
    api.control("POST", "/clock", {"advance": "PT1S"})  # the first attempt makes the body
    return api


def values_of(api: Api) -> str:
    """All that the database stores, as text."""
    connection = api.server.database.connect()
    tables = ("listener", "signing_secret", "delivery", "console_session", "server_secret")
    found = [
        bytes(value) if isinstance(value, bytes | memoryview) else value
        for table in tables
        for row in connection.fetch(f"SELECT * FROM {table}")
        for value in row
    ]
    connection.rollback()
    connection.close()
    return repr(found)


def test_secrets_are_stored_encrypted_and_given_out_in_clear(start: Callable[..., Api]) -> None:
    api = with_secrets(start)
    stored = values_of(api)
    assert "fernet:" in stored
    for secret in (PASSWORD, SECRET, api.http.cookies["fotapool_console"]):
        assert secret not in stored
    assert api.call("GET", f"/v1/callbacks/{ACCOUNT}").json()[0]["password"] == PASSWORD
    assert PASSWORD in api.control("GET", "/deliveries/1").json()["body"]
    snapshot = api.control("GET", "/snapshot")
    assert PASSWORD in snapshot.text
    assert SECRET in snapshot.text
    assert api.control("PUT", "/snapshot", content=snapshot.content).status_code == 204
    assert "fernet:" in values_of(api)
    assert PASSWORD not in values_of(api)
    assert api.control("GET", "/snapshot").content == snapshot.content


def test_only_admins_see_the_password_in_a_delivery(start: Callable[..., Api]) -> None:
    api = with_secrets(start)
    for role in ("viewer", "editor"):
        key = api.control("POST", "/operators", {"name": role, "role": role}).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        shown = api.http.get("/control/v1/deliveries/1", headers=headers)
        assert PASSWORD not in shown.text
        assert '"password":"***"' in shown.json()["body"]
        for path in ("/deliveries", f"/accounts/{ACCOUNT}/listeners", "/requests"):
            assert PASSWORD not in api.http.get(f"/control/v1{path}", headers=headers).text
        assert api.http.get("/control/v1/snapshot", headers=headers).status_code == 403
        assert api.http.post("/control/v1/reset", headers=headers).status_code == 403


def test_a_reset_keeps_the_operators_and_their_console_sessions(start: Callable[..., Api]) -> None:
    api = start()
    key = api.control("POST", "/operators", {"name": "viewer", "role": "viewer"}).json()["key"]
    api.http.post("/console/sign-in", data={"key": key})
    assert api.control("POST", "/reset").status_code == 204
    assert api.http.get("/control/v1/accounts", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert api.http.get("/console/pools").status_code == 200


def test_sign_out_ends_the_session_for_every_copy_of_the_cookie(start: Callable[..., Api]) -> None:
    api = start()
    api.http.post("/console/sign-in", data={"key": OPERATOR})
    cookie = {"Cookie": f"fotapool_console={api.http.cookies['fotapool_console']}"}
    page = api.http.get("/console/pools")
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    assert api.http.post("/console/sign-out", data={"csrf": csrf}).status_code == 303
    api.http.cookies.clear()
    assert api.http.get("/console/pools", headers=cookie).status_code == 303
    assert api.http.get("/console/pools", headers={"Cookie": "fotapool_console=made-up"}).status_code == 303


def test_the_key_file_is_private_and_a_copy_without_it_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    server = Server(Settings(database=url))
    key = tmp_path / "a.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    connection = server.database.connect()
    connection.execute(
        "INSERT INTO signing_secret (account_id, secret, created_ms) VALUES (1, :secret, 0)",
        {"secret": server.context.secrets.seal(SECRET)},
    )
    connection.close()
    shutil.copy(key, tmp_path / "kept.key")
    key.unlink()
    with pytest.raises(StoreMismatch, match="FOTAPOOL_SECRET_KEY"):
        Server(Settings(database=url))
    shutil.copy(tmp_path / "kept.key", key)
    Server(Settings(database=url))
    key.unlink()
    result = CliRunner().invoke(main, ["database", "delete-secrets", "--database", url, "--yes"])
    assert result.exit_code == 0, result.output
    Server(Settings(database=url))


def test_servers_share_the_key_of_the_setting_and_clear_secrets_are_encrypted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    settings = Settings(database=url, secret_key="x" * 32)
    Server(settings)
    with sqlite3.connect(tmp_path / "a.db") as database:  # as an earlier version stored it
        database.execute("INSERT INTO signing_secret (account_id, secret, created_ms) VALUES (1, ?, 0)", [SECRET])
        database.execute("DELETE FROM server_secret")
    Server(settings)
    connection = Server(settings).database.connect()
    stored = connection.fetch("SELECT secret FROM signing_secret")[0][0]
    connection.close()
    assert stored.startswith("fernet:")
    assert box_of_text("x" * 32).open(stored) == SECRET
    with pytest.raises(Unsealable):
        box_of_text("y" * 32).open(stored)
    with pytest.raises(StoreMismatch):
        Server(Settings(database=url, secret_key="y" * 32))
    assert not (tmp_path / "a.db.key").exists()


def test_a_damaged_key_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealed = box_of_file(path).seal("\ud800 and more")
    assert box_of_file(path).open(sealed) == "\ud800 and more"
    assert SecretBox().open("in clear") == "in clear"
    path.write_text("no key")
    with pytest.raises(ValueError, match="not a key file"):
        box_of_file(path)


@pytest.mark.parametrize("command", ["emulate", "serve"])
def test_a_short_operator_key_is_refused_where_others_can_reach_the_server(command: str) -> None:
    arguments = [command, "--host", "0.0.0.0", "--database", "sqlite://", "--operator-key"]
    for key in ("operator", "k" * 15):
        result = CliRunner().invoke(main, [*arguments, key])
        assert result.exit_code == 2
        assert "at least 16 characters" in result.output


def test_the_known_key_works_on_loopback_alone(server_process: Callable[..., Any]) -> None:
    import httpx

    known = {"Authorization": "Bearer operator"}
    with server_process("emulate") as (address, _):
        assert httpx.get(f"{address}/control/v1/accounts", headers=known).status_code == 200
    with server_process("emulate", "--host", "0.0.0.0") as (address, process):
        port = address.rsplit(":", 1)[1]
        assert httpx.get(f"http://127.0.0.1:{port}/control/v1/accounts", headers=known).status_code == 401
        line = process.stderr.readline()
        assert line.startswith("operator key for this run: ")
        made = {"Authorization": f"Bearer {line.split()[5]}"}
        assert httpx.get(f"http://127.0.0.1:{port}/control/v1/accounts", headers=made).status_code == 200
