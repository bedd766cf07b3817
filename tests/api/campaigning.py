"""What tests of campaigns over HTTP share: an account with devices of each protocol, packages for them, and days."""

from __future__ import annotations

from typing import Any

import httpx

from support.helpers import ACCOUNT, KEY, OTHER, PASSWORD, SECRET, USER, Api

LWM2M, HTTP, OMA = 990000000000000, 991000000000000, 992000000000000
"""The first device of each protocol. Those over LWM2M are simulated; five of each are licensed."""
FOREIGN = "880000000000000"
TODAY, TOMORROW, LATER, PAST = "2026-03-10", "2026-03-11", "2026-03-20", "2026-03-09"
NOWHERE = "60b5d639-ccdc-4db8-8824-069bd94c95bf"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _devices(first: int, model: str, protocol: str, count: int) -> dict[str, Any]:
    return {
        "first": f"{first}",
        "count": count,
        "licensed": 5,
        "make": "Verizon",
        "model": model,
        "firmware": "1",
        "protocol": protocol,
    }


def _package(name: str, model: str, protocol: str, **members: Any) -> dict[str, Any]:
    return {
        "firmwareName": name,
        "make": "Verizon",
        "model": model,
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": protocol,
        **members,
    }


CAMPAIGN_SEED: dict[str, Any] = {
    "clients": [{"key": KEY, "secret": SECRET}],
    "users": [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT, OTHER]}],
    "firmware": [
        _package("FW-A", "Model-A", "LWM2M"),
        _package("SW-H", "Model-H", "HTTP"),
        _package("FW-O", "Model-O", "OMADM"),
        _package("FW-A-proven", "Model-A", "LWM2M", proven=True),
    ],
    "accounts": [
        {
            "name": ACCOUNT,
            "licenseCount": 30,
            "devices": [
                _devices(LWM2M, "Model-A", "LWM2M", 25),
                _devices(HTTP, "Model-H", "HTTP", 25),
                _devices(OMA, "Model-O", "OMADM", 5),
            ],
            "fleet": [{"first": f"{LWM2M}", "count": 25, "checkInEvery": "PT10M"}],
        },
        {"name": OTHER, "licenseCount": 5, "devices": [{"first": FOREIGN, "count": 1}]},
    ],
}


def imeis(first: int, count: int) -> list[str]:
    return [f"{first + number:015d}" for number in range(count)]


def body(version: int, **members: Any) -> dict[str, Any]:
    """A version's body that schedules two devices from tomorrow on; None leaves a member out."""
    given: dict[str, Any] = {
        1: {"accountName": ACCOUNT, "firmwareName": "FW-A", "firmwareTo": "2", "deviceList": imeis(LWM2M, 2)},
        2: {
            "softwareName": "SW-H",
            "softwareFrom": "1",
            "softwareTo": "2",
            "distributionType": "HTTP",
            "deviceList": imeis(HTTP, 2),
        },
        3: {
            "firmwareName": "FW-A",
            "firmwareFrom": "1",
            "firmwareTo": "2",
            "protocol": "LWM2M",
            "autoAssignLicenseFlag": False,
            "autoAddDevicesFlag": False,
            "deviceList": imeis(LWM2M, 2),
        },
    }[version]
    given |= {"startDate": TOMORROW, "endDate": LATER, **members}
    return {name: value for name, value in given.items() if value is not None}


SCHEDULE = {1: "/v1/upgrades", 2: f"/v2/campaigns/software/{ACCOUNT}", 3: f"/v3/campaigns/firmware/{ACCOUNT}"}
READ = {1: f"/v1/upgrades/{ACCOUNT}/upgrade/%s", 2: f"/v2/campaigns/{ACCOUNT}/%s", 3: f"/v3/campaigns/{ACCOUNT}/%s"}
DEVICES = {**READ, 3: f"/v3/campaigns/firmware/{ACCOUNT}/%s"}
DATES = {2: f"/v2/campaigns/{ACCOUNT}/%s/dates", 3: f"/v3/campaigns/firmware/{ACCOUNT}/%s/dates"}


def answered(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def error_message(response: httpx.Response) -> str:
    assert response.status_code == 400, response.text
    assert response.json()["errorCode"] == "INVALID_PARAMETER"
    message: str = response.json()["errorMessage"]
    return message


def schedule(api: Api, version: int, **members: Any) -> str:
    """Schedules a campaign and answers its id."""
    found: str = answered(api.call("POST", SCHEDULE[version], body(version, **members)))["id"]
    return found


def status(api: Api, version: int, uuid: str) -> str:
    found: str = answered(api.call("GET", READ[version] % uuid))["status"]
    return found


def advance(api: Api, duration: str) -> None:
    """Moves the clock and signs in again, since a session ends when it is idle for 20 minutes."""
    api.advance(duration)
    api.sign_in()
