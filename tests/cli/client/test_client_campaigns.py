"""`fotapool campaigns …`: schedule, watch, list, cancel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.helpers import ACCOUNT, SEED, Api, device, devices

PACKAGE = {
    "firmwareName": "Model-A_1To2",
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
    "proven": True,
}
DATES = ("--start", "2026-03-10", "--end", "2026-03-14")


@pytest.fixture
def fleet(start: Callable[..., Api], cli_of: Callable[[Api], Any]) -> Any:
    """An emulator whose devices are simulated, 5 of them licensed."""
    first, *others = SEED["accounts"]
    simulated = {**first, "fleet": [{"first": device(0), "count": 20, "checkInEvery": "PT5M"}]}
    api = start({**SEED, "accounts": [simulated, *others], "firmware": [PACKAGE]})
    api.assign(0, 1, 2, 3, 4)
    return cli_of(api)


def create(cli: Any, *words: str) -> Any:
    return cli.one("campaigns", "create", ACCOUNT, "--firmware", "Model-A_1To2", *DATES, *words)


def test_a_campaign_is_scheduled_watched_and_ends(fleet: Any, tmp_path: Path) -> None:
    assert [row["firmwareName"] for row in fleet.rows("campaigns", "firmware", ACCOUNT)] == ["Model-A_1To2"]
    path = tmp_path / "devices.txt"
    path.write_text("\n".join(devices(0, 1)))
    made = create(fleet, "--file", str(path), "--name", "first", "--window", "0-12", "--window", "12-24")
    assert made["status"] == "CampaignRequestPending"
    assert made["campaignTimeWindowList"] == [{"startTime": 0, "endTime": 12}, {"startTime": 12, "endTime": 24}]
    watch = ("campaigns", "watch", ACCOUNT, made["id"])
    assert fleet.rows(*watch, "--once")[0]["devices"] == {"UpgradePending": 2}
    fleet("clock", "advance", "P2D")
    result = fleet(*watch)
    assert result.stdout.startswith("CampaignEnded, 2 devices")
    assert [row["status"] for row in fleet.rows("campaigns", "devices", ACCOUNT, made["id"])] == ["UpgradeSuccess"] * 2
    assert fleet.rows("campaigns", "devices", ACCOUNT, made["id"], "--status", "UpgradeFailed") == []
    assert fleet.one("campaigns", "show", ACCOUNT, made["id"])["campaignName"] == "first"


def test_a_watch_says_by_its_exit_code_that_devices_were_left_out(fleet: Any) -> None:
    made = create(fleet, device(0), device(9))  # the second one has no license
    fleet("clock", "advance", "P2D")
    found = fleet.rows("campaigns", "watch", ACCOUNT, made["id"], code=1)[-1]
    assert found["devices"] == {"DeviceRejected": 1, "UpgradeSuccess": 1}


def test_version_2_schedules_software(fleet: Any) -> None:
    made = create(fleet, "--api", "v2", device(0), "--window", "1-5")
    assert made["softwareName"] == "Model-A_1To2"
    assert made["downloadTimeWindowList"] == [{"startTime": "1", "endTime": "5"}]
    assert [row["id"] for row in fleet.rows("campaigns", "list", ACCOUNT, "--api", "v2")] == [made["id"]]
    words = ("campaigns", "create", ACCOUNT, "--firmware", "x", *DATES, "--api", "v2", "--auto-add", device(0))
    assert "are for --api v3" in fleet(*words, code=2).stderr


def test_campaigns_are_listed_by_state_and_canceled_once_confirmed(fleet: Any) -> None:
    made = create(fleet, device(0), "--auto-assign")
    assert [row["id"] for row in fleet.rows("campaigns", "list", ACCOUNT)] == [made["id"]]
    assert fleet.rows("campaigns", "list", ACCOUNT, "--status", "campaignended") == []
    assert "CampaignRequestPending" in fleet("campaigns", "list", ACCOUNT).stdout
    fleet("campaigns", "cancel", ACCOUNT, made["id"], given="\n", code=5)
    fleet("campaigns", "cancel", ACCOUNT, made["id"], "--yes")
    assert fleet.one("campaigns", "show", ACCOUNT, made["id"])["status"] == "CampaignCancelled"
    refused = fleet("campaigns", "cancel", ACCOUNT, made["id"], "--yes", code=4)
    assert "Cannot cancel an upgrade that has already started" in refused.stderr


def test_a_campaign_is_never_scheduled_twice_because_an_answer_was_lost(fleet: Any) -> None:
    fleet("faults", "add", "--path", "/fota/v3/campaigns/*", "--method", "POST", "--drop", "after")
    words = ("campaigns", "create", ACCOUNT, "--firmware", "Model-A_1To2", *DATES, device(0))
    assert "It may have been scheduled nevertheless" in fleet(*words, code=3).stderr
    assert len(fleet.rows("campaigns", "list", ACCOUNT)) == 1


def test_a_window_is_two_hours(fleet: Any) -> None:
    words = ("campaigns", "create", ACCOUNT, "--firmware", "Model-A_1To2", *DATES, device(0), "--window", "late")
    assert "is not a window of hours" in fleet(*words, code=2).stderr
