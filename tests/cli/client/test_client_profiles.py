"""Profiles, secrets, and what is said when a server is not reached or refuses."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import PasswordDeleteError

from support.helpers import ACCOUNT, KEY, OPERATOR, PASSWORD, SECRET, USER, Api, device, seed_file

SECRETS = {"FOTAPOOL_CLIENT_SECRET": SECRET, "FOTAPOOL_PASSWORD": PASSWORD, "FOTAPOOL_OPERATOR_KEY": OPERATOR}
NO_SECRETS = dict.fromkeys(SECRETS, "")


class KeyStore(KeyringBackend):
    """A key store as keyring's backends are, in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


@pytest.fixture
def key_store() -> Iterator[KeyStore]:
    before = keyring.get_keyring()
    store = KeyStore()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture
def no_key_store() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)


def add(cli: Any, name: str, *words: str, code: int = 0) -> Any:
    address = cli.environment["FOTAPOOL_ADDRESS"]
    return cli(
        "profiles", "add", name, "--address", address, "--client-key", KEY, "--user", USER, *words, code=code, **SECRETS
    )


def written(tmp_path: Path) -> str:
    return "".join(path.read_text() for path in (tmp_path / "profiles").iterdir())


def test_secrets_of_a_profile_are_only_sent_to_its_own_address(cli: Any, key_store: KeyStore) -> None:
    address = cli.environment["FOTAPOOL_ADDRESS"]
    add(cli, "lab")
    own = ("accounts", "list", "--profile", "lab", "--address", f"{address}/")
    assert ACCOUNT in cli(*own, **NO_SECRETS).stdout
    other = address.replace("127.0.0.1", "localhost")
    result = cli("accounts", "list", "--profile", "lab", "--address", other, code=2, **NO_SECRETS)
    assert "secrets of a profile are only sent to its own address" in result.stderr
    assert "Set FOTAPOOL_OPERATOR_KEY" in result.stderr
    assert ACCOUNT in cli("accounts", "list", "--profile", "lab", "--address", other, **SECRETS).stdout


def test_secrets_are_kept_in_the_key_store_and_nowhere_else(cli: Any, key_store: KeyStore, tmp_path: Path) -> None:
    told = add(cli, "lab")
    assert set(key_store.kept.values()) == {SECRET, PASSWORD, OPERATOR}
    assert not any(secret in written(tmp_path) + told.output for secret in SECRETS.values())
    elsewhere = {**NO_SECRETS, "FOTAPOOL_ADDRESS": "http://127.0.0.1:9"}
    assert cli.one("licenses", "show", ACCOUNT, "--profile", "lab", **elsewhere)["licenseCount"] == 5
    assert cli.one("accounts", "show", ACCOUNT, FOTAPOOL_PROFILE="lab", **elsewhere)["licenseCount"] == 5
    shown = cli("profiles", "show", "lab", **elsewhere)
    assert shown.stdout.splitlines()[-1].split(maxsplit=1) == ["known", "client-secret, password, operator-key"]
    assert not any(secret in shown.output for secret in SECRETS.values())
    assert [row["secrets"] for row in cli.rows("profiles", "list")] == ["keystore"]
    cli("profiles", "remove", "lab")
    assert key_store.kept == {}
    assert "no profile 'lab'" in cli("accounts", "list", "--profile", "lab", code=2).stderr


def test_where_there_is_no_key_store_that_is_said_and_nothing_is_kept(
    cli: Any, no_key_store: None, tmp_path: Path
) -> None:
    told = add(cli, "lab")
    assert "no key store" in told.stderr
    assert "no key store" in add(cli, "lab", "--secrets", "keystore", code=2).stderr
    assert not any(secret in written(tmp_path) for secret in SECRETS.values())
    assert cli.one("licenses", "show", ACCOUNT, "--profile", "lab", **SECRETS)["licenseCount"] == 5
    missing = cli("licenses", "show", ACCOUNT, "--profile", "lab", code=2, **NO_SECRETS)
    assert "no client secret" in missing.stderr
    assert "Set FOTAPOOL_CLIENT_SECRET" in missing.stderr


def test_a_profile_that_is_added_again_leaves_no_secrets_behind(cli: Any, key_store: KeyStore) -> None:
    add(cli, "lab")
    add(cli, "lab", "--secrets", "environment")
    assert key_store.kept == {}
    assert [row["secrets"] for row in cli.rows("profiles", "list")] == ["environment"]


def test_a_file_of_secrets_is_for_its_owner_only(cli: Any, no_key_store: None, tmp_path: Path) -> None:
    add(cli, "lab", "--secrets", "file")
    add(cli, "other", "--secrets", "file")
    kept = tmp_path / "profiles/secrets.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not any(secret in (tmp_path / "profiles/profiles.toml").read_text() for secret in SECRETS.values())
    assert cli.one("licenses", "show", ACCOUNT, "--profile", "lab", **NO_SECRETS)["licenseCount"] == 5
    cli("profiles", "remove", "lab")
    assert "[lab]" not in kept.read_text()
    kept.chmod(0o644)
    assert "chmod 600" in cli("licenses", "show", ACCOUNT, "--profile", "other", code=2, **NO_SECRETS).stderr


