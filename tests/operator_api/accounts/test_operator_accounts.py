"""The operator API: accounts: create, list, read, subscription, status, upgrades, ledger, audit."""

from __future__ import annotations

from typing import Any

import pytest

from support.helpers import ACCOUNT, OTHER, Api, device, devices


def refused(response: Any, status: int) -> str:
    """The words of a refusal, which must be problem details."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    detail: str = body["detail"]
    return detail


def test_an_account_is_created_read_and_listed(api: Api) -> None:
    created = api.control("POST", "/accounts", {"name": "0001", "licenseCount": 7})
    assert created.status_code == 201
    account = created.json()
    assert account == {
        "name": "0001",
        "displayName": "",
        "notes": "",
        "purchaseType": "TS-HFOTA-MRC",
        "status": "active",
        "licenseCount": 7,
        "licenseUsedCount": 0,
        "free": 7,
        "underNotice": 0,
        "candidates": 0,
        "createTime": "2026-03-10T12:00:00.000Z",
        "updateTime": "2026-03-10T12:00:00.000Z",
        "nextBillingMonth": "2026-04-01T00:00:00.000Z",
    }
    assert api.control("GET", "/accounts/0001").json() == account
    listed = api.control("GET", "/accounts").json()
    assert [one["name"] for one in listed["accounts"]] == ["0001", ACCOUNT, OTHER]
    assert not listed["hasMoreData"]
    api.assert_consistent("0001")


def test_accounts_are_listed_in_pages_by_name(api: Api) -> None:
    first = api.control("GET", "/accounts?limit=1").json()
    assert ([one["name"] for one in first["accounts"]], first["hasMoreData"]) == ([ACCOUNT], True)
    second = api.control("GET", f"/accounts?limit=1&after={ACCOUNT}").json()
    assert ([one["name"] for one in second["accounts"]], second["hasMoreData"]) == ([OTHER], False)


def test_a_full_page_of_a_thousand_tells_of_the_next(api: Api) -> None:
    lines = "\n".join(f'{{"deviceId": "{number:015d}"}}' for number in range(1001))
    headers = {"Content-Type": "application/x-ndjson"}
    assert api.control("POST", f"/accounts/{OTHER}/devices", content=lines, headers=headers).json()["kept"] == 1001
    page = api.control("GET", f"/accounts/{OTHER}/devices?limit=1000").json()
    assert (len(page["devices"]), page["hasMoreData"]) == (1000, True)
    assert page["devices"][0]["deviceId"] == "000000000000000"
    rest = api.control("GET", f"/accounts/{OTHER}/devices?limit=1000&after=000000000000999").json()
    assert (next(one["deviceId"] for one in rest["devices"]), rest["hasMoreData"]) == ("000000000001000", False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": ""}, "name must be"),
        ({"name": "a/b"}, "name must be"),
        ({"name": "a" * 65}, "name must be"),
        ({"name": "-a"}, "name must be"),
        ({"name": "a\u0000"}, "name must be"),
        ({"name": "\u0661"}, "name must be"),
        ({"name": 1}, "$.name"),
        ({}, "`name`"),
        ({"name": "a", "colour": 1}, "unknown field `colour`"),
        ({"name": "a", "licenseCount": -1}, "licenseCount must be from 0 to"),
        ({"name": "a", "licenseCount": 2**31}, "licenseCount must be from 0 to"),
        ({"name": "a", "licenseCount": 10**30}, "licenseCount"),
        ({"name": "a", "licenseCount": 1.5}, "$.licenseCount"),
        ({"name": "a", "licenseCount": "1"}, "$.licenseCount"),
        ({"name": "a", "licenseCount": True}, "$.licenseCount"),
        ({"name": "a", "purchaseType": "TS"}, "purchaseType must be"),
        ({"name": "a", "purchaseType": "TS-HFOTA-EVNT", "licenseCount": 1}, "licenseCount must be 0"),
        ([], "object"),
        ("x", "object"),
    ],
)
def test_a_bad_account_is_refused_by_naming_the_member(shared: Api, body: Any, words: str) -> None:
    assert words in refused(shared.control("POST", "/accounts", body), 400)
    assert len(shared.control("GET", "/accounts").json()["accounts"]) == 2


@pytest.mark.parametrize("text", ["", "{", '{"name": "a"', '{"name": "\\ud800"}', "[" * 100_000, '{"name": "é"}'])
def test_a_body_that_is_no_json_is_refused(shared: Api, text: str) -> None:
    refused(shared.control("POST", "/accounts", content=text.encode("latin-1")), 400)


def test_an_account_cannot_be_created_twice(shared: Api) -> None:
    detail = refused(shared.control("POST", "/accounts", {"name": ACCOUNT}), 409)
    assert detail == f"account {ACCOUNT} exists already"


@pytest.mark.parametrize("purchase_type", ["TS-HFOTA-EVNT,TS-HFOTA-MRC", "TS-HFOTA-MRC,TS-HFOTA-EVNT"])
def test_both_purchase_types_may_be_joined_in_either_order(api: Api, purchase_type: str) -> None:
    account = api.control("POST", "/accounts", {"name": "b", "purchaseType": purchase_type, "licenseCount": 5.0}).json()
    assert (account["purchaseType"], account["licenseCount"]) == ("TS-HFOTA-EVNT,TS-HFOTA-MRC", 5)


def test_an_account_for_events_only_has_no_licenses_until_it_buys_monthly_ones(api: Api) -> None:
    api.control("POST", "/accounts", {"name": "events", "purchaseType": "TS-HFOTA-EVNT"})
    response = api.control("PUT", "/accounts/events/subscription", {"licenseCount": 3})
    assert "licenseCount must be 0" in refused(response, 400)
    both = {"licenseCount": 3, "purchaseType": "TS-HFOTA-MRC"}
    assert api.control("PUT", "/accounts/events/subscription", both).status_code == 200
    assert api.pool("events")["free"] == 3


def test_an_account_that_turns_to_events_only_loses_its_licenses(api: Api) -> None:
    api.assign(0, 1)
    change = api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"purchaseType": "TS-HFOTA-EVNT"}).json()
    assert (change["licenseCount"], change["need"], change["reclaimed"]) == (0, 2, devices(0, 1))
    assert api.pool()["purchaseType"] == "TS-HFOTA-EVNT"
    api.assert_consistent()


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/nobody",
        "/accounts/nobody/audit",
        "/accounts/nobody/ledger",
        "/accounts/nobody/devices",
        "/accounts/%00",
        "/accounts/%00/audit",
        "/accounts/%F0%9F%98%80",
        "/accounts/%0A",
        "/accounts/a%0Ab/ledger",
    ],
)
def test_an_account_that_does_not_exist_is_not_found(shared: Api, path: str) -> None:
    assert "does not exist" in refused(shared.control("GET", path), 404)


@pytest.mark.parametrize("preview", [True, False])
def test_a_reduction_answers_need_and_lists_of_device_ids_with_a_reason_each(api: Api, preview: bool) -> None:
    api.assign(0, 1, 2)
    api.candidates(2)
    api.upgrade(2, "inProgress")
    api.upgrade(0, "scheduled")
    change = api.subscribe(1, preview=preview)
    assert len(change.pop("mark")) == 32
    assert change == {
        "licenseCount": 1,
        "preview": preview,
        "need": 2,
        "reclaimed": [device(0)],
        "notice": [device(2)],
        "canceledUpgrades": [device(0)],
        "withdrawnNotices": [],
        "noticeUntil": "2026-05-01T00:00:00.000Z",
        "reasons": [
            {
                "deviceId": device(2),
                "what": "notice",
                "why": "subscription reduced while its upgrade ran; the device was on the candidate list",
                "place": 1,
            },
            {
                "deviceId": device(0),
                "what": "reclaimed",
                "why": "subscription reduced; first assigned, first out",
                "place": 2,
            },
        ],
    }
    assert api.pool()["licenseCount"] == (5 if preview else 1)
    api.assert_consistent()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "licenseCount, purchaseType or both"),
        ({"licenseCount": None}, "$.licenseCount"),
        ({"licenseCount": -1}, "licenseCount must be from 0"),
        ({"licenseCount": 1, "preview": True}, "unknown field `preview`"),
    ],
)
def test_a_bad_subscription_changes_nothing(shared: Api, body: dict[str, Any], words: str) -> None:
    assert words in refused(shared.control("PUT", f"/accounts/{ACCOUNT}/subscription", body), 400)
    assert shared.pool()["licenseCount"] == 5


def test_preview_must_be_true_or_false(shared: Api) -> None:
    response = shared.control("PUT", f"/accounts/{ACCOUNT}/subscription?preview=yes", {"licenseCount": 1})
    assert refused(response, 400) == "preview must be true or false"
    assert shared.pool()["licenseCount"] == 5


def test_a_suspended_account_is_refused_to_its_users_until_it_is_active_again(api: Api) -> None:
    suspended = api.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "suspended"}).json()
    assert suspended["status"] == "suspended"
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").json()["errorMessage"] == "Inactive account"
    api.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "active"})
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200


def test_a_status_is_active_or_suspended(shared: Api) -> None:
    response = shared.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "Active"})
    assert refused(response, 400) == "status must be active or suspended"
    refused(shared.control("PUT", "/accounts/nobody/status", {"status": "active"}), 404)


@pytest.mark.parametrize(
    ("device_id", "status", "code"),
    [
        (device(0), "done", 400),
        (device(0), "completed", 409),
        (device(0), "canceled", 409),
        ("12", "scheduled", 400),
        ("880000000000000", "scheduled", 404),
    ],
)
def test_an_upgrade_that_cannot_be_is_refused(shared: Api, device_id: str, status: str, code: int) -> None:
    response = shared.control("PUT", f"/accounts/{ACCOUNT}/devices/{device_id}/upgrade", {"status": status})
    refused(response, code)


def test_devices_are_shown_with_license_and_upgrade(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "inProgress")
    api.subscribe(0)
    found = api.control("GET", f"/accounts/{ACCOUNT}/devices?limit=1").json()
    assert found["hasMoreData"]
    assert found["devices"] == [
        {
            "deviceId": device(0),
            "make": "Verizon",
            "model": "Model-A",
            "firmware": "1",
            "protocol": "LWM2M",
            "mdn": "",
            "status": "Active",
            "licensed": True,
            "licensedAt": "2026-03-10T12:00:00.000Z",
            "usedByUpgrade": False,
            "noticeUntil": "2026-05-01T00:00:00.000Z",
            "openUpgrade": "inProgress",
            "failureMessage": None,
            "upgradedAt": None,
            "lastSeenAt": None,
            "reachable": "unknown",
        }
    ]


def test_the_ledger_is_read_by_device_and_in_pages(api: Api) -> None:
    api.assign(0, 1)
    api.remove(0)
    assert [entry["deviceId"] for entry in api.ledger()] == devices(0, 1, 0)
    assert [entry["what"] for entry in api.ledger(query=f"?deviceId={device(0)}")] == ["assigned", "removed"]
    page = api.control("GET", f"/accounts/{ACCOUNT}/ledger?limit=2").json()
    assert ([entry["number"] for entry in page["entries"]], page["hasMoreData"]) == ([1, 2], True)
    page = api.control("GET", f"/accounts/{ACCOUNT}/ledger?after=2&limit=2").json()
    assert ([entry["number"] for entry in page["entries"]], page["hasMoreData"]) == ([3], False)
    assert api.ledger(query=f"?deviceId={device(7)}") == []


@pytest.mark.parametrize(
    "query", ["deviceId=1", "deviceId=", "after=-1", "after=x", f"after={2**63}", "limit=0", "limit=1001", "limit=1e2"]
)
def test_a_bad_filter_is_refused_by_its_name(shared: Api, query: str) -> None:
    assert query.split("=")[0] in refused(shared.control("GET", f"/accounts/{ACCOUNT}/ledger?{query}"), 400)


def test_the_request_id_that_a_client_sends_comes_back_and_stands_in_the_ledger(api: Api) -> None:
    path = f"/v3/licenses/{ACCOUNT}/assign"
    response = api.call("POST", path, {"deviceList": devices(0)}, headers={"X-Request-Id": "from-the-user"})
    assert response.headers["x-request-id"] == "from-the-user"
    headers = {"X-Request-Id": "from-the-operator"}
    response = api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 0}, headers=headers)
    assert response.headers["x-request-id"] == "from-the-operator"
    assert [entry["requestId"] for entry in api.ledger()] == ["from-the-user", "from-the-operator"]


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 65, "é"])
def test_a_request_without_a_usable_id_gets_one(shared: Api, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode("latin-1")}
    first = shared.control("GET", "/accounts", headers=headers).headers["x-request-id"]
    second = shared.control("GET", "/nothing", headers=headers).headers["x-request-id"]
    assert first
    assert second not in (first, given)


def test_the_audit_lists_every_check_with_what_it_found(api: Api) -> None:
    api.assign(0)
    audit = api.control("GET", f"/accounts/{ACCOUNT}/audit").json()
    assert set(audit) == {"consistent", "checks"}
    assert audit["consistent"] is True
    assert len(audit["checks"]) >= 4
    for check in audit["checks"]:
        assert set(check) == {"name", "says", "ok", "found"}
        assert check["ok"] is True


def test_the_audit_finds_a_license_that_nobody_recorded(api: Api) -> None:
    connection = api.server.database.connect(writes=True)
    connection.begin()
    connection.execute("UPDATE license_pool SET used = used + 1")
    connection.commit()
    connection.close()
    audit = api.control("GET", f"/accounts/{ACCOUNT}/audit").json()
    assert audit["consistent"] is False
    assert "holders-equal-counter" in {check["name"] for check in audit["checks"] if not check["ok"]}
