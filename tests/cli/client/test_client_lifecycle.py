"""The commands for the life of accounts and devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.helpers import ACCOUNT, OTHER, Api, device, devices


def test_an_account_is_described(cli: Any) -> None:
    assert cli.one("accounts", "describe", ACCOUNT, "--display-name", "Heart of Gold")["displayName"] == "Heart of Gold"
    assert cli.one("accounts", "describe", ACCOUNT, "--notes", "n")["displayName"] == "Heart of Gold"
    assert "Heart of Gold" in cli("accounts", "list").stdout
    assert cli.rows("find", "heart of")[0]["label"] == ACCOUNT
    assert "displayName, notes or both" in cli("accounts", "describe", ACCOUNT, code=4).stderr


def test_devices_are_deleted_and_moved_by_list(api: Api, cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("IMEI;MDN\n" + "".join(f"{one};1\n" for one in devices(0, 1)))
    api.upgrade(1, "scheduled")
    assert "nothing was changed" in cli("devices", "delete", ACCOUNT, device(0), given="no\n", code=5).stderr
    result = cli("devices", "move", ACCOUNT, OTHER, "--file", str(path), given=f"{ACCOUNT}\n", code=1)
    assert f"1 of 2 devices moved to {OTHER}; 0 licenses removed, 0 stay counted" in result.stdout
    assert f"{device(1)} upgradeScheduled: an upgrade that an operator has set" in result.stderr
    assert cli.one("devices", "delete", ACCOUNT, device(2), "--yes")["done"] == 1
    assert f"moved to account {OTHER}" not in cli("devices", "show", ACCOUNT, device(0)).stdout
    assert cli.one("devices", "show", ACCOUNT, device(0))["movedTo"] == OTHER
    assert "is a copy" not in cli("devices", "move", ACCOUNT, "nobody", device(3), "--yes", code=4).stderr


def test_an_account_is_closed_after_its_name_was_typed(api: Api, cli: Any) -> None:
    api.assign(0)
    refused = cli("accounts", "close", ACCOUNT, given="yes\n", code=5).stderr
    assert "1 licenses and 0 campaigns end; 0 upgrades are in progress" in refused
    assert "nothing was changed" in refused
    result = cli("accounts", "close", ACCOUNT, given=f"{ACCOUNT}\n")
    assert f"account {ACCOUNT} is closed: 1 licenses and 0 campaigns ended" in result.stdout
    assert cli.one("accounts", "show", ACCOUNT)["status"] == "closed"
    assert "cannot be changed or opened again" in cli("accounts", "activate", ACCOUNT, code=4).stderr


def test_personal_facts_are_erased(api: Api, cli: Any) -> None:
    api.control("POST", f"/accounts/{ACCOUNT}/devices", [{"deviceId": device(0), "mdn": "15559871234"}])
    assert "nothing was changed" in cli("devices", "erase", ACCOUNT, device(0), given="\n", code=5).stderr
    result = cli("devices", "erase", ACCOUNT, device(0), "123456789012345", "--yes", code=1)
    assert "1 of 2 devices erased: 1 MDNs, 0 log entries" in result.stdout
    assert "deviceNotFound" in result.stderr
    assert cli.one("devices", "show", ACCOUNT, device(0))["device"]["mdn"] == ""
