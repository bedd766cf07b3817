"""`fotapool audit-log`: the entries as a table, JSON lines, NDJSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from fotapool.cli.client.accounts import audit_log
from support.helpers import ACCOUNT, Api


def test_entries_are_listed_newest_first_with_filters(cli: Any) -> None:
    cli("accounts", "suspend", ACCOUNT)
    cli("users", "create", "ford", "--account", ACCOUNT)
    cli("users", "unlock", "none", code=4)
    rows = cli.rows("audit-log", "list")
    assert [row["action"] for row in rows][:3] == ["unlockUser", "createUser", "setStatus"]
    assert [row["via"] for row in rows][:3] == ["operator-api"] * 3
    table = cli("audit-log", "list", "--account", ACCOUNT).stdout
    assert table.splitlines()[0].split()[:3] == ["TIME", "OPERATOR", "VIA"]
    assert "setStatus" in table
    assert '{"status": "active"}' in table
    assert [row["target"] for row in cli.rows("audit-log", "list", "--outcome", "refused")] == ["none"]
    assert "refused (404)" in cli("audit-log", "list", "--action", "unlockUser").stdout
    assert "No entries match." in cli("audit-log", "list", "--operator", "nobody").stderr
    assert cli.rows("audit-log", "list", "--until", "2026-03-10") == []
    assert "as 2026-12-01" in cli("audit-log", "list", "--since", "monday", code=2).stderr


def test_all_pages_are_read(cli: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        api.control("POST", "/accounts", {"name": f"a{number}"})
    monkeypatch.setattr(audit_log, "PAGE", 3)
    rows = cli.rows("audit-log", "list", "--action", "createAccount")
    assert [row["target"] for row in rows] == [f"a{number}" for number in reversed(range(7))]


def test_an_export_is_ndjson_or_csv(cli: Any) -> None:
    cli("users", "create", "ford", "--account", ACCOUNT)
    (line,) = cli("audit-log", "export", "--target", "ford").stdout.splitlines()
    assert json.loads(line)["after"] == {"accounts": [ACCOUNT], "password": "***"}
    (row,) = csv.DictReader(io.StringIO(cli("audit-log", "export", "--target", "ford", "--format", "csv").stdout))
    assert (row["action"], row["outcome"]) == ("createUser", "done")
