"""The examples of the four documents, replayed: answers are theirs byte for byte, apart from white space.

The JSON files are copied from the documents. If a test fails, the server is wrong, not the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec

from fotapool.api.common.time_styles import documented
from fotapool.api.v1 import licenses
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS
from fotapool.domain.paging import Page
from fotapool.services.licenses.licenses import LicenseStatus
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, USER, Api

GOLDEN = Path(__file__).parent
EXAMPLE_TIME_MS = 1_511_986_542_738


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text()


def compact(text: str) -> str:
    """Without white space between the tokens; member order stays."""
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def seed(name: str, total: int, devices: list[dict[str, object]]) -> dict[str, object]:
    return {
        "clients": [{"key": KEY, "secret": SECRET}],
        "users": [{"username": USER, "password": PASSWORD, "accounts": [name]}],
        "accounts": [{"name": name, "licenseCount": total, "devices": devices}],
    }


def test_the_v1_page_on_removing_licenses_on_its_printed_double_slash_path(start: Callable[..., Api]) -> None:
    devices: list[dict[str, object]] = [
        {"first": "900000000000001", "count": 998, "licensed": 998},
        {"first": "990000000000000", "count": 2, "licensed": 2},
        {"deviceId": "900000000000999"},
    ]
    api = start(seed(ACCOUNT, 9000, devices))
    request = golden("s0_v1_remove_request")
    response = api.call("POST", f"/v1//licenses/{ACCOUNT}/remove", content=request)
    assert response.status_code == 200
    assert response.text == compact(golden("s0_v1_remove_answer"))
    api.assert_consistent()


def test_the_v2_page_on_cancellation_candidates_appends_to_no_list(start: Callable[..., Api]) -> None:
    api = start()
    request = golden("s1_v2_cancel_request")
    response = api.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", content=request)
    assert response.status_code == 200
    assert response.text == compact(golden("s1_v2_cancel_answer"))


def test_the_v3_page_on_assigning_licenses_plus_the_members_of_its_table_and_of_the_sdk(
    start: Callable[..., Api],
) -> None:
    imeis = ["900000000000001", "900000000000002"]
    devices: list[dict[str, object]] = [{"first": imeis[0], "count": 2, "licensed": 2}]
    api = start(seed("0000123456-00001", 2, devices))
    paths = [f"/v3{printed}/licenses/0000123456-00001/assign" for printed in ("", "/firmware")]
    for response in [api.call("POST", path, {"deviceList": imeis}) for path in paths]:
        assert response.status_code == 200
        answer = response.json()
        assert answer.pop("licTotalCount") == answer["licCount"]
        for row, imei in zip(answer["deviceList"], imeis, strict=True):
            assert row.pop("resultReason") == row["Reason"]
            assert row["deviceId"] == imei
            row["deviceId"] = "15-digit IMEI"  # as the page prints it
        assert compact(json.dumps(answer)) == compact(golden("s2_v3_assign_answer"))


def test_the_v1_page_on_license_status_as_the_encoder_writes_it() -> None:
    """Its rows are not sorted and its cursor is no IMEI, so that no server could answer it under the page's rule."""
    rows = [
        (990003425730535, EXAMPLE_TIME_MS),
        (990000473475989, EXAMPLE_TIME_MS),
        (990000347475989, EXAMPLE_TIME_MS),
        (990007303425535, UNKNOWN_TIME_MS),
    ]
    status = LicenseStatus(5000, 4319, Page(rows, has_more=True, next_cursor=1000))
    answer = licenses.license_summary("0402196254-00001", status, documented)
    assert msgspec.json.encode(answer).decode() == compact(golden("s3_v1_status_answer"))
