"""A fleet whose campaigns the console shows: 25 licensed devices, of which 5 fail, and 5 without a license."""

from __future__ import annotations

from typing import Any

from support.helpers import ACCOUNT, FIRST, KEY, PASSWORD, SECRET, USER, Api, devices

PACKAGE = "FOTA_Make_Model_1To2"
FLEET: dict[str, Any] = {
    "clients": [{"key": KEY, "secret": SECRET}],
    "users": [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT]}],
    "accounts": [
        {
            "name": ACCOUNT,
            "licenseCount": 25,
            "devices": [
                {"first": f"{FIRST}", "count": 30, "licensed": 25, "make": "Make", "model": "M", "firmware": "1"}
            ],
            "fleet": [
                {"first": f"{FIRST}", "count": 20, "upgradeTakes": "PT10M"},
                {"first": f"{FIRST + 20}", "count": 10, "upgradeTakes": "PT10M", "failAtInstall": 1.0},
            ],
        }
    ],
    "firmware": [
        {
            "firmwareName": PACKAGE,
            "make": "Make",
            "model": "M",
            "fromVersion": "1",
            "toVersion": "2",
            "protocol": "LWM2M",
            "proven": True,
        }
    ],
}


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
