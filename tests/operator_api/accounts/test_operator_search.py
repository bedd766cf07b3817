"""The search over all accounts: by every form of every name, bounded, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fotapool.domain.accounts.search import MAX_FOUND
from support.helpers import ACCOUNT, FIRST, OTHER, SEED, USER, Api, device, devices

PACKAGE = {"firmwareName": "P", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}
IMEI, SIBLING = "352099001761481", "352099001761499"
LINES = [
    {"deviceId": IMEI, "mdn": "5551234567"},
    {"deviceId": SIBLING, "mdn": "+15551234568"},
    {"deviceId": "000000000000017", "mdn": "447700900123"},
]


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    found = start({**SEED, "users": [*SEED["users"], {"username": "zaphod", "password": "x", "accounts": []}]})
    assert found.control("POST", f"/accounts/{OTHER}/devices", LINES).json()["failed"] == 0
    return found


def search(api: Api, text: str, **headers: str) -> dict[str, Any]:
    response = api.control("GET", "/search", params={"q": text}, headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def labels(api: Api, text: str, kind: str = "device") -> list[str]:
    return [row["label"] for row in search(api, text)["results"] if row["kind"] == kind]


def test_a_device_of_any_account_is_found_with_a_link_to_its_page(api: Api) -> None:
    assert search(api, IMEI) == {
        "results": [
            {
                "kind": "device",
                "label": IMEI,
                "detail": "MDN 5551234567",
                "account": OTHER,
                "exact": True,
                "link": f"/console/accounts/{OTHER}/devices/{IMEI}",
            }
        ],
        "kindsWithMore": [],
    }
    assert search(api, device(3))["results"][0]["account"] == ACCOUNT


@pytest.mark.parametrize(
    ("text", "found", "exact"),
    [
        ("35-209900-176148-1", [IMEI], True),
        ("35209900176148", [IMEI], True),
        ("3520990017614803", [IMEI], True),
        ("352099001761480", [], True),
        ("3520990017", [IMEI, SIBLING], False),
        ("17", [], False),
        ("000000000000017", ["000000000000017"], True),
        ("00000000000001", ["000000000000017"], True),
        ("(555) 123-4567", [IMEI], True),
        ("+1 555 123 4567", [IMEI], True),
        ("15551234567", [IMEI], True),
        ("555-123-4568", [SIBLING], True),
        ("5551", [IMEI], False),
        ("+44 7700 900123", ["000000000000017"], True),
    ],
)
def test_devices_are_found_by_imei_and_mdn_in_any_spelling(api: Api, text: str, found: list[str], exact: bool) -> None:
    rows = [row for row in search(api, text)["results"] if row["kind"] == "device"]
    assert [row["label"] for row in rows] == found
    assert all(row["exact"] is exact for row in rows)


def test_copies_of_an_account_have_the_device_too(api: Api) -> None:
    api.control("POST", f"/accounts/{ACCOUNT}/copies", {"name": "copy-1"})
    found = search(api, device(2))["results"]
    assert [(row["label"], row["account"]) for row in found] == [(device(2), ACCOUNT), (device(2), "copy-1")]


def test_accounts_and_users_are_found_by_name_and_how_it_begins(api: Api) -> None:
    assert labels(api, "0242078689", "account") == [ACCOUNT]
    assert labels(api, "04", "account") == [OTHER]
    assert labels(api, "01", "account") == []
    assert labels(api, "z", "user") == ["zaphod", USER]
    assert labels(api, "zb", "user") == [USER]
    (found,) = search(api, ACCOUNT)["results"]
    assert (found["kind"], found["exact"], found["link"]) == ("account", True, f"/console/accounts/{ACCOUNT}")
    (found,) = search(api, "zaphod")["results"]
    assert (found["exact"], found["account"], found["link"]) == (True, None, "/console/access?user=zaphod")


def test_a_campaign_is_found_by_its_id_and_its_name_in_any_case(api: Api) -> None:
    assert api.control("POST", "/firmware", PACKAGE).status_code == 201
    body = {
        "campaignName": "Spring Rollout 1",
        "firmwareName": "P",
        "startDate": "2026-03-11",
        "endDate": "2026-03-12",
        "deviceList": devices(0),
    }
    uuid = api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body).json()["id"]
    for text, exact in [
        (uuid, True),
        (uuid.upper(), True),
        (uuid[:8], False),
        ("spring rollout 1", True),
        ("SPRING", False),
    ]:
        (found,) = search(api, text)["results"]
        assert (found["label"], found["detail"], found["exact"]) == ("Spring Rollout 1", uuid, exact)
        assert found["link"] == f"/console/accounts/{ACCOUNT}/campaigns/{uuid}"
    assert labels(api, "rollout", "campaign") == []


def test_a_package_is_found_by_its_name_and_how_it_begins(api: Api) -> None:
    for name in ("radio-1", "radio-2", "modem"):
        assert api.control("POST", "/firmware", {**PACKAGE, "firmwareName": name}).status_code == 201
    assert labels(api, "radio", "firmware") == ["radio-1", "radio-2"]
    assert labels(api, "adio", "firmware") == []
    (found,) = search(api, "modem")["results"]
    assert (found["kind"], found["exact"], found["account"]) == ("firmware", True, None)
    assert (found["detail"], found["link"]) == ("Verizon Model-A, 1 to 2", "/console/firmware/modem")


def test_a_request_is_found_in_the_ledger_and_in_the_audit_log(api: Api) -> None:
    answer = api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(0)})
    (found,) = search(api, answer.headers["x-request-id"])["results"]
    assert (found["kind"], found["label"], found["account"], found["exact"]) == ("change", "assign", ACCOUNT, True)
    assert found["detail"] == f"by {USER}, 2026-03-10T12:00:00.000Z"
    api.assign(1)
    for path in (f"/accounts/{ACCOUNT}/subscription", f"/accounts/{OTHER}/subscription"):
        api.control("PUT", path, {"licenseCount": 9}, headers={"X-Request-Id": "ticket.7"})
    found = [(row["kind"], row["label"], row["account"]) for row in search(api, "ticket.7")["results"]]
    assert sorted(found) == [
        ("auditEntry", "changeSubscription", ACCOUNT),
        ("auditEntry", "changeSubscription", OTHER),
        ("change", "change subscription", ACCOUNT),
        ("change", "change subscription", OTHER),
    ]
    assert search(api, "ticket")["results"] == []
    api.assert_consistent()


def test_at_most_20_results_of_a_kind_exact_ones_first(api: Api) -> None:
    for number in range(MAX_FOUND + 1):
        api.control("POST", "/accounts", {"name": f"wide-{number:02d}"})
    api.control("POST", "/accounts", {"name": "wide"})
    found = search(api, "wide")
    assert [row["label"] for row in found["results"]] == ["wide", *(f"wide-{number:02d}" for number in range(19))]
    assert found["kindsWithMore"] == ["account"]
    assert search(api, str(FIRST)[:9])["kindsWithMore"] == []
    assert len(labels(api, str(FIRST)[:9])) == 20


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "!", "\\", "é", "😀", "zz'; DROP TABLE device; --"])
def test_any_text_can_be_searched_for(api: Api, text: str) -> None:
    assert search(api, text) == {"results": [], "kindsWithMore": []}


@pytest.mark.parametrize("text", ["", " ", "x" * 101, "\U0010ffff", "a\nb"])
def test_a_text_that_cannot_be_a_name_is_refused(shared: Api, text: str) -> None:
    response = shared.control("GET", "/search", params={"q": text})
    assert (response.status_code, "printable" in response.text) == (400, True)
    assert shared.control("GET", "/search").json()["detail"] == "q is missing"


def test_every_role_may_search_and_nobody_without_a_key(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "guest", "role": "viewer"}).json()["key"]
    assert search(api, IMEI, Authorization=f"Bearer {key}")["results"]
    assert api.control("GET", "/search", params={"q": IMEI}, headers={"Authorization": "Bearer x"}).status_code == 401
