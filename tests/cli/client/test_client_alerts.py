"""`fotapool alerts`, `fotapool alert-rules` and `fotapool stop-rule` against a server."""

from __future__ import annotations

import json

from cli.client.conftest import Cli
from support.helpers import ACCOUNT, Api


def test_rules_and_alerts(cli: Cli, api: Api) -> None:
    made = cli("alert-rules", "set", "Nearly full", "--kind", "freeLicenses", "--threshold", "1000000", "--json")
    assert json.loads(made.stdout)["name"] == "Nearly full"
    api.control("POST", "/clock", {"advance": "PT2M"})
    found = [json.loads(line) for line in cli("alerts", "list", "--state", "open", "--json").stdout.splitlines()]
    assert {alert["rule"] for alert in found} == {"Nearly full"}
    assert "ordered" in cli("alerts", "acknowledge", str(found[0]["id"]), "--note", "ordered").stdout
    assert "2027" in cli("alert-rules", "silence", "Nearly full", "--until", "2027-01-01T00:00:00Z").stdout
    cli("alert-rules", "silence", "Nearly full", code=2)
    cli("alert-rules", "test", "Nearly full", code=4)
    assert "Nearly full" in cli("alert-rules", "list").stdout
    assert "deleted" in cli("alert-rules", "delete", "Nearly full").stdout


def test_stop_rules(cli: Cli) -> None:
    assert "30" in cli("stop-rule", "set", "--percent", "30").stdout
    assert "server" in cli("stop-rule", "show", "--account", ACCOUNT).stdout
    assert "account" in cli("stop-rule", "set", "--account", ACCOUNT, "--off").stdout
    cli("stop-rule", "set", code=2)
    assert "deleted" in cli("stop-rule", "delete").stdout
