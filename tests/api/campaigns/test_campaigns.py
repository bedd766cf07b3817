"""Campaigns over HTTP: one model in three versions, every form of a body, every status of a campaign."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.campaigning import (
    CAMPAIGN_SEED,
    DATES,
    DEVICES,
    HTTP,
    LATER,
    LWM2M,
    OMA,
    READ,
    SCHEDULE,
    TODAY,
    TOMORROW,
    UUID,
    advance,
    answered,
    body,
    error_message,
    imeis,
    schedule,
    status,
)
from fotapool.api.common.bodies import CampaignDevicesBody
from support.helpers import ACCOUNT, Api


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(CAMPAIGN_SEED)


def windows(*hours: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"startTime": first, "endTime": end} for first, end in hours]


def report(api: Api, uuid: str) -> list[tuple[str, str]]:
    page = answered(api.call("GET", f"/v2/reports/{ACCOUNT}/campaigns/{uuid}/devices"))
    return [(row["deviceId"], row["status"]) for row in page["deviceList"]]


def test_a_new_campaign_is_answered_as_the_version_1_page_has_it(api: Api) -> None:
    answer = answered(api.call("POST", SCHEDULE[1], body(1)))
    assert re.fullmatch(UUID, answer.pop("id"))
    assert answer == {
        "accountName": ACCOUNT,
        "firmwareName": "FW-A",
        "firmwareTo": "2",
        "startDate": TOMORROW,
        "endDate": LATER,
        "status": "RequestPending",
        "deviceList": [{"deviceId": imei, "status": "RequestPending"} for imei in imeis(LWM2M, 2)],
    }


def test_a_new_campaign_is_answered_as_the_version_2_model_has_it(api: Api) -> None:
    shared = {
        "accountName": ACCOUNT,
        "softwareName": "SW-H",
        "distributionType": "HTTP",
        "make": "Verizon",
        "model": "Model-H",
        "softwareFrom": "1",
        "softwareTo": "2",
        "startDate": TOMORROW,
        "endDate": LATER,
        "status": "CampaignRequestPending",
    }
    first = answered(api.call("POST", f"/v2/campaigns/{ACCOUNT}", body(2)))
    uuid = first.pop("id")
    assert re.fullmatch(UUID, uuid)
    assert first == shared
    assert answered(api.call("GET", READ[2] % uuid)) == {"id": uuid, **shared}
    given = body(2, campaignName="N", downloadAfterDate=TOMORROW, installTimeWindowList=windows(("0", 4)))
    newer = answered(api.call("POST", SCHEDULE[2], given))
    assert newer.pop("id") != uuid
    assert newer == {
        **shared,
        "campaignName": "N",
        "downloadAfterDate": TOMORROW,
        "deviceList": imeis(HTTP, 2),
        "installTimeWindowList": windows(("0", "4")),
    }


def test_a_new_campaign_is_answered_as_the_version_3_models_have_it(api: Api) -> None:
    given = body(3, campaignName="N", campaignTimeWindowList=windows((18, 22)), autoAddDevicesFlag=True)
    answer = answered(api.call("POST", SCHEDULE[3], given))
    uuid = answer.pop("id")
    expected = {
        "accountName": ACCOUNT,
        "campaignName": "N",
        "firmwareName": "FW-A",
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "protocol": "LWM2M",
        "make": "Verizon",
        "model": "Model-A",
        "startDate": TOMORROW,
        "endDate": LATER,
        "campaignTimeWindowList": windows((18, 22)),
        "status": "CampaignRequestPending",
    }
    assert answer == expected
    assert answered(api.call("GET", READ[3] % uuid)) == {
        "id": uuid,
        **expected,
        "autoAssignLicenseFlag": False,
        "autoAddDevicesFlag": True,
    }
    older = answered(api.call("POST", f"/v3/campaigns/software/{ACCOUNT}", body(3)))
    assert older.pop("id") != uuid
    assert "campaignName" not in older
    assert "campaignTimeWindowList" not in older


def test_a_campaign_of_any_version_is_read_by_each_version(api: Api) -> None:
    for version, firmware, model, labels in (
        (1, "FW-A", "Model-A", ("LWM2M", "LWM2M")),
        (2, "SW-H", "Model-H", ("HTTP", "HTTP")),
        (3, "FW-O", "Model-O", ("OMA", "OMA")),
    ):
        members = {"firmwareName": "FW-O", "protocol": "OMA-DM", "deviceList": imeis(OMA, 2)} if version == 3 else {}
        uuid = schedule(api, version, **members)
        first, second, third = (answered(api.call("GET", READ[one] % uuid.upper())) for one in (1, 2, 3))
        assert {one["id"] for one in (first, second, third)} == {uuid}
        assert (first["firmwareName"], second["softwareName"], third["firmwareName"]) == (firmware,) * 3
        assert (second["model"], third["model"]) == (model, model)
        assert (second["distributionType"], third["protocol"]) == labels
        assert [one["status"] for one in (first, second, third)] == [
            "RequestPending",
            "CampaignRequestPending",
            "CampaignRequestPending",
        ]
        assert [row["deviceId"] for row in first["deviceList"]] == [row[0] for row in report(api, uuid)]
        assert {one["startDate"] for one in (first, second, third)} == {TOMORROW}


def test_any_version_changes_a_campaign_of_any_other(api: Api) -> None:
    for number, scheduled in enumerate((1, 2, 3)):
        own = imeis(HTTP if scheduled == 2 else LWM2M, 5)
        uuid = schedule(api, scheduled, deviceList=[own[number]])
        advance(api, "PT10S")
        extra = own[4:]
        for version in (1, 2, 3):
            for action in ("append", "remove"):
                change = {"type": action, "deviceList": extra}
                answered(api.call("PUT", DEVICES[version] % uuid, change))
        for version in (2, 3):
            dates = {"startDate": "2026-03-12", "endDate": f"2026-03-2{version}"}
            assert answered(api.call("PUT", DATES[version] % uuid, dates))["endDate"] == f"2026-03-2{version}"
        assert answered(api.call("GET", READ[1] % uuid))["endDate"] == "2026-03-23"
        canceler = scheduled % 3 + 1
        assert answered(api.call("DELETE", READ[canceler] % uuid)) == {"success": True}
        assert [status(api, version, uuid) for version in (1, 2, 3)] == [
            "UpgradeFailed",
            "CampaignCancelled",
            "CampaignCancelled",
        ]


FORMS: list[Callable[[str, list[str]], dict[str, Any]]] = [
    lambda action, devices: {"type": action, "deviceList": devices},
    lambda action, devices: {"Type": action.upper(), "deviceList": devices, "more": 1},
    lambda action, devices: {"addOrRemoveDevice": [{"type": action, "deviceList": devices}]},
    lambda action, devices: {"addOrRemoveDevice": {"Type": action.capitalize(), "deviceList": devices}},
    lambda action, devices: {"type": action, "devicelist": devices},
]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_devices_are_added_and_removed_by_bodies_of_every_form(api: Api, version: int) -> None:
    uuid = schedule(api, 3)
    extra = imeis(LWM2M, 4)[2:]
    for form in FORMS:
        for action, expected in (("append", imeis(LWM2M, 4)), ("remove", imeis(LWM2M, 2))):
            answer = answered(api.call("PUT", DEVICES[version] % uuid, form(action, extra)))
            assert answer["accountName"] == ACCOUNT
            rows = [row for row in report(api, uuid) if row[1] == "RequestPending"]
            assert [row[0] for row in rows] == expected


def test_versions_1_and_3_answer_what_became_of_each_device_and_version_2_a_request_id(api: Api) -> None:
    uuid = schedule(api, 3)
    advance(api, "PT10S")
    add = {"type": "append", "deviceList": [imeis(LWM2M, 3)[2], imeis(LWM2M, 1)[0], "880000000000000"]}
    busy = [
        "Device scheduled for firmware-upgrade previously, it needs to be completed before another upgrade is"
        " scheduled.",
        "Device scheduled for firmware upgrade previously, needs to be completed before another upgrade is scheduled.",
    ]
    remove = {"type": "remove", "deviceList": [imeis(LWM2M, 3)[2], imeis(LWM2M, 9)[8]]}
    for version, path in ((1, DEVICES[1]), (3, DEVICES[3]), (3, READ[3])):
        answer = answered(api.call("PUT", path % uuid, add))
        assert answer.pop("campaignId", uuid) == answer["id"] == uuid
        assert [(row["status"], row["Reason"]) for row in answer["deviceList"]] == [
            ("AddDeviceSucceed", "Device added Successfully"),
            ("AddDeviceFailed", busy[version > 1]),
            ("AddDeviceFailed", "Device not found."),
        ]
        assert [row["deviceId"] for row in answer["deviceList"]] == add["deviceList"]
        answer = answered(api.call("PUT", path % uuid, remove))
        assert [(row["status"], row["Reason"]) for row in answer["deviceList"]] == [
            ("RemoveDeviceSucceed", "Device removed Successfully"),
            ("RemoveDeviceFailed", "Device not found."),
        ]
    answer = answered(api.call("PUT", DEVICES[2] % uuid, add))
    assert (answer["accountName"], answer["campaignId"]) == (ACCOUNT, uuid)
    assert re.fullmatch(UUID, answer["requestId"])


def test_windows_are_numbers_or_text_and_what_a_change_of_dates_leaves_out_stays(api: Api) -> None:
    uuid = schedule(
        api,
        2,
        downloadTimeWindowList=windows(("0", "4"), (20, 21)),
        installTimeWindowList=windows((22, "24")),
        downloadAfterDate=TOMORROW,
        installAfterDate="2026-03-12",
    )
    shown = {
        "downloadTimeWindowList": windows((0, 4), (20, 21)),
        "installTimeWindowList": windows((22, 24)),
        "downloadAfterDate": TOMORROW,
        "installAfterDate": "2026-03-12",
    }

    def change(version: int = 2, **members: Any) -> dict[str, Any]:
        given = {"startDate": TOMORROW, "endDate": LATER, **members}
        changed = answered(api.call("PUT", DATES[version] % uuid, given))
        again = answered(api.call("GET", READ[2] % uuid))
        assert version == 3 or changed == again
        return {name: again[name] for name in shown if name in again}

    assert change() == shown
    expected = {name: value for name, value in shown.items() if name != "downloadAfterDate"}
    assert change(downloadAfterDate=None) == expected
    more = windows((0, 4), (6, 8), (20, 21))
    assert change(downloadTimeWindowList=more) == {**expected, "downloadTimeWindowList": more}
    most = windows((0, 4), (6, 8), (9, 10), (20, 21))
    assert change(3, campaignTimeWindowList=most) == {**expected, "downloadTimeWindowList": most}
    assert change(3) == {**expected, "downloadTimeWindowList": most}
    assert answered(api.call("GET", READ[3] % uuid))["campaignTimeWindowList"] == most


def test_version_1_needs_no_end_date(api: Api) -> None:
    answer = answered(api.call("POST", SCHEDULE[1], body(1, endDate=None)))
    assert answer["endDate"] == "2026-03-14"
    given = body(1, endDate=None, firmwareName="FW-O", deviceList=imeis(OMA, 1))
    assert answered(api.call("POST", SCHEDULE[1], given))["endDate"] == "2026-04-10"


@pytest.mark.parametrize("name", ["OMA", "OMA-DM", "OMD-DM", "OMADM", "omadm"])
def test_every_name_of_a_protocol_is_understood(start: Callable[..., Api], name: str) -> None:
    api = start(CAMPAIGN_SEED)
    members = {"deviceList": imeis(OMA, 1)}
    schedule(api, 2, softwareName="FW-O", distributionType=name, **members)
    schedule(api, 3, firmwareName="FW-O", protocol=name, **members)


def test_a_campaign_that_runs_is_aborted_by_version_2_only(api: Api) -> None:
    uuid = schedule(api, 2, startDate=TODAY)
    advance(api, "PT10S")
    assert [status(api, version, uuid) for version in (1, 2, 3)] == [
        "InProgress",
        "CampaignScheduled",
        "CampaignScheduled",
    ]
    for version in (1, 3):
        started = "Cannot cancel an upgrade that has already started"
        assert error_message(api.call("DELETE", READ[version] % uuid)) == started
    assert answered(api.call("DELETE", READ[2] % uuid)) == {"success": True}
    assert [status(api, version, uuid) for version in (1, 2, 3)] == [
        "UpgradeFailed",
        "CampaignAborted",
        "CampaignAborted",
    ]
    assert [row[1] for row in report(api, uuid)] == ["CampaignAborted"] * 2


def test_version_3_shows_that_a_campaign_is_prescheduled_where_the_others_say_queued(api: Api) -> None:
    uuid = schedule(api, 3)
    advance(api, "PT2M")
    labels = [status(api, version, uuid) for version in (1, 2, 3)]
    assert labels == ["Queued", "CampaignRequestQueued", "CampaignPreScheduled"]


def test_bodies_need_no_content_type_and_may_have_unknown_members(api: Api) -> None:
    for version in (1, 2, 3):
        text = json.dumps(body(version, nonsense={"a": [1]}))
        for kind in ("*/*", "text/plain", ""):
            answered(api.call("POST", SCHEDULE[version], content=text, headers={"Content-Type": kind}))


def test_a_file_campaign_is_answered_with_the_file_s_name_and_version(
    start: Callable[..., Api], tmp_path: Path
) -> None:
    api = start(CAMPAIGN_SEED, storage=(tmp_path / "files").as_uri())
    form = {"fileVersion": "1.0", "make": "Verizon", "model": "Model-H", "localTargetPath": "/hello.txt"}
    parts = {"fileupload": ("hello.txt", b"hello", "text/plain")}
    name = answered(api.call("POST", f"/v2/files/{ACCOUNT}", data=form, files=parts))["fileName"]
    wanted = {
        "fileName": name,
        "fileVersion": "1.0",
        "distributionType": "HTTP",
        "startDate": TOMORROW,
        "endDate": LATER,
        "deviceList": imeis(HTTP, 2),
    }
    path = f"/v2/campaigns/files/{ACCOUNT}"
    made = answered(api.call("POST", path, wanted))
    uuid = made.pop("id")
    assert made == {
        **wanted,
        "accountName": ACCOUNT,
        "make": "Verizon",
        "model": "Model-H",
        "status": "CampaignRequestPending",
    }
    found = answered(api.call("GET", READ[2] % uuid))
    assert (found["fileName"], found["fileVersion"]) == (found["softwareName"], found["softwareTo"]) == (name, "1.0")
    for change in ({"fileName": "another"}, {"fileName": None}, {"fileVersion": "2.0"}, {"fileName": "a\x00b"}):
        assert error_message(api.call("POST", path, {**wanted, **change})) == "Invalid fileName"
    assert error_message(api.call("POST", path, {**wanted, "distributionType": "OMA"})) == "Invalid distributionType"
    assert error_message(api.call("POST", path, {**wanted, "deviceList": imeis(HTTP, 21)})).startswith("Pilot")


def test_the_documented_shape_of_a_device_list_is_a_list_of_text() -> None:
    found = msgspec.json.schema(CampaignDevicesBody)["$defs"]["CampaignDevicesBody"]["properties"]["deviceList"]
    assert found["anyOf"][0] == {"type": "array", "items": {"type": "string"}}
