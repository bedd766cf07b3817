"""The settings of the provider and of rates: from options, variables and the file, and what does not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fotapool.cli.main import main
from fotapool.core.settings import Settings
from fotapool.services.identity.oidc.providers import oidc_settings

ISSUER = ("--oidc-issuer", "https://login.example.com/company")
CLIENT = ("--oidc-client-id", "fotapool")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of the servers that would have started."""
    found: list[Settings] = []
    monkeypatch.setattr("fotapool.cli.server.running.run_server", lambda settings, *_: found.append(settings))
    return found


def start(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["serve", "--operator-key", "a-long-operator-key", *arguments], env=environment)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (CLIENT, "also needs --oidc-issuer"),
        (ISSUER, "also needs --oidc-client-id"),
        (("--oidc-admin", "x"), "also needs --oidc-issuer"),
        ((*ISSUER, *CLIENT), "nobody could sign in"),
        ((*ISSUER, *CLIENT, "--oidc-admin", "x", "--oidc-scope", "profile"), "the word openid"),
        (("--oidc-issuer", "http://login.example.com", *CLIENT), "must begin with https://"),
        ((*ISSUER, *CLIENT, "--oidc-client-secret-file", "no-such-file"), "no-such-file"),
        (("--client-burst", "5"), "--client-burst needs --client-requests-per-s"),
        (("--user-burst", "5"), "--user-burst needs --user-requests-per-s"),
        (("--user-requests-per-s", "-1"), "user-requests-per-s"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_in_words(
    started: list[Settings], arguments: tuple[str, ...], words: str
) -> None:
    done = start(*arguments)
    assert done.exit_code == 2, done.output
    assert words in " ".join(done.output.replace("│", " ").split())
    assert started == []


def test_a_secret_file_that_is_empty_or_a_missing_package_is_refused(
    started: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")
    options = (*ISSUER, *CLIENT, "--oidc-admin", "x", "--oidc-client-secret-file", str(secret))
    assert "is empty" in start(*options).output
    secret.write_text("s3cret\n")
    assert start(*options).exit_code == 0
    monkeypatch.setattr("fotapool.cli.server.options.oidc.PACKAGES", ("no_such_package",))
    assert "pip install 'fotapool[oidc]'" in " ".join(start(*options).output.split())


@pytest.mark.parametrize("source", ["options", "variables", "file"])
def test_values_of_roles_may_have_spaces_and_commas_from_every_source(
    started: list[Settings], tmp_path: Path, source: str
) -> None:
    config = tmp_path / "fotapool.toml"
    config.write_text(
        'oidc-issuer = "https://login.example.com/company"\noidc-client-id = "fotapool"\n'
        'oidc-admin = ["CN=FOTA Admins, OU=IT", "root"]\noidc-viewer = "All staff"\nclient-requests-per-s = 5\n'
    )
    sources: dict[str, Any] = {
        "options": (
            (
                *(*ISSUER, *CLIENT, "--oidc-admin", "CN=FOTA Admins, OU=IT", "--oidc-admin", "root"),
                *("--oidc-viewer", "All staff", "--client-requests-per-s", "5"),
            ),
            {},
        ),
        "variables": (
            (),
            {
                "FOTAPOOL_OIDC_ISSUER": ISSUER[1],
                "FOTAPOOL_OIDC_CLIENT_ID": CLIENT[1],
                "FOTAPOOL_OIDC_ADMIN": "CN=FOTA Admins, OU=IT; root",
                "FOTAPOOL_OIDC_VIEWER": "All staff",
                "FOTAPOOL_CLIENT_REQUESTS_PER_S": "5",
            },
        ),
        "file": (("--config", str(config)), {}),
    }
    arguments, environment = sources[source]
    done = start(*arguments, **environment)
    assert done.exit_code == 0, done.output
    (settings,) = started
    found = oidc_settings(settings)
    assert found is not None
    assert found.values_by_role == {"viewer": ("All staff",), "editor": (), "admin": ("CN=FOTA Admins, OU=IT", "root")}
    assert (found.name, found.scope) == ("login.example.com", "openid profile email")
    assert settings.client_requests_per_s == 5
