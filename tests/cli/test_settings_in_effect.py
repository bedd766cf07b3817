"""The settings that a server shows its operators: all of them, where they are from, and no secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
import pytest

from fotapool.cli.server.options.in_effect import settings_in_effect
from fotapool.cli.server.serve import emulate, serve
from fotapool.core.settings import SettingInEffect, Settings, SettingSource

HIDDEN = "s3cr3t-0123456789-0123456789-0123456789"


def shown(command: click.Command, *arguments: str) -> dict[str, SettingInEffect]:
    """The settings by option, as the command with these arguments would show them."""
    context = command.make_context(str(command.name), list(arguments), auto_envvar_prefix="FOTAPOOL")
    values: dict[str, Any] = {**context.params, "emulator": command is emulate}
    settings = msgspec.convert(values, Settings)
    return {one.option: one for one in settings_in_effect(context, settings)}


def test_values_have_their_source_unit_and_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("allowed-hosts = ['a.example', 'b.example']\npage-size = 1000\n")
    monkeypatch.setenv("FOTAPOOL_DRAIN_S", "7")
    found = shown(serve, "--config", str(file), "--min-body-bytes-per-s", "2048", "--access-log")
    told = {name: (one.value, one.unit, one.default, one.source, one.is_default) for name, one in found.items()}
    assert told["--drain-s"] == ("7", "s", "2", SettingSource.ENVIRONMENT, False)
    assert told["--min-body-bytes-per-s"] == ("2048", "bytes/s", "1024", SettingSource.COMMAND_LINE, False)
    assert told["--allowed-host"] == ("a.example, b.example", "", "none", SettingSource.FILE, False)
    assert told["--page-size"] == ("1000", "", "1000", SettingSource.FILE, True)
    assert told["--access-log"] == ("on", "", "off", SettingSource.COMMAND_LINE, False)
    assert told["--audit-log-retention-days"] == ("365", "days", "365", SettingSource.DEFAULT, True)
    assert told["--smtp-host"] == ("none", "", "none", SettingSource.DEFAULT, True)
    assert shown(emulate)["--callback-private-targets"].value == "on"
    assert found["--drain-s"].variable == "FOTAPOOL_DRAIN_S"
    assert all(one.description for one in found.values())


@pytest.mark.parametrize("command", [serve, emulate], ids=["serve", "emulate"])
def test_no_text_that_may_be_a_secret_is_shown(command: click.Command) -> None:
    """Every option whose name says that its value is a secret; one that is added later, too."""
    words = ("key", "password", "secret", "token")
    names = [one.opts[0] for one in command.params if one.name and one.name.rpartition("_")[2] in words]
    assert {"--operator-key", "--secret-key", "--smtp-password"} <= set(names)
    found = shown(command, *(part for name in names for part in (name, HIDDEN)))
    assert {found[name].value for name in names} == {"***"}
    assert HIDDEN not in msgspec.json.encode(list(found.values())).decode()


@pytest.mark.parametrize(
    ("option", "url", "expected"),
    [
        ("--database", f"postgresql://fota:{HIDDEN}@db:5432/fota", "postgresql://fota:***@db:5432/fota"),
        ("--database", f"postgresql://fota:a/b@{HIDDEN}?#@db/fota", "postgresql://fota:***@db/fota"),
        ("--database", f"postgresql://db/fota?user=u&password={HIDDEN}", "postgresql://db/fota?user=u&password=***"),
        ("--database", "postgresql://fota@db:5432/fota", "postgresql://fota@db:5432/fota"),
        ("--storage", f"s3://bucket?aws_secret_access_key={HIDDEN}&region=x", None),
        ("--database", f"postgresql://db/fota?p%61ssword={HIDDEN}&a=b", "postgresql://db/fota?p%61ssword=***&a=b"),
        ("--storage", f"https://:{HIDDEN}@host/files", "https://:***@host/files"),
        ("--storage", f"az://files?sas={HIDDEN}#token={HIDDEN}", "az://files?sas=***#token=***"),
        ("--oidc-issuer", "https://login.example:8443/company", "https://login.example:8443/company"),
    ],
)
def test_passwords_in_urls_are_masked(option: str, url: str, expected: str | None) -> None:
    value = shown(serve, option, url)[option].value
    assert value == (expected or "s3://bucket?aws_secret_access_key=***&region=x")
    assert HIDDEN not in value


def test_a_server_with_workers_shows_what_it_was_started_with(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    values = {"FOTAPOOL_OPERATOR_KEY": HIDDEN, "FOTAPOOL_SECRET_KEY": f"{HIDDEN}-2"}
    database = f"sqlite:///{tmp_path}/fotapool.db"
    with server_process("serve", "--workers", "2", "--database", database, **values) as (address, _):
        answer = httpx.get(f"{address}/control/v1/system", headers={"Authorization": f"Bearer {HIDDEN}"})
    assert answer.json()["ready"] is True
    told = {one["option"]: (one["value"], one["source"]) for one in answer.json()["settings"]}
    assert told["--workers"] == ("2", "command line")
    assert told["--database"] == (database, "command line")
    assert told["--operator-key"] == told["--secret-key"] == ("***", "environment")
    assert HIDDEN not in answer.text
