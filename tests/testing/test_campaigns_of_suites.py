"""Campaigns in test suites: simulated devices succeed or fail as the test says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fotapool.testing import Account, ControlFailed, Server
from fotapool.testing.features.fleets import behavior_of, put_behavior

PACKAGE = {"firmwareName": "Suite_1To2", "make": "Verizon", "model": "Model-S", "fromVersion": "1", "toVersion": "2"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def start_campaign(account: Account, days: int = 2) -> None:
    """Creates a campaign from the next day on."""
    day = (account.now + timedelta(days=1)).date()
    members = {"campaignName": "Suite", "firmwareName": "Suite_1To2", "firmwareFrom": "1", "firmwareTo": "2"}
    where = {"make": "Verizon", "model": "Model-S", "protocol": "LWM2M", "deviceList": account.devices}
    dates = {"startDate": f"{day}", "endDate": f"{day + timedelta(days=days)}"}
    account.call("POST", f"/v3/campaigns/firmware/{account.name}", {**members, **where, **dates})


def firmware(account: Account) -> list[str]:
    rows = account.server.control.call("GET", f"/accounts/{account.name}/devices")["devices"]
    return [row["firmware"] for row in rows]


def test_a_fleet_of_the_mark_completes_and_the_device_that_fails_does_not(server: Server) -> None:
    account = server.account(
        devices=5, licensed=5, model="Model-S", fleet={"checkInEvery": "PT10M"}, packages=[PACKAGE]
    )
    account.device_fails(account.devices[1])
    account.device_fails(account.devices[4], at="download")
    start_campaign(account)
    account.advance("P4D")
    assert firmware(account) == ["2", "1", "2", "2", "1"]
    account.assert_consistent()


def test_one_upgrade_is_set_at_once(server: Server) -> None:
    account = server.account(devices=4, licensed=4, model="Model-S", packages=[PACKAGE])
    first, second, third, fourth = account.devices
    start_campaign(account)
    account.advance("P1D")
    account.upgrade(first, "completed")
    account.upgrade(second, "failed")
    account.upgrade(third, "inProgress")
    account.upgrade(third, "completed")
    account.upgrade(fourth, "canceled")
    assert firmware(account) == ["2", "1", "2", "1"]
    with pytest.raises(ControlFailed):
        account.upgrade("990000000000999", "completed")
    account.assert_consistent()


def test_wrong_fleets_are_named(server: Server) -> None:
    wrong: tuple[tuple[Any, type[Exception], str], ...] = (
        ({"first": "990000000000000"}, ValueError, "fleet has no first and no count"),
        (True, TypeError, "fleet must have the members of a fleet"),
        ({"failAtInstal": 1}, ControlFailed, "failAtInstal"),
    )
    for fleet, error, said in wrong:
        with pytest.raises(error, match=said):
            server.account(fleet=fleet)
    with pytest.raises(ValueError, match="at must be one of download, verify, install, not 'start'"):
        server.account().device_fails("990000000000000", at="start")  # type: ignore[arg-type]


def test_a_behavior_of_some_devices_leaves_the_others_as_they_are() -> None:
    fleets = [{"first": "000000000000010", "count": 10, "randomSeed": 1}]
    changed = put_behavior(
        fleets, ["000000000000012", "000000000000013", "000000000000019", "000000000000030"], {"a": 1}
    )
    assert changed == [
        {"first": "000000000000010", "count": 2, "randomSeed": 1},
        {"first": "000000000000014", "count": 5, "randomSeed": 1},
        {"a": 1, "first": "000000000000012", "count": 2},
        {"a": 1, "first": "000000000000019", "count": 1},
        {"a": 1, "first": "000000000000030", "count": 1},
    ]
    assert behavior_of(changed, "000000000000018") == {"randomSeed": 1}
    assert behavior_of(changed, "000000000000013") == {"a": 1}
    assert behavior_of(changed, "000000000000020") == {}
