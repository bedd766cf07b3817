"""Reports on campaigns over HTTP: by status, of one campaign's devices, and of one device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.campaigning import (
    CAMPAIGN_SEED,
    FOREIGN,
    HTTP,
    LWM2M,
    NOWHERE,
    OMA,
    READ,
    TODAY,
    advance,
    answered,
    error_message,
    imeis,
    schedule,
)
from support.helpers import ACCOUNT, OTHER, Api

CAMPAIGNS = {2: f"/v2/reports/{ACCOUNT}/campaigns", 3: f"/v3/reports/{ACCOUNT}/firmware/campaigns"}
DEVICE = {version: f"/v{version}/reports/{ACCOUNT}/devices/%s" for version in (1, 2, 3)}
DEVICES = {version: f"/v{version}/reports/{ACCOUNT}/campaigns/%s/devices" for version in (2, 3)}
UPGRADES = f"/v1/reports/{ACCOUNT}/status/%s/index/%s"
AWAY = {
    **CAMPAIGN_SEED,
    "accounts": [
        {
            **CAMPAIGN_SEED["accounts"][0],
            "fleet": [{"first": f"{LWM2M}", "count": 25, "offline": [{"share": 1, "from": 0, "to": 24}]}],
        },
        *CAMPAIGN_SEED["accounts"][1:],
    ],
}
"""The same, but no simulated device is ever in the network."""


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(CAMPAIGN_SEED)


def listed(api: Api, version: int, label: str, query: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = answered(api.call("GET", f"{CAMPAIGNS[version]}?campaignStatus={label}{query}"))
    return answer


def ids(answer: dict[str, Any], name: str = "campaignList") -> list[str]:
    return [row["id"] for row in answer[name]]


@pytest.mark.parametrize("version", [2, 3])
def test_campaigns_of_a_state_are_listed_in_pages_oldest_first(start: Callable[..., Api], version: int) -> None:
    api = start(CAMPAIGN_SEED, page_size=2)
    made = [schedule(api, number % 3 + 1) for number in range(5)]
    found, cursor, answer = [], "0", {"hasMoreData": True}
    while answer["hasMoreData"]:
        answer = listed(api, version, "CampaignRequestPending", f"&lastSeenCampaignId={cursor}")
        found += ids(answer)
        cursor = answer["lastSeenCampaignId"]
    assert (found, cursor) == (made, "0")
    assert ids(listed(api, version, "campaignrequestpending")) == made[:2]
    assert listed(api, version, "CampaignEnded") == {
        "hasMoreData": False,
        "lastSeenCampaignId": "0",
        "campaignList": [],
    }


def test_a_campaign_row_is_as_published(api: Api) -> None:
    windows = [{"startTime": 20, "endTime": 21}]
    second = schedule(api, 2, campaignName="N", downloadTimeWindowList=windows, installAfterDate="2026-03-12")
    third = schedule(api, 3, campaignName="M", campaignTimeWindowList=windows)
    shared = {
        "accountName": ACCOUNT,
        "make": "Verizon",
        "startDate": "2026-03-11",
        "endDate": "2026-03-20",
        "status": "CampaignRequestPending",
    }
    assert listed(api, 2, "CampaignRequestPending")["campaignList"][0] == {
        **shared,
        "id": second,
        "campaignName": "N",
        "softwareName": "SW-H",
        "softwareFrom": "1",
        "softwareTo": "2",
        "distributionType": "HTTP",
        "model": "Model-H",
        "downloadTimeWindowList": windows,
        "installAfterDate": "2026-03-12",
    }
    assert listed(api, 3, "CampaignRequestPending")["campaignList"][1] == {
        **shared,
        "id": third,
        "campaignName": "M",
        "firmwareName": "FW-A",
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "protocol": "LWM2M",
        "model": "Model-A",
        "campaignTimeWindowList": windows,
    }


def test_version_3_names_only_protocols_that_the_sdks_can_parse(api: Api) -> None:
    """Their enumeration is LWM2M and OMD-DM: one row with another value costs them the whole answer."""
    oma = {"firmwareName": "FW-O", "protocol": None, "deviceList": imeis(OMA, 2)}
    made = [schedule(api, 2), schedule(api, 3), schedule(api, 3, **oma)]
    rows = listed(api, 3, "CampaignRequestPending")["campaignList"]
    assert [(row["id"], row.get("protocol")) for row in rows] == list(zip(made, (None, "LWM2M", "OMD-DM"), strict=True))
    assert "protocol" not in rows[0]
    rows = answered(api.call("GET", f"/v3/firmware/{ACCOUNT}?protocol=all"))
    assert [(row["firmwareName"], row["protocol"]) for row in rows] == [
        ("FW-A", "LWM2M"),
        ("FW-A-proven", "LWM2M"),
        ("FW-O", "OMD-DM"),
    ]
    software = answered(api.call("GET", f"/v2/software/{ACCOUNT}"))
    assert [row["softwareName"] for row in software] == ["FW-A", "FW-A-proven", "FW-O", "SW-H"]


def test_a_page_of_version_1_writes_device_for_devices(api: Api) -> None:
    schedule(api, 1)
    path = DEVICE[1] % imeis(LWM2M, 1)[0]
    (row,) = answered(api.call("GET", path.replace("/devices/", "/device/")))
    assert [row] == answered(api.call("GET", path))


def test_every_word_for_a_state_finds_its_campaigns(api: Api) -> None:
    made = schedule(api, 3, startDate="2026-03-13")
    advance(api, "PT10S")
    for version in (2, 3):
        for label in ("CampaignRequestQueued", "CampaignQueued", "CAMPAIGNQUEUED"):
            assert ids(listed(api, version, label)) == [made]
        assert ids(listed(api, version, "CampaignPreScheduled")) == []
    assert ids(answered(api.call("GET", UPGRADES % ("queued", 0))), "reportList") == [made]
    advance(api, "P2D")
    assert (ids(listed(api, 3, "CampaignPreScheduled")), ids(listed(api, 3, "CampaignQueued"))) == ([made], [])
    assert ids(listed(api, 2, "CampaignPreScheduled")) == ids(listed(api, 2, "CampaignQueued")) == [made]
    advance(api, "P10D")
    assert ids(listed(api, 3, "CampaignEnded")) == ids(listed(api, 2, "CampaignEnded")) == [made]
    page = answered(api.call("GET", f"/v3/reports/{ACCOUNT}/campaigns?campaignStatus=CampaignEnded"))
    assert ids(page) == [made]
    for label, found in (("Finished", [made]), ("InProgress", []), ("UpgradeFailed", []), ("RequestFailed", [])):
        assert ids(answered(api.call("GET", UPGRADES % (label, 0))), "reportList") == found


def test_version_1_lists_upgrades_from_a_record_number_on(start: Callable[..., Api]) -> None:
    api = start(CAMPAIGN_SEED, page_size=2)
    made = [schedule(api, number % 3 + 1) for number in range(5)]
    pages = [answered(api.call("GET", UPGRADES % ("RequestPending", index))) for index in (0, 2, 4)]
    assert [ids(page, "reportList") for page in pages] == [made[:2], made[2:4], made[4:]]
    assert [page["lastSeenUpgradeId"] for page in pages] == [2, 4, 0]
    assert [page["hasMoreFlag"] for page in pages] == [True, True, False]
    assert answered(api.call("GET", UPGRADES % ("Finished", 0))) == {
        "hasMoreFlag": False,
        "lastSeenUpgradeId": 0,
        "reportList": [],
    }
    (last,) = pages[2]["reportList"]
    assert last == answered(api.call("GET", READ[1] % made[4]))


def test_reports_that_ask_for_nonsense_are_rejected(api: Api) -> None:
    uuid = schedule(api, 3)
    for path, message in (
        (UPGRADES % ("Nothing", 0), "Invalid upgradeStatus"),
        (UPGRADES % ("CampaignEnded", 0), "Invalid upgradeStatus"),
        (UPGRADES % ("Queued", "x"), "Invalid index value"),
        (UPGRADES % ("Queued", "-1"), "Invalid index value"),
        (UPGRADES % ("Queued", 1), "Index exceeds number of devices in list"),
        (UPGRADES % ("RequestPending", 1), "Index exceeds number of devices in list"),
        (UPGRADES % ("Queued", "9" * 40), "Index exceeds number of devices in list"),
    ):
        assert error_message(api.call("GET", path)) == message, path
    for version in (2, 3):
        for query, message in (
            ("", "Invalid campaignStatus"),
            ("?campaignStatus=", "Invalid campaignStatus"),
            ("?campaignStatus=Finished", "Invalid campaignStatus"),
            ("?campaignStatus=CampaignEnded&lastSeenCampaignId=x", "Invalid uuid"),
            (f"?campaignStatus=CampaignEnded&lastSeenCampaignId={NOWHERE}", "Invalid campaignId"),
        ):
            assert error_message(api.call("GET", CAMPAIGNS[version] + query)) == message, query
        for cursor, message in (
            ("x", "Invalid index value"),
            ("1" * 16, "Invalid device id format"),
            (FOREIGN, "LastSeenDeviceId Not Valid"),
            ("1", "LastSeenDeviceId Not Valid"),
        ):
            path = DEVICES[version] % uuid + f"?lastSeenDeviceId={cursor}"
            assert error_message(api.call("GET", path)) == message, cursor
    for version in (1, 2, 3):
        for device, message in (
            ("x", "Invalid device id format"),
            ("12", "Invalid device id format"),
            ("%00", "Invalid device id format"),
            (FOREIGN, "Device not found."),
            ("111111111111111", "Device not found."),
        ):
            assert error_message(api.call("GET", DEVICE[version] % device)) == message, device


@pytest.mark.parametrize("version", [2, 3])
def test_a_campaign_s_devices_are_listed_in_pages(start: Callable[..., Api], version: int) -> None:
    api = start(CAMPAIGN_SEED, page_size=2)
    uuid = schedule(api, 3, deviceList=list(reversed(imeis(LWM2M, 5))))
    path = DEVICES[version] % uuid
    page = answered(api.call("GET", path))
    rows = [row["deviceId"] for row in page["deviceList"]]
    assert (page["totalDevice"], page["hasMoreData"], page["maxPageSize"]) == (5, True, 2)
    while page["hasMoreData"]:
        page = answered(api.call("GET", f"{path}?lastSeenDeviceId={page['lastSeenDeviceId']}"))
        rows += [row["deviceId"] for row in page["deviceList"]]
    assert (rows, page["lastSeenDeviceId"]) == (imeis(LWM2M, 5), "0")
    between = answered(api.call("GET", f"{path}?lastSeenDeviceId={imeis(LWM2M, 20)[19]}"))
    assert (between["deviceList"], between["hasMoreData"]) == ([], False)


def labels(api: Api, uuid: str) -> dict[str, Any]:
    row: dict[str, Any] = answered(api.call("GET", DEVICES[3] % uuid))["deviceList"][0]
    del row["deviceId"]
    return row


def test_version_3_says_how_far_a_device_is_in_the_published_sentences(api: Api) -> None:
    uuid = schedule(api, 3, deviceList=imeis(LWM2M, 1), campaignTimeWindowList=[{"startTime": 2, "endTime": 5}])
    pending = {
        "status": "UpgradePending",
        "resultReason": "Upgrade pending, the device upgrade is estimated to be scheduled for 11 Mar 26 00:00 UTC",
        "updatedTime": "2026-03-10T12:00:00.000Z",
        "nextAttemptTime": "2026-03-11T00:00:00.000Z",
    }
    unchecked = labels(api, uuid)
    assert unchecked == {name: value for name, value in pending.items() if name != "nextAttemptTime"}
    advance(api, "PT10S")
    assert labels(api, uuid) == pending
    advance(api, "PT2M")
    assert labels(api, uuid) == {
        **pending,
        "status": "ReceivedDeviceDataFromNetwork",
        "resultReason": "Reachability information received from the network.",
    }
    advance(api, "PT13H")
    waiting = labels(api, uuid)
    attempt = waiting["nextAttemptTime"]
    assert attempt[:14] == "2026-03-11T02:"
    assert (waiting["status"], waiting["resultReason"]) == (
        "UpgradeScheduled",
        f"The upgrade is scheduled to begin on 11 Mar 26 02:{attempt[14:16]} UTC, and the estimated completion is"
        " 21 Mar 26 00:00 UTC",
    )
    api.control("POST", "/clock", {"to": attempt})
    api.sign_in()
    begun = labels(api, uuid)
    assert (begun["status"], begun["recentAttemptTime"]) == ("UpgradeScheduled", attempt)
    assert "nextAttemptTime" not in begun
    advance(api, "PT1H")
    done = labels(api, uuid)
    assert (done["status"], done["resultReason"]) == ("UpgradeSuccess", "Upgrade completed successfully")
    assert done["updatedTime"] > attempt == done["recentAttemptTime"]


def test_version_3_counts_the_tries_of_a_device_that_the_network_does_not_see(start: Callable[..., Api]) -> None:
    api = start(AWAY)
    uuid = schedule(api, 1, startDate=TODAY, deviceList=imeis(LWM2M, 1))
    advance(api, "PT3H")
    row = labels(api, uuid)
    assert (row["status"], row["nextAttemptTime"]) == ("NoDeviceDataFromNetwork", "2026-03-11T04:00:00.000Z")
    assert row["resultReason"] == "The network reports this device is not reachable, try count 1"
    advance(api, "P12D")
    row = labels(api, uuid)
    assert (row["status"], "nextAttemptTime" in row) == ("NoDeviceDataFromNetwork", False)
    assert row["resultReason"].startswith(
        "The network reports this device is not reachable, no retry available, try count"
    )
    (history,) = answered(api.call("GET", DEVICE[1] % imeis(LWM2M, 1)[0]))
    assert (history["status"], history["reason"]) == ("UpgradeFailed", "Device could not be reached.")
    assert "upgradeStartTime" not in history


def test_a_device_s_history_is_the_same_in_all_versions(api: Api) -> None:
    device = imeis(LWM2M, 1)[0]
    first = schedule(api, 1)
    answered(api.call("DELETE", READ[1] % first))
    second = schedule(api, 3, startDate=TODAY)
    advance(api, "PT6H")
    one, two, three = (answered(api.call("GET", DEVICE[version] % device)) for version in (1, 2, 3))
    for rows in (one, two, three):
        assert [row["id"] for row in rows] == [first, second]
        assert {(row["deviceId"], row["accountName"]) for row in rows} == {(device, ACCOUNT)}
    assert [row["campaignId"] for row in three] == [first, second]
    assert [(row["status"], row["reason"]) for row in one] == [
        ("UpgradeFailed", "Upgrade canceled by user."),
        ("UpgradeSuccess", "success"),
    ]
    assert [(row["status"], row["reason"]) for row in two] == [
        ("CampaignCancelled", "Campaign canceled by user."),
        ("UpgradeSuccess", "Download and install succeeded."),
    ]
    assert [(row["status"], row["reason"]) for row in three] == [
        ("UpgradeCancelled", "Campaign canceled by user."),
        ("UpgradeSuccess", "Upgrade completed successfully"),
    ]
    assert one[1]["upgradeStartTime"] == two[1]["upgradeStartTime"]
    assert set(three[1]) == {
        "deviceId",
        "id",
        "campaignId",
        "accountName",
        "firmwareName",
        "firmwareFrom",
        "firmwareTo",
        "startDate",
        "status",
        "reason",
        "reportUpdatedTime",
    }
    assert answered(api.call("GET", DEVICE[2] % imeis(HTTP, 9)[8])) == []


def test_what_ended_more_than_six_months_ago_is_left_out(api: Api) -> None:
    device = imeis(LWM2M, 1)[0]
    schedule(api, 3, startDate=TODAY)
    advance(api, "P180D")
    assert len(listed(api, 3, "CampaignEnded")["campaignList"]) == 1
    assert len(answered(api.call("GET", DEVICE[3] % device))) == 1
    advance(api, "P5D")
    for version in (2, 3):
        assert listed(api, version, "CampaignEnded")["campaignList"] == []
    assert answered(api.call("GET", UPGRADES % ("Finished", 0)))["reportList"] == []
    for version in (1, 2, 3):
        assert answered(api.call("GET", DEVICE[version] % device)) == []


def test_an_account_sees_no_campaigns_of_another(api: Api) -> None:
    schedule(api, 3)
    for path in (CAMPAIGNS[2], CAMPAIGNS[3]):
        page = answered(api.call("GET", path.replace(ACCOUNT, OTHER) + "?campaignStatus=CampaignRequestPending"))
        assert page["campaignList"] == []
    assert answered(api.call("GET", (UPGRADES % ("RequestPending", 0)).replace(ACCOUNT, OTHER)))["reportList"] == []
