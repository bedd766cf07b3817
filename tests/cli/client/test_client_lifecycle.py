"""The commands for the life of accounts and devices."""

from __future__ import annotations

from typing import Any

from support.helpers import ACCOUNT


def test_an_account_is_described(cli: Any) -> None:
    assert cli.one("accounts", "describe", ACCOUNT, "--display-name", "Heart of Gold")["displayName"] == "Heart of Gold"
    assert cli.one("accounts", "describe", ACCOUNT, "--notes", "n")["displayName"] == "Heart of Gold"
    assert "Heart of Gold" in cli("accounts", "list").stdout
    assert cli.rows("find", "heart of")[0]["label"] == ACCOUNT
    assert "displayName, notes or both" in cli("accounts", "describe", ACCOUNT, code=4).stderr
