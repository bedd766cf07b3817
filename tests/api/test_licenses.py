"""License operations in every version that has them: statuses and reasons, response bodies, paths and pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.conftest import (
    EVENT_ONLY,
    FOREIGN_DEVICE,
    KNOWN_TIME,
    LEADING_ZEROS,
    MAX_DEVICES,
    PAGE_SIZE,
    TOTAL,
    UNKNOWN_DEVICE,
    ZEROS,
    Own,
    filled,
)
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.core.settings import Timestamps
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, SEED, USER, Api

every_version = pytest.mark.parametrize("version", [1, 2, 3])
with_candidates = pytest.mark.parametrize("version", [1, 2])

STATUS = {
    1: ("LicenseAssignSuccess", "LicenseAssignFailed", "LicenseRemoveSuccess", "LicenseRemoveFailed"),
    2: ("Success", "Failure", "Success", "Failure"),
    3: ("LicenseAssignSuccess", "LicenseAssignFailure", "LicenseRemoveSuccess", "LicenseRemoveFailure"),
}
"""Of assign and of remove: success, failure."""
SUCCESS, PREEXISTING, NOT_FOUND = "Success", "Device license preexisting", "Device Not Found."
NO_FREE, NO_LICENSE = "No unused license available.", "No license attached to device"
USED = "License removal not allowed for devices that have ever upgraded firmware."
IN_PROGRESS = "License removal not allowed while a firmware upgrade is in progress."


def compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def result(version: int, verb: str, account: str, used: int, *rows: tuple[str, str], total: int = TOTAL) -> str:
    """The answer of assign or remove, members in the order of the documents; rows are (device, reason)."""
    good, bad = STATUS[version][:2] if verb == "assign" else STATUS[version][2:]
    listed = []
    for device, reason in rows:
        row = {"deviceId": device, "status": good if reason in (SUCCESS, PREEXISTING) else bad}
        row |= {"Reason": reason} if version != 2 else {}
        row |= {"resultReason": reason} if version != 1 else {}
        listed.append(row)
    counts = {1: {"licCount": total}, 2: {"licTotalCount": total}, 3: {"licCount": total, "licTotalCount": total}}
    return compact({"accountName": account, **counts[version], "licUsedCount": used, "deviceList": listed})


def assert_result(response: httpx.Response, verb: str, used: int, *rows: tuple[str, str], total: int = TOTAL) -> None:
    version, account = int(response.url.path.split("/")[3][1:]), response.url.path.split("/")[-2]
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == result(version, verb, account, used, *rows, total=total)


# Assign and remove


@every_version
def test_assign_answers_one_row_for_each_entry_in_request_order(own: Own, version: int) -> None:
    three, one, two = own.devices(3, 1, 2)
    assert_result(own.post(version, "assign", [two]), "assign", 1, (two, SUCCESS))
    response = own.post(version, "assign", [three, UNKNOWN_DEVICE, three, two, FOREIGN_DEVICE, one])
    assert_result(
        response,
        "assign",
        3,
        (three, SUCCESS),
        (UNKNOWN_DEVICE, NOT_FOUND),
        (three, PREEXISTING),
        (two, PREEXISTING),
        (FOREIGN_DEVICE, NOT_FOUND),
        (one, SUCCESS),
    )
    own.api.assert_consistent(own.account)


@every_version
def test_of_more_devices_than_free_licenses_the_first_of_the_request_get_one(own: Own, version: int) -> None:
    order = own.devices(9, 2, 7, 2, 4, 0, 1, 9, 8)
    reasons = [SUCCESS, SUCCESS, SUCCESS, PREEXISTING, SUCCESS, SUCCESS, NO_FREE, PREEXISTING, NO_FREE]
    response = own.post(version, "assign", order)
    assert_result(response, "assign", TOTAL, *zip(order, reasons, strict=True))
    again = own.post(version, "assign", own.devices(1, 9))
    assert_result(again, "assign", TOTAL, (own.device(1), NO_FREE), (own.device(9), PREEXISTING))
    own.api.assert_consistent(own.account)


@every_version
def test_remove_answers_one_row_for_each_entry_in_request_order(own: Own, version: int) -> None:
    one, two, three = own.devices(1, 2, 3)
    own.post(3, "assign", [one, two, three])
    response = own.post(version, "remove", [two, UNKNOWN_DEVICE, two, own.device(9), FOREIGN_DEVICE, one])
    assert_result(
        response,
        "remove",
        1,
        (two, SUCCESS),
        (UNKNOWN_DEVICE, NOT_FOUND),
        (two, NO_LICENSE),
        (own.device(9), NO_LICENSE),
        (FOREIGN_DEVICE, NOT_FOUND),
        (one, SUCCESS),
    )
    assert_result(own.post(version, "assign", [two]), "assign", 2, (two, SUCCESS))  # back in the pool (L7)
    own.api.assert_consistent(own.account)


@every_version
def test_only_an_unused_license_can_be_removed(own: Own, version: int) -> None:
    plain, scheduled, running, failed, used = own.devices(0, 1, 2, 3, 4)
    own.post(1, "assign", [plain, scheduled, running, failed, used])
    own.upgrade(1, "scheduled")
    own.upgrade(2, "inProgress")
    own.upgrade(3, "inProgress", "failed")
    own.upgrade(4, "scheduled", "inProgress", "completed")
    response = own.post(version, "remove", [plain, scheduled, running, failed, used])
    assert_result(
        response,
        "remove",
        2,
        (plain, SUCCESS),
        (scheduled, SUCCESS),
        (running, IN_PROGRESS),
        (failed, SUCCESS),
        (used, USED),
    )
    rows = own.api.control("GET", f"/accounts/{own.account}/devices").json()["devices"]
    assert {row["deviceId"]: row["openUpgrade"] for row in rows if row["openUpgrade"]} == {running: "inProgress"}
    own.api.assert_consistent(own.account)


@every_version
def test_a_license_under_notice_cannot_be_removed(own: Own, version: int) -> None:
    own.post(1, "assign", own.devices(0))
    own.upgrade(0, "inProgress")
    own.api.subscribe(0, account=own.account)
    own.upgrade(0, "failed")
    response = own.post(version, "remove", own.devices(0))
    assert_result(response, "remove", 1, (own.device(0), "License removal is already under way."), total=0)


@every_version
def test_an_upgrade_before_the_license_was_assigned_does_not_hold_it(own: Own, version: int) -> None:
    own.upgrade(0, "inProgress", "completed")
    own.post(version, "assign", own.devices(0))
    assert_result(own.post(version, "remove", own.devices(0)), "remove", 0, (own.device(0), SUCCESS))


@every_version
def test_an_account_with_event_billing_only_has_no_license_to_assign(shared: Api, version: int) -> None:
    event = Own(shared, EVENT_ONLY, 600_000_000_000_000)
    response = event.post(version, "assign", event.devices(0))
    assert_result(response, "assign", 0, (event.device(0), NO_FREE), total=0)
    response = event.post(version, "remove", event.devices(0))
    assert_result(response, "remove", 0, (event.device(0), NO_LICENSE), total=0)
    status = event.call(version, "GET", "/licenses/{account}").json()
    assert (status["assignedLicenses"], status["hasMoreData"], status["deviceList"]) == (0, False, [])


def test_all_versions_work_on_one_pool(own: Own) -> None:
    own.post(1, "assign", own.devices(0))
    own.post(2, "assign", own.devices(1))
    assert_result(
        own.post(3, "assign", own.devices(0, 2)), "assign", 3, (own.device(0), PREEXISTING), (own.device(2), SUCCESS)
    )
    assert_result(own.post(1, "remove", own.devices(1)), "remove", 2, (own.device(1), SUCCESS))
    for version in (1, 2, 3):
        status = own.call(version, "GET", "/licenses/{account}").json()
        assert [row["deviceId"] for row in status["deviceList"]] == own.devices(0, 2)
        subscription = own.call(version, "GET", "/subscriptions/{account}").json()
        assert (subscription["licenseCount"], subscription["licenseUsedCount"]) == (TOTAL, 2)


@every_version
def test_a_request_may_name_as_many_devices_as_the_limit_says(own: Own, version: int) -> None:
    response = own.post(version, "assign", own.devices(*[0] * MAX_DEVICES))
    assert response.json()["licUsedCount"] == 1
    assert len(response.json()["deviceList"]) == MAX_DEVICES


@pytest.mark.parametrize("verb", ["assign", "remove"])
def test_version_3_serves_the_path_that_its_page_prints(own: Own, verb: str) -> None:
    own.post(3, "assign", own.devices(0))
    response = own.call(3, "POST", f"/firmware/licenses/{{account}}/{verb}", {"deviceList": own.devices(0)})
    reason = PREEXISTING if verb == "assign" else SUCCESS
    assert_result(response, verb, 1 if verb == "assign" else 0, (own.device(0), reason))


# License status

STATUS_PATHS = [
    (1, "/licenses/{account}/index/"),
    (1, "/licenses/{account}?lastSeenDeviceId="),
    (2, "/licenses/{account}/index/"),
    (2, "/licenses/{account}?lastSeenDeviceId="),
    (3, "/licenses/{account}/index/"),
    (3, "/licenses/{account}?lastSeenDeviceId="),
    (3, "/firmware/licenses/{account}/index/"),
    (3, "/firmware/licenses/{account}?lastSeenDeviceId="),
]
ASSIGNED_NOW = "2026-03-10 12:00:00 +0000 UTC"


def summary(version: int, account: str, used: int, last: str, rows: list[tuple[str, str]], total: int = TOTAL) -> str:
    """The answer of license status, members in the order of the documents."""
    totals = {"totalLicenses": total} if version == 1 else {"totalLicense": total, "totalLicenses": total}
    page = {
        "assignedLicenses": used,
        "hasMoreData": last != "0",
        "lastSeenDeviceId": int(last) if version == 1 else last,
        **({} if version == 1 else {"maxPageSize": PAGE_SIZE}),
        "deviceList": [{"deviceId": device, "assignmentTime": time} for device, time in rows],
    }
    return compact({"accountName": account, **totals, **page})


@pytest.mark.parametrize(("version", "path"), STATUS_PATHS)
def test_license_status_goes_through_pages_by_imei(own: Own, version: int, path: str) -> None:
    own.post(version, "assign", own.devices(8, 0, 3, 5, 2))
    first = own.call(version, "GET", path + "0")
    rows = [(device, ASSIGNED_NOW) for device in own.devices(0, 2, 3, 5, 8)]
    assert first.text == summary(version=version, account=own.account, used=5, last=own.device(3), rows=rows[:3])
    second = own.call(version, "GET", path + str(first.json()["lastSeenDeviceId"]))
    assert second.text == summary(version=version, account=own.account, used=5, last="0", rows=rows[3:])


@pytest.mark.parametrize(("version", "path"), STATUS_PATHS)
def test_the_cursor_may_be_any_device_of_the_account_licensed_or_not(own: Own, version: int, path: str) -> None:
    own.post(version, "assign", own.devices(0, 2, 4))
    for cursor, left in ((1, (2, 4)), (2, (4,)), (19, ())):
        rows = [(device, ASSIGNED_NOW) for device in own.devices(*left)]
        response = own.call(version, "GET", path + own.device(cursor))
        assert response.text == summary(version=version, account=own.account, used=3, last="0", rows=rows)


@pytest.mark.parametrize(("version", "path"), STATUS_PATHS)
def test_a_full_last_page_is_the_last_one(own: Own, version: int, path: str) -> None:
    own.post(version, "assign", own.devices(*range(PAGE_SIZE)))
    rows = [(device, ASSIGNED_NOW) for device in own.devices(*range(PAGE_SIZE))]
    assert own.call(version, "GET", path + "0").text == summary(
        version=version, account=own.account, used=PAGE_SIZE, last="0", rows=rows
    )


@pytest.mark.parametrize(("version", "path"), STATUS_PATHS)
def test_the_cursor_works_with_leading_zeros_and_without_as_a_number_has_lost_them(
    shared: Api, version: int, path: str
) -> None:
    own = Own(shared, LEADING_ZEROS, 998)
    times = ["2017-11-29 20:15:42.738 +0000 UTC"] * 4 + ["01-01-1900 0:0:0 +0000 UTC"]
    rows = list(zip(ZEROS, times, strict=True))
    first = own.call(version, "GET", path + "000")
    assert first.text == summary(version=version, account=LEADING_ZEROS, used=5, last=ZEROS[2], rows=rows[:3], total=5)
    assert first.json()["lastSeenDeviceId"] == (1000 if version == 1 else "000000000001000")
    for cursor in ("1000", "01000", "000000000001000"):
        second = own.call(version, "GET", path + cursor)
        assert second.text == summary(version=version, account=LEADING_ZEROS, used=5, last="0", rows=rows[3:], total=5)


@pytest.mark.parametrize("path", ["/licenses/{account}", "/licenses/{account}?other=1", "/licenses/{account}?"])
@every_version
def test_without_a_cursor_license_status_starts_at_the_first_page(own: Own, version: int, path: str) -> None:
    own.post(version, "assign", own.devices(0))
    rows = [(own.device(0), ASSIGNED_NOW)]
    assert own.call(version, "GET", path).text == summary(
        version=version, account=own.account, used=1, last="0", rows=rows
    )


# Subscription


@every_version
def test_subscription_status(own: Own, version: int) -> None:
    own.post(version, "assign", own.devices(0))
    expected = {
        "accountName": own.account,
        "purchaseType": "TS-HFOTA-MRC",
        "licenseCount": TOTAL,
        "licenseUsedCount": 1,
        "updateTime": ASSIGNED_NOW,
    }
    assert own.call(version, "GET", "/subscriptions/{account}").text == compact(expected)


@every_version
@pytest.mark.parametrize(
    ("account", "bought"), [(EVENT_ONLY, "TS-HFOTA-EVNT"), (LEADING_ZEROS, "TS-HFOTA-EVNT,TS-HFOTA-MRC")]
)
def test_subscription_status_names_what_was_bought_event_billing_first(
    shared: Api, version: int, account: str, bought: str
) -> None:
    assert shared.call("GET", f"/v{version}/subscriptions/{account}").json()["purchaseType"] == bought


# Candidates

CANDIDATE_PATHS = ["/licenses/{account}/cancel/index/", "/licenses/{account}/cancel?startIndex="]


def candidates_page(count: int, more: bool, devices: list[str]) -> str:
    return compact({"count": count, "hasMoreData": more, "updateTime": ASSIGNED_NOW, "deviceList": devices})


@with_candidates
def test_candidates_are_created_appended_and_replaced(own: Own, version: int) -> None:
    def post(*numbers: int, **members: Any) -> str:
        body = {"deviceList": own.devices(*numbers), **members}
        return own.call(version, "POST", "/licenses/{account}/cancel", body).text

    def listed(*numbers: int) -> str:
        return compact({"count": len(numbers), "deviceList": own.devices(*numbers)})

    assert post(5, 1, 5, type="append", count=17) == listed(5, 1)
    assert post(3, 1, 0, type="APPEND", count=-1) == listed(5, 1, 3, 0)
    assert post(1, 9, type=None, count=None) == listed(1, 9)
    assert post(2) == listed(2)
    assert own.call(3 - version, "GET", CANDIDATE_PATHS[0] + "0").text == candidates_page(1, False, own.devices(2))


@with_candidates
def test_any_well_formed_imei_may_be_a_candidate(own: Own, version: int) -> None:
    devices = [UNKNOWN_DEVICE, FOREIGN_DEVICE, "000000000000001"]
    assert own.post(version, "cancel", devices).json() == {"count": 3, "deviceList": devices}


@pytest.mark.parametrize("path", CANDIDATE_PATHS)
@with_candidates
def test_candidates_are_read_in_pages_by_record_number(own: Own, version: int, path: str) -> None:
    order = own.devices(9, 1, 8, 2, 7)
    own.post(3 - version, "cancel", order)
    for index, more in ((0, True), (1, True), (2, False), (4, False)):
        page = own.call(version, "GET", f"{path}{index}")
        assert page.text == candidates_page(5, more, order[index : index + PAGE_SIZE])
    assert own.call(version, "GET", path + "02").text == candidates_page(5, False, order[2:])


@with_candidates
def test_candidates_can_be_read_without_an_index(own: Own, version: int) -> None:
    own.post(version, "cancel", own.devices(1))
    response = own.call(version, "GET", "/licenses/{account}/cancel")
    assert response.text == candidates_page(1, False, own.devices(1))


@pytest.mark.parametrize("path", CANDIDATE_PATHS)
@with_candidates
def test_an_empty_candidate_list_can_be_read_and_deleted(own: Own, version: int, path: str) -> None:
    for _ in range(2):
        assert own.call(version, "GET", path + "0").text == candidates_page(0, False, [])
        assert own.call(version, "DELETE", "/licenses/{account}/cancel").text == '{"success":true}'


@with_candidates
def test_deleting_the_list_empties_it_and_touches_no_license(own: Own, version: int) -> None:
    own.post(version, "assign", own.devices(0, 1))
    own.post(version, "cancel", own.devices(1, 0))
    assert own.call(version, "DELETE", "/licenses/{account}/cancel").json() == {"success": True}
    assert own.call(version, "GET", CANDIDATE_PATHS[0] + "0").text == candidates_page(0, False, [])
    assert own.api.pool(own.account)["licenseUsedCount"] == 2


# HTTP


@pytest.mark.parametrize(
    "content_type", ["*/*", "application/json", "application/json; charset=utf-8", "text/plain", None]
)
@every_version
def test_a_body_is_read_whatever_its_content_type(own: Own, version: int, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    body = compact({"deviceList": own.devices(0)})
    response = own.call(version, "POST", "/licenses/{account}/assign", content=body, headers=headers)
    assert_result(response, "assign", 1, (own.device(0), SUCCESS))


@every_version
def test_the_double_slash_of_the_v1_page_is_tolerated_everywhere(own: Own, version: int) -> None:
    response = own.api.http.post(
        f"/api//fota/v{version}//licenses///{own.account}//assign",
        json={"deviceList": own.devices(0)},
        headers=own.api.tokens,
    )
    assert response.json()["licUsedCount"] == 1
    url = f"{own.api.http.base_url}//api/fota/v{version}/licenses/{own.account}"
    assert own.api.http.get(url, headers=own.api.tokens).json()["assignedLicenses"] == 1
    assert own.api.http.get(f"{own.api.http.base_url}//health/live").status_code == 404


def test_the_index_of_the_licenses_of_version_1_may_be_in_the_query(own: Own) -> None:
    own.post(1, "assign", own.devices(0, 1))
    in_path = own.call(1, "GET", f"/licenses/{{account}}/index/{own.device(0)}").json()
    for name in ("startIndex", "lastSeenDeviceId"):
        found = own.call(1, "GET", f"/licenses/{{account}}?{name}={own.device(0)}").json()
        assert found == in_path
        assert [row["deviceId"] for row in found["deviceList"]] == own.devices(1)


def test_head_says_what_get_says_without_the_body(own: Own) -> None:
    for version, routes in ((1, v1), (2, v2), (3, v3)):
        for operation in routes.OPERATIONS:
            if operation.method != "GET":
                continue
            for path in operation.paths:
                url = f"/v{version}{filled(path, own.account, '0')}"
                head, get = own.api.call("HEAD", url), own.api.call("GET", url)
                assert (head.status_code, head.content) == (get.status_code, b"")
                assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))


def test_options_says_what_a_path_takes_without_tokens(shared: Api) -> None:
    for version, routes in ((1, v1), (2, v2), (3, v3)):
        for path in {path for operation in routes.OPERATIONS for path in operation.paths}:
            response = shared.http.options(f"/api/fota/v{version}{path}")
            methods = {method for operation in routes.OPERATIONS for method, its in operation.calls if its == path}
            methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
            assert (response.status_code, response.content) == (204, b"")
            assert response.headers["allow"] == ", ".join(sorted(methods))
            assert "content-length" not in response.headers  # RFC 9110, 8.6


@every_version
def test_a_large_answer_is_compressed_for_those_who_take_it(own: Own, version: int) -> None:
    body, path = {"deviceList": own.devices(*[9] * MAX_DEVICES)}, "/licenses/{account}/remove"
    packed = own.call(version, "POST", path, body, headers={"Accept-Encoding": "gzip"})
    plain = own.call(version, "POST", path, body, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 10
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    for unwanted in ("gzip;q=0", "br, gzip; q=0.000", "x-gzip2"):
        refused = own.call(version, "POST", path, body, headers={"Accept-Encoding": unwanted})
        assert "content-encoding" not in refused.headers
    small = own.call(version, "POST", path, {"deviceList": own.devices(9)}, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


@every_version
def test_an_answer_bears_the_request_s_own_id_or_a_new_one(own: Own, version: int) -> None:
    given = own.call(version, "GET", "/licenses/{account}", headers={"X-Request-Id": "my-1"})
    assert given.headers["x-request-id"] == "my-1"
    made = [own.call(version, "GET", "/licenses/{account}").headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]


# Times

KNOWN = {"documented": "2017-11-29 20:15:42.738 +0000 UTC", "rfc3339": KNOWN_TIME}
UNKNOWN = {"documented": "01-01-1900 0:0:0 +0000 UTC", "rfc3339": "1900-01-01T00:00:00.000Z"}
CHANGED = {"documented": ASSIGNED_NOW, "rfc3339": "2026-03-10T12:00:00.000Z"}
SDKS = [
    "APIMATIC 3.0",
    "VerizonClient/1.0 (Linux)",
    "Python-SDK/1.0.0 [OS: Linux, Engine: CPython/3.11]",
    "Java-SDK/1.7.0",
    "Go-SDK/1",
    "DotNet-SDK/",
    "PHP-SDK/5.12",
]
OTHERS = [
    "curl/8.5.0",
    "python-requests/2.32",
    "Mozilla/5.0 APIMATIC",
    "apimatic",
    "Python-SDK",
    "-SDK/1",
    "Go Go-SDK/1",
    "",
]


def times(api: Api, agent: str) -> dict[str, str]:
    """Every time that the API answers, by field, in the style that it is in."""
    found: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for version in (1, 2, 3):

        def get(path: str, version: int = version) -> Any:
            return api.call("GET", f"/v{version}{path}", headers={"User-Agent": agent}).json()

        rows = get("/licenses/0-zeros?lastSeenDeviceId=1000")["deviceList"]
        found[f"v{version} assignmentTime"] = [(rows[0]["assignmentTime"], KNOWN), (rows[1]["assignmentTime"], UNKNOWN)]
        found[f"v{version} subscription"] = [(get("/subscriptions/0-zeros")["updateTime"], CHANGED)]
        if version != 3:
            found[f"v{version} candidates"] = [(get("/licenses/0-zeros/cancel")["updateTime"], CHANGED)]
    styles = {}
    for field, values in found.items():
        (style,) = {next(name for name, text in texts.items() if text == value) for value, texts in values}
        styles[field] = style
    return styles


TYPED_AS_DATETIME = {"v1 assignmentTime", "v1 candidates"}
"""The fields that the vendor's SDKs parse."""


