"""A fleet whose campaigns the console shows: 25 licensed devices, of which 5 fail, and 5 without a license."""

from __future__ import annotations

from typing import Any

from support.helpers import ACCOUNT, FIRST, KEY, PASSWORD, SECRET, USER, Api, devices

PACKAGE = "FOTA_Make_Model_1To2"


def fleet(succeeding: int, failing: int, licensed: int) -> dict[str, Any]:
    """A seed of devices whose upgrades succeed, then some whose upgrades fail; the first ones have licenses."""
    devices_of_account = {
        "first": f"{FIRST}",
        "count": succeeding + failing,
        "licensed": licensed,
        "make": "Make",
        "model": "M",
        "firmware": "1",
    }
    package = {
        "firmwareName": PACKAGE,
        "make": "Make",
        "model": "M",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "LWM2M",
        "proven": True,
    }
    account = {
        "name": ACCOUNT,
        "licenseCount": licensed,
        "devices": [devices_of_account],
        "fleet": [
            {"first": f"{FIRST}", "count": succeeding, "upgradeTakes": "PT10M"},
            {"first": f"{FIRST + succeeding}", "count": failing, "upgradeTakes": "PT10M", "failAtInstall": 1.0},
        ],
    }
    return {
        "clients": [{"key": KEY, "secret": SECRET}],
        "users": [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT]}],
        "accounts": [account],
        "firmware": [package],
    }


FLEET = fleet(succeeding=20, failing=10, licensed=25)


def schedule(
    api: Api, name: str = "North", numbers: range = range(30), start: str = "2026-03-10", end: str = "2026-03-12"
) -> str:
    """A network-aware campaign; its id."""
    body = {
        "campaignName": name,
        "firmwareName": PACKAGE,
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "protocol": "LWM2M",
        "startDate": start,
        "endDate": end,
        "autoAssignLicenseFlag": False,
        "autoAddDevicesFlag": False,
        "deviceList": devices(*numbers),
    }
    answer = api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["id"]
    return found


def status_of(api: Api, campaign: str) -> str:
    found: str = api.call("GET", f"/v3/campaigns/{ACCOUNT}/{campaign}").json()["status"]
    return found
