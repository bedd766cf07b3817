"""Packages in the operator API and in the seed, and what the operator sees of a device's contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fotapool.store.db.factory import open_database
from fotapool.store.devices.devices import record_refreshed
from support.helpers import ACCOUNT, FIRST, NOW_MS, SEED, Api, device

GOOD: dict[str, Any] = {
    "firmwareName": "F2",
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
}


def create(api: Api, body: Any) -> httpx.Response:
    return api.control("POST", "/firmware", body)


def package(name: str, **members: Any) -> dict[str, Any]:
    return {**GOOD, "firmwareName": name, **members}


def names(response: httpx.Response) -> list[str]:
    return [row["firmwareName"] for row in response.json()["firmware"]]


def test_a_package_is_created_read_changed_and_deleted(shared: Api) -> None:
    created = create(shared, package("life", releaseNote="Fixes.\n", launchDate="2026-01-02T03:04:05Z"))
    assert created.status_code == 201
    expected = {
        "firmwareName": "life",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "LWM2M",
        "platformId": "IoT",
        "releaseNote": "Fixes.\n",
        "launchDate": "2026-01-02T03:04:05.000Z",
        "succeeded": 0,
        "failed": 0,
        "proven": False,
        "provenByOperator": False,
        "hasContent": False,
    }
    assert created.json() == {"firmware": [expected], "hasMoreData": False}
    assert shared.control("GET", "/firmware/life").json() == expected
    changed = shared.control("PUT", "/firmware/life", {"proven": True})
    assert changed.json() == {**expected, "proven": True, "provenByOperator": True}
    changed = shared.control("PUT", "/firmware/life", {"releaseNote": ""})
    assert (changed.json()["releaseNote"], changed.json()["proven"]) == ("", True)
    assert shared.control("DELETE", "/firmware/life").status_code == 204
    for method, body in (("GET", None), ("PUT", {"proven": True}), ("DELETE", None)):
        assert shared.control(method, "/firmware/life", body).status_code == 404


def test_many_packages_are_created_at_once_or_not_at_all(shared: Api) -> None:
    body = [package(f"many-{number}", protocol="OMA-DM") for number in (3, 1, 2)]
    created = create(shared, body)
    assert names(created) == ["many-1", "many-2", "many-3"]
    assert {row["protocol"] for row in created.json()["firmware"]} == {"OMADM"}
    assert created.json()["firmware"][0]["launchDate"] == "2026-03-10T12:00:00.000Z"
    again = create(shared, [package("many-0"), package("many-2")])
    assert (again.status_code, again.json()["detail"]) == (409, "firmware many-2 exists already")
    twice = create(shared, [package("many-0"), package("many-0")])
    assert (twice.status_code, twice.json()["detail"]) == (400, "firmware many-0 is there twice")
    assert shared.control("GET", "/firmware/many-0").status_code == 404


def test_packages_are_listed_by_name_page_by_page(shared: Api) -> None:
    create(shared, [package(f"page-{number}") for number in range(5)])
    first = shared.control("GET", "/firmware?after=page-&limit=3")
    assert (names(first), first.json()["hasMoreData"]) == (["page-0", "page-1", "page-2"], True)
    second = shared.control("GET", "/firmware?after=page-2&limit=2")
    assert names(second) == ["page-3", "page-4"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "firmwareName"),
        ([], "from 1 to 10000"),
        ("text", "not what the operation takes"),
        ([1], "not what the operation takes"),
        (package("b", color="red"), "color"),
        (package("b", protocol="COAP"), "protocol must be one of LWM2M, OMADM, HTTP, NONE"),
        (package("b", protocol="NONE"), "protocol must be LWM2M, OMADM or HTTP"),
        (package("b", toVersion="1"), "must differ"),
        (package("b", fromVersion=1), "fromVersion"),
        (package("b", launchDate="soon"), "launchDate must be a time"),
        (package("a/b"), "slash"),
        (package("b", launchDate="1969-01-01T00:00:00Z"), "launchDate must be after 1970"),
        ([package("b"), package("c", make="")], "make must be"),
        ([package(f"b{number}") for number in range(10_001)], "from 1 to 10000"),
    ],
)
def test_what_is_no_package_is_refused_with_the_reason(shared: Api, body: Any, says: str) -> None:
    response = create(shared, body)
    assert response.status_code == 400
    assert says in response.json()["detail"]


@pytest.mark.parametrize("body", [{"proven": "yes"}, {"toVersion": "3"}, {"releaseNote": "\x00"}, {}, []])
def test_what_is_no_change_of_a_package_is_refused(shared: Api, body: Any) -> None:
    assert shared.control("PUT", "/firmware/none", body).status_code == 400


def test_the_seed_s_packages_are_there_and_a_reset_brings_them_back(start: Callable[..., Api]) -> None:
    api = start({**SEED, "firmware": [package("seeded", proven=True, protocol="OMD-DM", launchDate="2026-01-01")]})
    seeded = api.control("GET", "/firmware").json()["firmware"]
    assert [(row["firmwareName"], row["proven"], row["protocol"], row["launchDate"]) for row in seeded] == [
        ("seeded", True, "OMADM", "2026-01-01T00:00:00.000Z")
    ]
    create(api, package("later"))
    api.control("DELETE", "/firmware/seeded")
    api.control("POST", "/reset")
    assert names(api.control("GET", "/firmware")) == ["seeded"]


def test_a_package_of_a_campaign_stays(start: Callable[..., Api], database_url: str) -> None:
    api = start({**SEED, "firmware": [package("used")]})
    connection = open_database(database_url, durable=False).connect(writes=True)
    connection.execute(
        "INSERT INTO campaign (uuid, account_id, flow, package_id, name, start_date, end_date, start_ms, end_ms,"
        " windows, auto_assign, auto_add, status, devices, created_ms, updated_ms, leased_until_ms)"
        " VALUES ('u', 1, 1, 1, '', '', '', 1, 2, '{}', 0, 0, 6, 0, 1, 1, 0)"
    )
    connection.close()
    response = api.control("DELETE", "/firmware/used")
    assert (response.status_code, "a campaign installs" in response.json()["detail"]) == (409, True)
    assert names(api.control("GET", "/firmware")) == ["used"]


def view(api: Api, number: int) -> dict[str, Any]:
    rows = api.control("GET", f"/accounts/{ACCOUNT}/devices?limit=1&after={FIRST + number - 1}").json()["devices"]
    found: dict[str, Any] = rows[0]
    return found


def test_a_device_s_status_and_contact_show_in_the_operator_plane(api: Api, database_url: str) -> None:
    api.control(
        "POST",
        f"/accounts/{ACCOUNT}/devices",
        [{"deviceId": device(0), "status": "Suspended"}, {"deviceId": device(1), "protocol": "oma"}],
    )
    assert (view(api, 0)["status"], view(api, 1)["status"], view(api, 1)["protocol"]) == (
        "Suspended",
        "Active",
        "OMADM",
    )
    fresh = view(api, 2)
    assert (fresh["upgradedAt"], fresh["lastSeenAt"], fresh["reachable"]) == (None, None, "unknown")
    api.assign(2)
    connection = open_database(database_url, durable=False).connect(writes=True)
    connection.execute(
        "UPDATE device SET seen_ms = :now, upgraded_ms = :now WHERE imei = :imei",
        {"now": NOW_MS, "imei": int(device(2))},
    )
    record_refreshed(connection, 1, [int(device(2))], NOW_MS)
    connection.close()
    seen = view(api, 2)
    assert (seen["upgradedAt"], seen["lastSeenAt"], seen["reachable"]) == (
        "2026-03-10T12:00:00.000Z",
        "2026-03-10T12:00:00.000Z",
        "reachable",
    )
    api.advance("PT24H1S")
    assert view(api, 2)["reachable"] == "unreachable"
    api.sign_in()
    api.remove(2)
    assert view(api, 2)["reachable"] == "unknown"


@pytest.mark.parametrize("status", ["", "x" * 41, "a\tb"])
def test_a_status_that_is_none_fails_its_line(shared: Api, status: str) -> None:
    body = [{"deviceId": device(19), "status": status}]
    result = shared.control("POST", f"/accounts/{ACCOUNT}/devices", body).json()
    assert (result["kept"], result["errors"][0]["error"]) == (0, "status must be 1 to 40 printable characters")