@pytest.mark.parametrize("agent", SDKS)
def test_auto_answers_sdks_in_rfc_3339_where_they_parse_times(shared: Api, agent: str) -> None:
    found = times(shared, agent)
    assert {field for field, style in found.items() if style == "rfc3339"} == TYPED_AS_DATETIME
    assert len(found) == 8


@pytest.mark.parametrize("agent", OTHERS)
def test_auto_answers_everybody_else_as_documented(shared: Api, agent: str) -> None:
    assert set(times(shared, agent).values()) == {"documented"}


@pytest.mark.parametrize("setting", [Timestamps.DOCUMENTED, Timestamps.RFC3339])
def test_the_other_settings_answer_everybody_alike(start: Callable[..., Api], setting: Timestamps) -> None:
    devices = [{"deviceId": ZEROS[3], "licensedAt": KNOWN_TIME}, {"deviceId": ZEROS[4], "licensedAt": "unknown"}]
    seed = {
        "clients": [{"key": KEY, "secret": SECRET}],
        "users": [{"username": USER, "password": PASSWORD, "accounts": [LEADING_ZEROS]}],
        "accounts": [{"name": LEADING_ZEROS, "licenseCount": 2, "devices": [{"deviceId": ZEROS[2]}, *devices]}],
    }
    api = start(seed, timestamps=setting)
    for agent in (SDKS[0], OTHERS[0]):
        assert set(times(api, agent).values()) == {setting.value}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2017-11-29T20:15:42.700Z", "2017-11-29 20:15:42.7 +0000 UTC"),
        ("2017-11-29T20:15:42.070Z", "2017-11-29 20:15:42.07 +0000 UTC"),
        ("2017-11-29T20:15:42.007Z", "2017-11-29 20:15:42.007 +0000 UTC"),
        ("2017-11-29T20:15:42Z", "2017-11-29 20:15:42 +0000 UTC"),
        ("2024-02-29T23:59:59.999-01:00", "2024-03-01 00:59:59.999 +0000 UTC"),
    ],
)
def test_the_documented_style_drops_trailing_zeros_of_the_fraction_and_is_utc(given: str, shown: str) -> None:
    from fotapool.api.common.time_styles import documented
    from fotapool.services.snapshots.seed_documents import parse_licensed_at

    assert documented(parse_licensed_at(given)) == shown


def test_the_device_of_all_zeros_is_listed_too(start: Callable[..., Api]) -> None:
    zeros = {"first": "000000000000000", "count": 3, "licensed": 3}
    api = start({**SEED, "accounts": [{"name": ACCOUNT, "licenseCount": 5, "devices": [zeros]}]}, page_size=2)
    assert api.licensed() == [f"{number:015d}" for number in range(3)]
