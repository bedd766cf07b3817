"""Bad input for every operation on campaigns: each is rejected with its version's message, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.campaigning import (
    CAMPAIGN_SEED,
    DATES,
    DEVICES,
    FOREIGN,
    HTTP,
    LATER,
    LWM2M,
    NOWHERE,
    PAST,
    READ,
    SCHEDULE,
    TODAY,
    TOMORROW,
    advance,
    answered,
    body,
    error_message,
    imeis,
    schedule,
    status,
)
from support.helpers import ACCOUNT, OTHER, Api

BINDING, EMPTY, FORMAT = "Input binding error", "Device list is empty", "Invalid device id format"
TOO_LONG, WINDOW, PILOT = (
    "Device list exceeds maximum size",
    "Invalid time window",
    "Pilot campaign exceeds maximum of 20 devices",
)
STARTED = "Cannot cancel an upgrade that has already started"
FIXED = "Devices cannot be added or removed in the campaign's current state"
DATES_FIXED = "Dates and time windows cannot be changed in the campaign's current state"
END = "Invalid end date"
START = {1: "FotaPostUpgrades: invalid state date", 2: "Invalid start date", 3: "Invalid start date"}
NAME = {1: "firmwareName", 2: "softwareName", 3: "firmwareName"}
TO = {1: "firmwareTo", 2: "softwareTo", 3: "firmwareTo"}
UNKNOWN = {1: "Invalid upgradeId", 2: "Invalid campaignId", 3: "Invalid campaignId"}
MAX_DEVICES = 24


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(CAMPAIGN_SEED, max_devices_per_request=MAX_DEVICES)


def ledger_and_campaigns(api: Api) -> tuple[Any, ...]:
    labels = ("RequestPending", "RequestFailed", "Queued", "InProgress", "Finished", "UpgradeFailed")
    lists = [api.call("GET", f"/v1/reports/{ACCOUNT}/status/{label}/index/0").json() for label in labels]
    return api.ledger(), api.pool(), lists


def windows(*hours: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"startTime": first, "endTime": end} for first, end in hours]


def bad_schedules(version: int) -> list[tuple[dict[str, Any], str]]:
    devices: list[tuple[Any, str]] = [
        (None, EMPTY),
        ([], EMPTY),
        ("990000000000000", BINDING),
        (["12"], FORMAT),
        ([990000000000000], FORMAT),
        (["990000000000000", None], FORMAT),
        (["99000000000000x"], FORMAT),
        (imeis(LWM2M, MAX_DEVICES + 1), TOO_LONG),
    ]
    starts: list[tuple[Any, str]] = [
        (None, START[version]),
        ("", START[version]),
        (PAST, START[version]),
        ("2026-3-11", START[version]),
        ("20260311", START[version]),
        ("2026-02-30", START[version]),
        ("2032-01-01", START[version]),
        ("today", START[version]),
        (5, BINDING),
    ]
    ends: list[tuple[Any, str]] = [
        ("", END),
        (PAST, END),
        (TODAY, END),
        ("2027-03-13", END),
        ("never", END),
        ({}, BINDING),
    ]
    if version > 1:
        ends.append((None, END))
    found: list[tuple[dict[str, Any], str]] = [({"deviceList": value}, message) for value, message in devices]
    found += [({"startDate": value}, message) for value, message in starts]
    found += [({"endDate": value}, message) for value, message in ends]
    unknown = f"Invalid {NAME[version]}"
    found += [({NAME[version]: value}, unknown) for value in (None, "", "nothing", "FW\x00", "FW-A' OR 1=1")]
    found += [({NAME[version]: 5}, BINDING), ({TO[version]: "3"}, unknown), ({TO[version]: ""}, unknown)]
    return found


def bad_windows(version: int) -> list[tuple[dict[str, Any], str]]:
    lists: list[tuple[Any, str]] = [
        (windows((24, 25)), WINDOW),
        (windows((5, 5)), WINDOW),
        (windows((22, 4)), WINDOW),
        (windows((-1, 4)), WINDOW),
        (windows((0, 25)), WINDOW),
        (windows(("x", 4)), WINDOW),
        (windows(("1", "")), WINDOW),
        ([{}], WINDOW),
        (windows((None, 4)), WINDOW),
        (windows(*[(0, 1)] * 25), WINDOW),
        (windows((1.5, 4)), BINDING),
        (windows((True, 4)), BINDING),
        ({"startTime": 1, "endTime": 2}, BINDING),
        ([[1, 2]], BINDING),
    ]
    names = ["campaignTimeWindowList"] if version == 3 else ["downloadTimeWindowList", "installTimeWindowList"]
    found: list[tuple[dict[str, Any], str]] = [({name: value}, message) for name in names for value, message in lists]
    if version == 2:
        days = ("nonsense", "2026-03-32", "2026-03-21")
        found += [({name: day}, WINDOW) for name in ("downloadAfterDate", "installAfterDate") for day in days]
        found += [({"downloadAfterDate": "2026-03-13", "installAfterDate": "2026-03-12"}, WINDOW)]
    return found


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_campaign_that_makes_no_sense_is_rejected_and_leaves_nothing(api: Api, version: int) -> None:
    before = ledger_and_campaigns(api)
    cases = bad_schedules(version)
    if version > 1:
        member = "distributionType" if version == 2 else "protocol"
        name = "softwareFrom" if version == 2 else "firmwareFrom"
        cases += bad_windows(version)
        cases += [({member: value}, f"Invalid {member}") for value in ("OMA", "NONE", "nothing", "")]
        cases += [({name: "2"}, f"Invalid {NAME[version]}"), ({"campaignName": "n" * 201}, BINDING)]
        cases += [({"deviceList": imeis(HTTP if version == 2 else LWM2M, 21)}, PILOT)]
    if version == 3:
        cases += [({"autoAddDevicesFlag": "yes"}, BINDING)]
    paths = [SCHEDULE[version], f"/v2/campaigns/{ACCOUNT}"] if version == 2 else [SCHEDULE[version]]
    for members, message in cases:
        for path in paths:
            assert error_message(api.call("POST", path, body(version, **members))) == message, members
    for text in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000):
        for path in paths:
            assert error_message(api.call("POST", path, content=text)) == BINDING, text[:10]
    assert ledger_and_campaigns(api) == before


def test_offenders_are_named(api: Api) -> None:
    given = body(3, deviceList=["990000000000000", "12", 5, None])
    response = api.call("POST", SCHEDULE[3], given)
    assert error_message(response) == FORMAT
    assert response.json()["invalidDevices"] == ["12", "5", "null"]


def test_of_two_reasons_the_earlier_one_is_answered(api: Api) -> None:
    for members, message in (
        ({"startDate": 5, "deviceList": []}, BINDING),
        ({"startDate": "x", "deviceList": []}, EMPTY),
        ({"firmwareName": "x", "deviceList": ["x"]}, FORMAT),
        ({"startDate": "x", "firmwareName": "x"}, "Invalid firmwareName"),
        ({"startDate": "x", "endDate": "x"}, "Invalid start date"),
    ):
        assert error_message(api.call("POST", SCHEDULE[3], body(3, **members))) == message, members


def test_the_pilot_rule_is_not_of_version_1_nor_of_proven_firmware(api: Api) -> None:
    many = imeis(LWM2M, 21)
    schedule(api, 1, deviceList=many)
    schedule(api, 3, deviceList=many, firmwareName="FW-A-proven")
    twenty = schedule(api, 3, deviceList=many[:20])
    change = {"type": "append", "deviceList": many[20:]}
    for version in (2, 3):
        assert error_message(api.call("PUT", DEVICES[version] % twenty, change)) == PILOT


def test_the_account_of_version_1_s_schedule_is_in_the_body(api: Api) -> None:
    path = SCHEDULE[1]
    for account, message in (
        (None, "Invalid account name format"),
        ("", "Invalid account name format"),
        ("a b", "Invalid account name format"),
        (5, BINDING),
        ("0000000000-00001", "UWS verification failure (Could not find account 0000000000-00001)"),
    ):
        assert error_message(api.call("POST", path, body(1, accountName=account))) == message, account
    assert error_message(api.call("POST", path, body(1, accountName=OTHER, deviceList=[]))) == EMPTY
    api.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "suspended"})
    assert error_message(api.call("POST", path, body(1))) == "Inactive account"


def test_only_those_who_are_signed_in_make_the_server_read_a_body(start: Callable[..., Api]) -> None:
    api = start(CAMPAIGN_SEED, max_body_bytes=2_000)
    big = b'{"accountName": "' + b"1" * 4_000 + b'"}'
    url = f"/api/fota{SCHEDULE[1]}"
    assert api.http.post(url, content=big).status_code == 401
    assert api.http.post(url, content=big, headers={"Authorization": "Bearer x"}).status_code == 401
    bearer = {"Authorization": f"Bearer {api.bearer}"}
    missing = api.http.post(url, content=big, headers=bearer)
    assert error_message(missing) == "UWS verification failure (Session token is missing.)"
    wrong = api.http.post(url, content=big, headers={**bearer, "VZ-M2M-Token": NOWHERE})
    assert error_message(wrong) == "UWS verification failure (Session token is not valid.)"
    assert api.call("POST", SCHEDULE[1], content=big).status_code == 413


def test_a_campaign_of_nobody_and_one_of_another_account_are_rejected_alike(api: Api) -> None:
    uuid = schedule(api, 3)
    change = {"type": "append", "deviceList": imeis(LWM2M, 1)}
    dates = {"startDate": TOMORROW, "endDate": LATER}
    for version in (1, 2, 3):
        calls = [("GET", READ, None), ("PUT", DEVICES, change), ("DELETE", READ, None)]
        if version > 1:
            calls.append(("PUT", DATES, dates))
            calls.append(("GET", {version: f"/v{version}/reports/{ACCOUNT}/campaigns/%s/devices"}, None))
        for method, paths, given in calls:
            path = paths[version]
            assert error_message(api.call(method, path % NOWHERE, given)) == UNKNOWN[version]
            assert error_message(api.call(method, path.replace(ACCOUNT, OTHER) % uuid, given)) == UNKNOWN[version]
            for nonsense in ("x", NOWHERE[:-1], NOWHERE.replace("-", ""), "%00", "g" * 36):
                assert error_message(api.call(method, path % nonsense, given)) == "Invalid uuid"
    assert status(api, 3, uuid) == "CampaignRequestPending"


def test_devices_of_other_accounts_and_of_nobody_are_rejected_alike(api: Api) -> None:
    uuid = schedule(api, 3, deviceList=[*imeis(LWM2M, 1), FOREIGN, "111111111111111"])
    api.advance("PT10S")
    rows = answered(api.call("GET", READ[1] % uuid))["deviceList"]
    assert [(row["status"], row["resultReason"]) for row in rows] == [
        ("Device Rejected", "Device not found."),
        ("Device Rejected", "Device not found."),
        ("Device Accepted", "success"),
    ]


BAD_CHANGES: list[tuple[Any, str]] = [
    ({"deviceList": ["990000000000000"]}, "Invalid type"),
    ({"type": "replace", "deviceList": []}, "Invalid type"),
    ({"type": "append"}, EMPTY),
    ({"type": "remove", "deviceList": []}, EMPTY),
    ({"Type": "append", "deviceList": ["x"]}, FORMAT),
    ({"type": 5, "deviceList": []}, BINDING),
    ({"addOrRemoveDevice": []}, BINDING),
    ({"addOrRemoveDevice": [{}, {}]}, BINDING),
    ({"addOrRemoveDevice": "append"}, BINDING),
    ({"addOrRemoveDevice": {"deviceList": []}}, "Invalid type"),
    ({"addOrRemoveDevice": [{"Type": "append", "deviceList": [5]}]}, FORMAT),
    ([], BINDING),
    ({"type": "append", "deviceList": imeis(LWM2M, MAX_DEVICES + 1)}, TOO_LONG),
]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_changes_of_devices_that_make_no_sense_are_rejected(api: Api, version: int) -> None:
    uuid = schedule(api, 3)
    before = answered(api.call("GET", READ[1] % uuid))
    for given, message in BAD_CHANGES:
        assert error_message(api.call("PUT", DEVICES[version] % uuid, given)) == message, given
    assert error_message(api.call("PUT", DEVICES[version] % uuid, content=b"")) == BINDING
    assert answered(api.call("GET", READ[1] % uuid)) == before


@pytest.mark.parametrize("version", [2, 3])
def test_changes_of_dates_that_make_no_sense_are_rejected(api: Api, version: int) -> None:
    uuid = schedule(api, version)
    before = answered(api.call("GET", READ[version] % uuid))
    cases = [
        ({"startDate": value}, START[version]) for value in (None, "", PAST, "2026-3-11", "nonsense", "2032-01-01")
    ]
    cases += [({"endDate": value}, END) for value in (None, "", PAST, "nonsense", "2027-03-13")]
    cases += [({"startDate": 5}, BINDING), *bad_windows(version)]
    for members, message in cases:
        given = {"startDate": TOMORROW, "endDate": LATER, **members}
        given = {name: value for name, value in given.items() if value is not None}
        assert error_message(api.call("PUT", DATES[version] % uuid, given)) == message, members
    for text in (b"", b"[]", b"{"):
        assert error_message(api.call("PUT", DATES[version] % uuid, content=text)) == BINDING
    assert answered(api.call("GET", READ[version] % uuid)) == before


def test_in_each_state_what_can_no_longer_be_changed_is_rejected(api: Api) -> None:
    change = {"type": "append", "deviceList": imeis(HTTP, 3)}
    running = schedule(api, 2, startDate=TODAY)
    advance(api, "PT10S")
    canceled = schedule(api, 3)
    answered(api.call("DELETE", READ[3] % canceled))
    for version in (1, 2, 3):
        for uuid in (running, canceled):
            assert error_message(api.call("PUT", DEVICES[version] % uuid, change)) == FIXED
        if version != 2:
            assert error_message(api.call("DELETE", READ[version] % running)) == STARTED
        assert error_message(api.call("DELETE", READ[version] % canceled)) == STARTED
        if version > 1:
            dates = {"startDate": TOMORROW, "endDate": LATER}
            for uuid in (running, canceled):
                assert error_message(api.call("PUT", DATES[version] % uuid, dates)) == DATES_FIXED
            soon = {"startDate": TODAY, "endDate": TODAY}
            assert error_message(api.call("PUT", DATES[version] % running, soon)) == END
            later = {"startDate": TODAY, "endDate": "2026-03-21"}
            assert answered(api.call("PUT", DATES[version] % running, later))["endDate"] == "2026-03-21"


def test_paths_take_their_own_methods_only(api: Api) -> None:
    for method, path in (
        ("GET", "/v1/upgrades"),
        ("GET", SCHEDULE[2]),
        ("PUT", f"/v2/campaigns/files/{ACCOUNT}"),
        ("DELETE", SCHEDULE[3]),
        ("POST", READ[2] % NOWHERE),
    ):
        assert api.call(method, path).status_code == 405, path
