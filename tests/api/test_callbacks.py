"""Registering callback listeners in each version, and what the messages look like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fotapool.api.v1 import callbacks as v1
from fotapool.api.v1 import statuses as v1_status
from fotapool.api.v2 import callbacks as v2
from fotapool.api.v2 import statuses as v2_status
from fotapool.api.v3 import callbacks as v3
from fotapool.api.v3 import statuses as v3_status
from fotapool.domain.callbacks import (
    CampaignChanged,
    Event,
    FirmwareAvailable,
    FirmwareReported,
    UpgradesChanged,
)
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.store.callbacks.listeners import Listener
from support.callbacks import CAMPAIGN, FILE, PACKAGE
from support.helpers import ACCOUNT, NOW_MS, OTHER, Api

URL, OTHER_URL = "https://receiver.example/one", "http://10.120.102.183:50559/CallbackListener/Firmware.asmx"
LISTENER = Listener(account_id=1, style="any", url=URL, username="me", password="secret", created_ms=NOW_MS)


def test_v1_registers_reads_replaces_and_deregisters(api: Api) -> None:
    path = f"/v1/callbacks/{ACCOUNT}"
    assert api.call("GET", path).json() == []
    body = {"name": "Fota", "url": URL, "username": "me", "password": "secret"}
    response = api.call("POST", path, body)
    assert (response.status_code, response.json()) == (200, {"accountName": ACCOUNT, "serviceName": "Fota"})
    assert api.call("GET", path).json() == [
        {"aname": ACCOUNT, "name": "Fota", "url": URL, "username": "me", "password": "secret"}
    ]
    assert api.call("POST", path, {"name": "FOTA", "url": OTHER_URL}).status_code == 200
    assert api.call("GET", path).json() == [{"aname": ACCOUNT, "name": "Fota", "url": OTHER_URL}]
    for _ in range(2):
        assert api.call("DELETE", f"{path}/name/fota").json() == {"success": True}
    assert api.call("GET", path).json() == []


@pytest.mark.parametrize("version", [2, 3])
def test_v2_and_v3_register_read_replace_and_deregister(api: Api, version: int) -> None:
    path = f"/v{version}/callbacks/{ACCOUNT}"
    assert api.call("GET", path).json() == {}
    assert api.call("POST", path, {"url": URL}, headers={"Content-Type": "*/*"}).json() == {"url": URL}
    assert api.call("GET", path).json() == {"url": URL}
    assert api.call("PUT", path, {"url": OTHER_URL}).json() == {"url": OTHER_URL}
    assert api.call("PUT", path, {"callback": URL}).json() == {"url": URL}
    assert api.call("GET", path).json() == {"url": URL}
    for _ in range(2):
        assert api.call("DELETE", path).json() == {"success": True}
    assert api.call("GET", path).json() == {}
    assert api.call("PUT", path, {"url": URL}).json() == {"url": URL}


def test_each_version_has_a_listener_of_its_own(api: Api) -> None:
    api.call("POST", f"/v1/callbacks/{ACCOUNT}", {"name": "Fota", "url": f"{URL}/1"})
    for version in (2, 3):
        api.call("POST", f"/v{version}/callbacks/{ACCOUNT}", {"url": f"{URL}/{version}"})
    api.call("DELETE", f"/v2/callbacks/{ACCOUNT}")
    assert api.call("GET", f"/v1/callbacks/{ACCOUNT}").json()[0]["url"] == f"{URL}/1"
    assert api.call("GET", f"/v3/callbacks/{ACCOUNT}").json() == {"url": f"{URL}/3"}


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/v1/callbacks/{}", {"url": URL}, "Invalid service name"),
        ("POST", "/v1/callbacks/{}", {"name": "Other", "url": URL}, "Invalid service name"),
        ("DELETE", "/v1/callbacks/{}/name/Other", None, "Invalid service name"),
        ("POST", "/v1/callbacks/{}", {"name": "Fota"}, "Invalid callback url"),
        ("POST", "/v1/callbacks/{}", {"name": "Fota", "url": 5}, "Input binding error"),
        ("POST", "/v1/callbacks/{}", {"name": "Fota", "url": URL, "username": "x" * 201}, "Input binding error"),
        ("POST", "/v1/callbacks/{}", {"name": "Fota", "url": URL, "password": "\x00"}, "Input binding error"),
        ("POST", "/v2/callbacks/{}", {}, "Invalid callback url"),
        ("POST", "/v2/callbacks/{}", [], "Input binding error"),
        ("PUT", "/v2/callbacks/{}", {"callback": "nowhere"}, "Invalid callback url"),
        ("PUT", "/v2/callbacks/{}", {"callback": URL, "url": OTHER_URL}, "Invalid callback url"),
        ("POST", "/v3/callbacks/{}", {"url": "ftp://receiver.example/"}, "Invalid callback url"),
        ("PUT", "/v3/callbacks/{}", {"url": "https://me:secret@receiver.example/"}, "Invalid callback url"),
        ("PUT", "/v3/callbacks/{}", {"url": f"{URL}\x00"}, "Invalid callback url"),
    ],
)
def test_a_registration_that_makes_no_sense_is_rejected(
    api: Api, method: str, path: str, body: Any, message: str
) -> None:
    response = api.call(method, path.format(ACCOUNT), body)
    assert (response.status_code, response.json()["errorMessage"]) == (400, message)


def test_listeners_of_other_accounts_are_not_to_be_seen(api: Api) -> None:
    for version in (1, 2, 3):
        response = api.call("GET", f"/v{version}/callbacks/{OTHER}")
        assert response.status_code == 400
        assert "Could not find account" in response.json()["errorMessage"]


def test_in_production_listeners_are_public_and_https(start: Callable[..., Api]) -> None:
    api = start(emulator=False)
    path = f"/v3/callbacks/{ACCOUNT}"
    for url in ("http://receiver.example/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/"):
        assert api.call("POST", path, {"url": url}).json()["errorMessage"] == "Invalid callback url"
    assert api.call("POST", path, {"url": URL}).status_code == 200


DEVICES = UpgradesChanged(
    CAMPAIGN,
    (
        (900000000000001, int(UpgradeStatus.SCHEDULED), int(Reason.NONE)),
        (900000000000002, int(UpgradeStatus.COMPLETED), int(Reason.SUCCEEDED)),
    ),
)
EMPTY = {"firmwareList": [], "upgradeScheduled": {}, "upgradeProgress": {}, "firmwareReported": {}}


def message(encode: Callable[[Event, Listener], bytes], event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(event, LISTENER))
    for member, nothing in EMPTY.items():
        assert (found[member] == nothing) == (member != found["type"]), member
    return found


def test_v1_message_of_new_firmware_is_as_the_page_shows_it() -> None:
    assert message(v1.encode, FirmwareAvailable(ACCOUNT, (PACKAGE,))) == {
        **EMPTY,
        "accountName": ACCOUNT,
        "participantName": ACCOUNT,
        "type": "firmwareList",
        "username": "me",
        "password": "secret",
        "firmwareList": [
            {
                "firmwareName": "GM01Q_10512_10657",
                "participantName": ACCOUNT,
                "launchDate": "2021-07-09T00:00:00.000Z",
                "releaseNote": "note",
                "model": "GM01Q",
                "make": "SEQUANS",
                "fromVersion": "10512",
                "toVersion": "10657",
            }
        ],
    }


def test_v1_messages_of_upgrades() -> None:
    started = message(v1.encode, CampaignChanged(CAMPAIGN))
    assert (started["type"], started["upgradeProgress"]["status"]) == ("upgradeProgress", "InProgress")
    assert started["upgradeProgress"]["upgradeId"] == CAMPAIGN.id
    devices = message(v1.encode, DEVICES)["upgradeProgress"]["deviceList"]
    assert devices == [
        {"deviceId": "900000000000001", "status": "Device Accepted", "resultReason": "success"},
        {"deviceId": "900000000000002", "status": "UpgradeSuccess", "resultReason": "success"},
    ]


def test_v2_messages_have_neither_user_name_nor_password_but_members_of_software_and_files() -> None:
    found = message(v2.encode, CampaignChanged(CAMPAIGN))
    assert not {"username", "password"} & found.keys()
    assert found["upgradeScheduled"] == {
        "campaignId": CAMPAIGN.id,
        "campaignName": "Smart FOTA",
        "distributionType": "OMA",
        "make": "SEQUANS",
        "model": "GM01Q",
        "startDate": "2021-07-09",
        "endDate": "2021-07-10",
        "status": "CampaignScheduled",
        "deviceList": [],
        "softwareName": "GM01Q_10512_10657",
        "softwareFrom": "10512",
        "softwareTo": "10657",
    }
    ended = message(v2.encode, CampaignChanged(FILE))["upgradeProgress"]
    assert (ended["fileName"], ended["fileVersion"], ended["status"]) == ("hello.txt", "1.0", "CampaignEnded")
    assert "softwareName" not in ended
    assert message(v2.encode, FirmwareAvailable(ACCOUNT, (PACKAGE,)))["firmwareList"][0]["softwareTo"] == "10657"
    assert [row["status"] for row in message(v2.encode, DEVICES)["upgradeProgress"]["deviceList"]] == [
        "Accepted",
        "UpgradeSuccess",
    ]


def test_v3_messages_have_members_of_firmware_and_say_when_an_upgrade_begins() -> None:
    found = message(v3.encode, CampaignChanged(CAMPAIGN))["upgradeScheduled"]
    assert (found["firmwareFrom"], found["firmwareTo"], found["status"]) == ("10512", "10657", "CampaignScheduled")
    rows = message(v3.encode, DEVICES)["upgradeProgress"]["deviceList"]
    assert rows[0] == {
        "deviceId": "900000000000001",
        "status": "UpgradeScheduled",
        "resultReason": "The upgrade is scheduled to begin on 09 Jul 21 00:00 UTC, "
        "and the estimated completion is 11 Jul 21 00:00 UTC",
    }
    assert rows[1]["resultReason"] == "Upgrade completed successfully"
    report = message(
        v3.encode, FirmwareReported(account_name=ACCOUNT, imei=5, firmware="2", request_id="request", at_ms=NOW_MS)
    )["firmwareReported"]
    assert (report["deviceId"], report["firmwareVersion"], report["requestId"]) == ("000000000000005", "2", "request")
    assert message(v3.encode, FirmwareAvailable(ACCOUNT, (PACKAGE,)))["firmwareList"][0]["firmwareTo"] == "10657"


@pytest.mark.parametrize("labels", [v1_status, v2_status, v3_status], ids=lambda module: module.__name__)
def test_every_status_and_reason_has_a_label(labels: Any) -> None:
    assert set(labels.CAMPAIGN_STATUS) == set(CampaignStatus)
    assert set(labels.DEVICE_STATUS) == set(UpgradeStatus)
    assert set(labels.DEVICE_REASON) == set(Reason)


def test_device_labels_are_total_and_as_documented() -> None:
    for status in UpgradeStatus:
        for reason in Reason:
            for found in (v1_status.device_labels(status, reason), v2_status.device_labels(status, reason)):
                assert found[0]
            for campaign in CampaignStatus:
                assert v3_status.device_labels(
                    status=status, reason=reason, campaign=campaign, start_ms=0, end_ms=NOW_MS
                )[0]
    assert v1_status.device_labels(UpgradeStatus.PENDING, Reason.NONE) == ("RequestPending", "")
    assert v1_status.device_labels(UpgradeStatus.REJECTED, Reason.DEVICE_NOT_FOUND) == (
        "Device Rejected",
        "Device not found.",
    )
    assert v2_status.device_labels(UpgradeStatus.CANCELED, Reason.ABORTED_BY_USER) == (
        "CampaignAborted",
        "Campaign aborted by user.",
    )
    assert v3_status.device_labels(
        status=UpgradeStatus.SCHEDULED,
        reason=Reason.NOT_REACHABLE,
        campaign=CampaignStatus.SCHEDULED,
        start_ms=0,
        end_ms=0,
        attempts=2,
    ) == (
        "NoDeviceDataFromNetwork",
        "The network reports this device is not reachable, try count 2",
    )


def test_the_messages_in_the_documentation_are_the_ones_that_are_sent() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/callbacks.md").read_text(encoding="utf-8")
    shown = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    assert shown == [
        json.loads(v1.encode(FirmwareAvailable(ACCOUNT, (PACKAGE,)), LISTENER)),
        json.loads(v3.encode(CampaignChanged(CAMPAIGN), LISTENER)),
    ]