def test_a_profile_file_keeps_what_a_person_wrote_into_it(cli: Any, no_key_store: None, tmp_path: Path) -> None:
    add(cli, "lab")
    path = tmp_path / "profiles/profiles.toml"
    path.write_text("# mine\n" + path.read_text())
    add(cli, "other")
    assert path.read_text().startswith("# mine\n")
    assert [row["name"] for row in cli.rows("profiles", "list")] == ["lab", "other"]
    path.write_text("[profiles\n")
    assert "cannot be read" in cli("profiles", "list", code=2).stderr


@pytest.mark.parametrize(
    ("profiles", "secrets", "said"),
    [
        ("profiles = 5", "", "profiles must be a table"),
        ('[profiles.a]\naddress = "http://127.0.0.1:1"\nsecrets = "vault"', "", "secrets = 'vault'"),
        ('[profiles.a]\naddress = "http://127.0.0.1:1"\nsecrets = "file"', "a = 5", "[a] must contain only strings"),
        ('[profiles.a]\naddress = "http://[::1"', "", "'http://[::1' is not the address of a server"),
        ('[profiles.a]\naddress = "http://h:99999"', "", "'http://h:99999' is not the address of a server"),
        (
            '[profiles.a]\naddress = "http://127.0.0.1:1"\nsecrets = "file"',
            '[a]\noperator-key = "key\\r"',
            "has a character that no key has",
        ),
    ],
)
def test_files_of_another_form_end_with_a_sentence(
    cli: Any, no_key_store: None, tmp_path: Path, profiles: str, secrets: str, said: str
) -> None:
    directory = tmp_path / "profiles"
    directory.mkdir(exist_ok=True)
    (directory / "profiles.toml").write_text(profiles)
    with open(os.open(directory / "secrets.toml", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets)
    assert said in cli("accounts", "list", "--profile", "a", code=2).stderr


def test_addresses_and_names_are_checked(cli: Any) -> None:
    assert "is not the address of a server" in cli("accounts", "list", "--address", "127.0.0.1:8080", code=2).stderr
    assert "is not a profile name" in cli("profiles", "add", "a/b", "--address", "http://x", code=2).stderr
    assert "is not an account name" in cli("accounts", "show", "a/b", code=2).stderr


def test_a_server_that_is_not_there_is_exit_code_3(cli: Any) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        for words in (("accounts", "list"), ("licenses", "list", ACCOUNT)):
            result = cli(*words, "--address", address, code=3)
            assert f"cannot connect to {address}" in result.stderr
            assert "fotapool emulate" in result.stderr


def test_a_refused_sign_in_is_exit_code_4_and_never_says_the_secret(cli: Any) -> None:
    wrong = {"FOTAPOOL_CLIENT_KEY": KEY, "FOTAPOOL_USER": USER}
    for secrets, what in (
        ({"FOTAPOOL_CLIENT_SECRET": "wrong-one", "FOTAPOOL_PASSWORD": PASSWORD}, "sign-in of the client"),
        ({"FOTAPOOL_CLIENT_SECRET": SECRET, "FOTAPOOL_PASSWORD": "wrong-one"}, "sign-in of the user"),
    ):
        result = cli("licenses", "list", ACCOUNT, code=4, **wrong, **secrets)
        assert what in result.stderr
        assert "wrong-one" not in result.output
    result = cli("accounts", "list", code=4, FOTAPOOL_OPERATOR_KEY="wrong-one")
    assert "rejected the operator key" in result.stderr
    assert "wrong-one" not in result.output


def test_without_any_profile_the_examples_credentials_are_tried_on_this_machine_only(
    start: Callable[..., Api], cli_of: Callable[[Api], Any]
) -> None:
    cli = cli_of(start(operator_key="operator"))
    nothing = dict.fromkeys([*SECRETS, "FOTAPOOL_CLIENT_KEY", "FOTAPOOL_USER"], "")
    assert cli.rows("accounts", "list", **nothing)[0]["name"] == ACCOUNT
    assert "assigned" in cli("licenses", "assign", ACCOUNT, device(0), **nothing).stdout
    refused = cli("licenses", "list", ACCOUNT, "--address", "https://fotapool.example", code=2, **nothing)
    assert "no client key" in refused.stderr
    assert "profiles add" in refused.stderr


def test_a_server_with_a_certificate_authority_of_its_own_is_reached_by_its_profile(
    cli: Any, server_process: Callable[..., Any], no_key_store: None, tmp_path: Path
) -> None:
    tls = tmp_path / "tls"
    seed = seed_file(tmp_path, {"accounts": [{"name": ACCOUNT, "licenseCount": 3}]})
    with server_process("emulate", "--tls", "--tls-directory", str(tls), "--seed", seed) as (address, _):
        ca_file = os.path.relpath(tls / "ca.pem")
        cli("profiles", "add", "tls", "--address", address, "--ca-file", ca_file)
        words = ("accounts", "show", ACCOUNT, "--profile", "tls")
        assert cli.one(*words, FOTAPOOL_OPERATOR_KEY="operator")["licenseCount"] == 3
        assert "CERTIFICATE_VERIFY_FAILED" in cli("accounts", "list", "--address", address, code=3).stderr
    (tls / "ca.pem").write_text("nothing")
    assert "has no certificates" in cli(*words, code=2).stderr
