"""Device lists, firmware lists, synchronizing and reports in the three versions of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.conftest import FOREIGN_DEVICE, PAGE_SIZE, UNKNOWN_DEVICE, Own
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.devices.devices import answer_report_request
from support.helpers import ACCOUNT, NOW_MS, SEED, Api, device, devices

NOW = "2026-03-10 12:00:00 +0000 UTC"
NOW_RFC3339 = "2026-03-10T12:00:00.000Z"


def error_message(response: Any) -> str:
    assert response.status_code == 400, response.text
    message: str = response.json()["errorMessage"]
    return message


@pytest.fixture
def store(database_url: str, api: Api) -> Iterator[Connection]:
    """The database of the server behind `api`."""
    connection = open_database(database_url, durable=False).connect(writes=True)
    yield connection
    connection.close()


def describe(api: Api, number: int, **members: Any) -> None:
    line = {"deviceId": device(number), "make": "Verizon", "model": "Model-A", "firmware": "1", **members}
    result = api.control("POST", f"/accounts/{ACCOUNT}/devices", [line]).json()
    assert result["kept"] == 1, result


LISTS = [
    (1, "/devices/{account}/index/0", "/devices/{account}/index/%s"),
    (2, "/devices/{account}", "/devices/{account}?lastSeenDeviceId=%s"),
    (3, "/devices/{account}", "/devices/{account}?lastSeenDeviceId=%s"),
]


@pytest.mark.parametrize(("version", "first", "next_page"), LISTS)
def test_devices_are_listed_by_imei_page_by_page(own: Own, version: int, first: str, next_page: str) -> None:
    page = own.call(version, "GET", first).json()
    found = [row["deviceId"] for row in page["deviceList"]]
    assert (page["accountName"], page["hasMoreData"], len(found)) == (own.account, True, PAGE_SIZE)
    while page["hasMoreData"]:
        last = page["lastSeenDeviceId"]
        assert last == (int(found[-1]) if version == 1 else found[-1])
        page = own.call(version, "GET", next_page % last).json()
        found += [row["deviceId"] for row in page["deviceList"]]
    assert found == own.devices(*range(20))
    assert page["lastSeenDeviceId"] == (0 if version == 1 else "0")
    assert page.get("maxPageSize") == (None if version == 1 else PAGE_SIZE)


@pytest.mark.parametrize(("version", "_first", "path"), LISTS)
@pytest.mark.parametrize(
    ("cursor", "message"),
    [
        (UNKNOWN_DEVICE, "LastSeenDeviceId Not Valid"),
        (FOREIGN_DEVICE, "LastSeenDeviceId Not Valid"),
        ("x", "Invalid index value"),
        ("1" * 16, "Invalid device id format"),
    ],
)
def test_a_cursor_that_is_no_device_of_the_account_is_rejected(
    own: Own, version: int, _first: str, path: str, cursor: str, message: str
) -> None:
    assert error_message(own.call(version, "GET", path % cursor)) == message


def test_version_1_lists_what_its_page_shows(api: Api, store: Connection) -> None:
    describe(api, 0, mdn="5551234567", protocol="HTTP")
    describe(api, 1, protocol="NONE")
    api.assign(1)
    store.execute("UPDATE device SET upgraded_ms = :at WHERE imei = :imei", {"at": NOW_MS, "imei": int(device(1))})
    rows = api.call("GET", f"/v1/devices/{ACCOUNT}/index/0").json()["deviceList"]
    assert rows[:2] == [
        {
            "deviceId": device(0),
            "mdn": "5551234567",
            "model": "Model-A",
            "make": "Verizon",
            "firmware": "1",
            "fotaEligible": True,
            "licenseAssigned": False,
            "upgradeTime": "01/01/1900 0:0:0",
        },
        {
            "deviceId": device(1),
            "mdn": "",
            "model": "Model-A",
            "make": "Verizon",
            "firmware": "1",
            "fotaEligible": False,
            "licenseAssigned": True,
            "upgradeTime": NOW,
        },
    ]


def test_each_list_can_be_had_for_one_protocol(api: Api) -> None:
    describe(api, 3, protocol="HTTP")
    describe(api, 4, protocol="OMADM")
    describe(api, 5, protocol="HTTP", status="Suspended")

    def found(path: str) -> list[str]:
        return [row["deviceId"] for row in api.call("GET", path).json()["deviceList"]]

    others = [device(number) for number in range(20) if number not in (3, 4, 5)]
    assert found(f"/v1/devices/{ACCOUNT}/index/0?clientType=OMADM") == [device(4)]
    assert found(f"/v1/devices/{ACCOUNT}/index/0?clientType=LWM2M") == others
    assert len(found(f"/v1/devices/{ACCOUNT}/index/0")) == 20
    assert found(f"/v2/devices/{ACCOUNT}?distributionType=OMD-DM") == [device(4)]
    assert found(f"/v2/devices/{ACCOUNT}?distributionType=HTTP") == devices(3, 5)
    assert found(f"/v2/devices/{ACCOUNT}?distributionType=HTTP&lastSeenDeviceId={device(4)}") == [device(5)]
    assert len(found(f"/v2/devices/{ACCOUNT}")) == 20
    assert found(f"/v3/devices/{ACCOUNT}") == others
    for name in ("OMADM", "OMDADM"):  # the page's, and the one that the SDK sends
        assert found(f"/v3/devices/{ACCOUNT}?protocol={name}") == [device(4)]
    assert len(found(f"/v3/devices/{ACCOUNT}?protocol=all")) == 20


@pytest.mark.parametrize(
    ("version", "path"),
    [
        (1, "/devices/{account}/index/0?clientType=COAP"),
        (1, "/devices/{account}/index/0?clientType=HTTP"),
        (1, "/devices/{account}/index/0?clientType="),
        (2, "/devices/{account}?distributionType=all"),
        (2, "/software/{account}?distributionType=COAP"),
        (3, "/devices/{account}?protocol=COAP"),
        (3, "/firmware/{account}?protocol=HTTP"),
        (3, "/firmware/{account}?protocol=COAP"),
        (3, "/firmware/{account}?protocol="),
        (3, "/devices/{account}?protocol="),
    ],
)
def test_an_unknown_protocol_is_rejected(own: Own, version: int, path: str) -> None:
    member = {1: "clientType", 2: "distributionType", 3: "protocol"}[version]
    assert error_message(own.call(version, "GET", path)) == f"Invalid {member}"


def test_version_2_tells_apart_what_can_be_upgraded_over_http(api: Api) -> None:
    describe(api, 0, protocol="HTTP")
    describe(api, 1, protocol="OMADM", mdn="5551234567")
    rows = api.call("GET", f"/v2/devices/{ACCOUNT}").json()["deviceList"]
    assert rows[0] == {
        "deviceId": device(0),
        "mdn": "",
        "model": "Model-A",
        "make": "Verizon",
        "fotaEligible": True,
        "appFotaEligible": True,
        "licenseAssigned": False,
        "distributionType": "HTTP",
        "softwareList": [],
        "createTime": NOW,
        "updateTime": NOW,
    }
    assert [rows[1][name] for name in ("distributionType", "fotaEligible", "appFotaEligible", "mdn")] == [
        "OMD-DM",
        True,
        False,
        "5551234567",
    ]


def install(store: Connection, package_id: int | None, file_id: int | None, *ends: tuple[int, int, int]) -> None:
    """A campaign, and upgrades of it: (number of the device, status, when it ended)."""
    (campaign_id,) = store.fetch(
        "INSERT INTO campaign (uuid, account_id, flow, package_id, file_id, name, start_date, end_date, start_ms,"
        " end_ms, windows, auto_assign, auto_add, status, devices, created_ms, updated_ms, leased_until_ms)"
        " SELECT CAST(count(*) AS TEXT), 1, 1, :package_id, :file_id, '', '', '', 1, 2, '{}', 0, 0, 6, 0, 1, 1, 0"
        " FROM campaign RETURNING id",
        {"package_id": package_id, "file_id": file_id},
    )[0]
    rows = [(1, int(device(number)), campaign_id, status, 0, 1, 1, 2, at, at) for number, status, at in ends]
    columns = "account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, started_ms, ended_ms, updated_ms"
    store.insert("upgrade", columns, rows)


def test_the_lists_of_a_device_show_what_completed_upgrades_installed_the_latest_first(
    api: Api, store: Connection
) -> None:
    packages = [
        {"firmwareName": name, "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": version}
        for name, version in (("A", "2"), ("B", "3"))
    ]
    assert api.control("POST", "/firmware", packages).status_code == 201
    store.execute(
        "INSERT INTO configuration_file (account_id, name, version, make, model, target_path, protocol, platform,"
        " release_note, launched_ms, succeeded, failed, content_key, content_size, content_sha256)"
        " VALUES (1, 'conf', '1.0', '', '', '', 'HTTP', 'IoT', '', 1, 0, 0, 'k', 1, 's')"
    )
    install(store, 1, None, (0, 3, NOW_MS - 9000), (1, 4, NOW_MS))
    install(store, 2, None, (0, 3, NOW_MS - 2000), (2, 5, NOW_MS))
    install(store, 1, None, (0, 3, NOW_MS - 1000))
    install(store, None, 1, (0, 3, NOW_MS))
    software = [
        {"name": "A", "version": "2", "upgradeTime": "2026-03-10T11:59:59.000Z"},
        {"name": "B", "version": "3", "upgradeTime": "2026-03-10T11:59:58.000Z"},
    ]
    files = [{"name": "conf", "version": "1.0", "upgradeTime": NOW_RFC3339}]
    rows = api.call("GET", f"/v3/devices/{ACCOUNT}").json()["deviceList"]
    assert [(row["softwareList"], row["fileList"]) for row in rows[:3]] == [(software, files), ([], []), ([], [])]
    assert api.call("GET", f"/v2/devices/{ACCOUNT}").json()["deviceList"][0]["softwareList"] == software
    named = api.call("POST", f"/v3/devices/{ACCOUNT}", {"deviceList": devices(0)}).json()["deviceList"]
    assert (named[0]["softwareList"], named[0]["fileList"]) == (software, files)


def test_version_3_tells_all_that_is_known_of_the_devices_named(api: Api, store: Connection) -> None:
    describe(api, 0, mdn="5551234567", protocol="HTTP")
    api.assign(0)
    store.execute(
        "UPDATE device SET upgraded_ms = :at, refreshed_ms = :at, seen_ms = :at WHERE imei <= :imei",
        {"at": NOW_MS, "imei": int(device(1))},
    )
    answer = api.call("POST", f"/v3/devices/{ACCOUNT}", {"deviceList": [device(0), UNKNOWN_DEVICE, device(1)]}).json()
    assert (answer["accountName"], answer["deviceCount"]) == (ACCOUNT, 3)
    first, unknown, second = answer["deviceList"]
    assert first == {
        "deviceId": device(0),
        "requestStatus": "success",
        "resultReason": "Success",
        "mdn": "5551234567",
        "model": "Model-A",
        "make": "Verizon",
        "firmware": "1",
        "fotaEligible": True,
        "status": "Active",
        "licenseAssigned": True,
        "protocol": "HTTP",
        "softwareList": [],
        "fileList": [],
        "createTime": NOW,
        "updateTime": NOW,
        "statusTime": NOW,
        "refreshTime": NOW,
        "lastConnectionTime": NOW_RFC3339,
    }
    assert unknown == {"deviceId": UNKNOWN_DEVICE, "requestStatus": "failure", "resultReason": "Device Not Found."}
    assert "lastConnectionTime" not in second  # without a license it is not monitored


def test_the_queries_of_version_3_leave_devices_out(api: Api) -> None:
    describe(api, 1, protocol="HTTP")

    def found(query: str) -> list[str]:
        answer = api.call("POST", f"/v3/devices/{ACCOUNT}?{query}", {"deviceList": devices(0, 1, 2)}).json()
        return [row["deviceId"] for row in answer["deviceList"]]

    assert found("protocol=LWM2M") == devices(0, 2)
    assert found(f"lastSeenDeviceId={device(0)}") == devices(1, 2)
    assert found("lastSeenDeviceId=0&protocol=all") == devices(0, 1, 2)


@pytest.mark.parametrize(("method", "path"), [("POST", "/devices/{account}"), ("PUT", "/firmware/{account}/devices")])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Device list is empty"),
        ({"deviceList": []}, "Device list is empty"),
        ([], "Input binding error"),
        ({"deviceList": [f"{number:015d}" for number in range(1001)]}, "Device list exceeds maximum size"),
        ({"deviceList": ["1"]}, "Invalid device id format"),
        ({"deviceList": [1]}, "Invalid device id format"),
        ({"deviceList": "1"}, "Input binding error"),
    ],
)
def test_a_device_list_that_is_none_is_rejected(own: Own, method: str, path: str, body: Any, message: str) -> None:
    assert error_message(own.call(3, method, path, body)) == message


FIRMWARE = [
    {
        "firmwareName": "fits",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "releaseNote": "Fixes.",
    },
    {
        "firmwareName": "fits-oma",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "OMA",
        "platformId": "Linux",
    },
    {"firmwareName": "later", "make": "Verizon", "model": "Model-A", "fromVersion": "2", "toVersion": "3"},
    {"firmwareName": "other", "make": "Verizon", "model": "Model-B", "fromVersion": "1", "toVersion": "2"},
    {
        "firmwareName": "http",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "HTTP",
    },
]


def test_firmware_that_fits_a_device_of_the_account_is_listed(api: Api) -> None:
    api.control("POST", "/firmware", FIRMWARE)
    fits = {
        "firmwareName": "fits",
        "participantName": ACCOUNT,
        "launchDate": NOW_RFC3339,
        "releaseNote": "Fixes.",
        "model": "Model-A",
        "make": "Verizon",
        "fromVersion": "1",
        "toVersion": "2",
    }
    assert api.call("GET", f"/v1/firmware/{ACCOUNT}").json() == [fits]
    assert api.call("GET", f"/v2/software/{ACCOUNT}").json() == [
        {
            "softwareName": "fits",
            "launchDate": "2026-03-10",
            "releaseNote": "Fixes.",
            "model": "Model-A",
            "make": "Verizon",
            "distributionType": "LWM2M",
            "devicePlatformId": "IoT",
        }
    ]
    assert api.call("GET", f"/v3/firmware/{ACCOUNT}?protocol=LWM2M").json() == [
        {
            "firmwareName": "fits",
            "firmwareFrom": "1",
            "firmwareTo": "2",
            "launchDate": NOW_RFC3339,
            "releaseNote": "Fixes.",
            "model": "Model-A",
            "make": "Verizon",
            "protocol": "LWM2M",
        }
    ]
    assert api.call("GET", f"/v3/firmware/{ACCOUNT}?protocol=OMD-DM").json() == []
    describe(api, 0, protocol="OMADM")
    describe(api, 1, firmware="2")

    def names(path: str, member: str) -> list[str]:
        return [row[member] for row in api.call("GET", path).json()]

    assert names(f"/v1/firmware/{ACCOUNT}", "firmwareName") == ["fits", "fits-oma", "later"]
    assert names(f"/v2/software/{ACCOUNT}?distributionType=OMD-DM", "softwareName") == ["fits-oma"]
    assert names(f"/v2/software/{ACCOUNT}?distributionType=OMD-DM", "distributionType") == ["OMD-DM"]
    assert names(f"/v3/firmware/{ACCOUNT}?protocol=OMD-DM", "protocol") == ["OMD-DM"]
    for query in ("", "?protocol=all", "?protocol=ALL"):
        assert names(f"/v3/firmware/{ACCOUNT}{query}", "firmwareName") == ["fits", "fits-oma", "later"]


def test_synchronizing_tells_the_firmware_now_and_fails_for_unknown_devices_only(api: Api) -> None:
    body = {"deviceList": [device(0), FOREIGN_DEVICE, device(0)]}
    answer = api.call("PUT", f"/v3/firmware/{ACCOUNT}/devices", body).json()
    assert answer["accountName"] == ACCOUNT
    assert answer["deviceFirmwarVersionList"] == answer["deviceFirmwareVersionList"]
    known = {
        "deviceId": device(0),
        "status": "FirmwareVersionUpdateSuccess",
        "reason": "Success",
        "firmwareVersion": "1",
        "firmwareVersionUpdateTime": NOW_RFC3339,
        "VersionUpdateTime": NOW_RFC3339,
    }
    unknown = {
        "deviceId": FOREIGN_DEVICE,
        "status": "FirmwareVersionUpdateFailure",
        "reason": "Device Not Found.",
        "firmwareVersion": "",
    }
    assert answer["deviceFirmwarVersionList"] == [known, unknown, known]
    rows = api.call("GET", f"/v3/devices/{ACCOUNT}").json()["deviceList"]
    assert (rows[0]["refreshTime"], rows[0]["updateTime"], "refreshTime" in rows[1]) == (NOW, NOW, False)


def test_a_device_is_asked_once_until_it_reports(api: Api, store: Connection) -> None:
    def ask(number: int) -> str:
        answer = api.call("PUT", f"/v3/firmware/{ACCOUNT}/async/{device(number)}").json()
        assert answer["accountName"] == ACCOUNT
        request_id: str = answer["requestId"]
        return request_id

    first = ask(0)
    assert (ask(0), ask(1) == first) == (first, False)
    imei = int(device(0))
    assert answer_report_request(store, 1, imei, NOW_MS + 1) == first
    assert answer_report_request(store, 1, imei, NOW_MS + 2) is None
    rows = api.call("GET", f"/v3/devices/{ACCOUNT}").json()["deviceList"]
    assert rows[0]["refreshTime"] == "2026-03-10 12:00:00.001 +0000 UTC"
    assert ask(0) != first


@pytest.mark.parametrize(
    ("given", "message"),
    [(UNKNOWN_DEVICE, "Device not found."), (FOREIGN_DEVICE, "Device not found."), ("1", "Invalid device id format")],
)
def test_an_unknown_device_cannot_be_asked(own: Own, given: str, message: str) -> None:
    assert error_message(own.call(3, "PUT", f"/firmware/{{account}}/async/{given}")) == message


def test_listeners_are_told_of_reports_and_of_new_firmware_that_fits(api: Api, store: Connection) -> None:
    store.execute(
        "INSERT INTO listener (account_id, style, url, created_ms, leased_until_ms)"
        " VALUES (1, 'v3', 'http://127.0.0.1:9/', 1, 0)"
    )
    request_id = api.call("PUT", f"/v3/firmware/{ACCOUNT}/async/{device(0)}").json()["requestId"]
    answer_report_request(store, 1, int(device(0)), NOW_MS)
    api.control("POST", "/firmware", FIRMWARE)
    events = [row[0] for row in store.fetch("SELECT event FROM delivery ORDER BY id")]
    assert len(events) == 2
    assert request_id in events[0]
    assert '"fits"' in events[1]
    assert '"later"' not in events[1]


def test_devices_of_a_foreign_account_cannot_be_listed(start: Callable[..., Api]) -> None:
    api = start(SEED)
    for version, path in (
        (1, "devices/{}/index/0"),
        (1, "firmware/{}"),
        (2, "software/{}"),
        (2, "devices/{}"),
        (3, "firmware/{}"),
        (3, "devices/{}"),
    ):
        messages = {
            error_message(api.call("GET", f"/v{version}/{path.format(name)}")).replace(name, "NAME")
            for name in ("0402196254-00001", "none")
        }
        assert messages == {"UWS verification failure (Could not find account NAME)"}
