"""Copies of accounts: what they have, that they are independent, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fotapool.services.accounts import copies
from support.helpers import ACCOUNT, FIRST, OTHER, SEED, Api, device, devices

COPY = "copy-1"


def copied(api: Api, name: str = COPY, of: str = ACCOUNT, **more: Any) -> dict[str, Any]:
    response = api.control("POST", f"/accounts/{of}/copies", {"name": name, **more})
    assert response.status_code == 201, response.text
    view: dict[str, Any] = response.json()
    return view


def rows(api: Api, account: str) -> Any:
    return api.control("GET", f"/accounts/{account}/devices?limit=1000").json()


@pytest.fixture
def prepared(api: Api) -> Api:
    """Licenses in an order of their own, one used, one under notice, two candidates."""
    api.assign(4, 2, 0, 1)
    api.upgrade(2, "inProgress", "completed")
    api.upgrade(0, "inProgress")
    api.candidates(0, 3, 1)
    assert api.subscribe(2)["notice"] == devices(0)
    return api


def test_a_copy_has_the_pool_the_devices_and_the_candidates_of_the_original(prepared: Api) -> None:
    view = copied(prepared)
    assert view == {**prepared.pool(COPY)}
    before, after = prepared.pool(), prepared.pool(COPY)
    for member in ("purchaseType", "licenseCount", "licenseUsedCount", "free", "underNotice", "candidates", "status"):
        assert before[member] == after[member], member
    original, copy = rows(prepared, ACCOUNT), rows(prepared, COPY)
    for row in [*original["devices"], *copy["devices"]]:
        row.pop("openUpgrade")
    assert original == copy
    for account in (ACCOUNT, COPY):
        prepared.assert_consistent(account)


def test_the_ledger_of_a_copy_begins_with_what_it_has_and_from_whom(prepared: Api) -> None:
    copied(prepared)
    found = [
        (one["number"], one["request"], one["detail"], one["deviceId"], one["what"], one["usedAfter"])
        for one in prepared.ledger(COPY)
    ]
    held = [int(entry["deviceId"]) - FIRST for entry in prepared.ledger() if entry["what"] == "assigned"]
    still = [number for number in held if any(device(number) == one[3] for one in found)]
    of = {"of": ACCOUNT}
    assert found == [
        *(
            (place, "copy account", of, device(number), "assigned", place)
            for place, number in enumerate(still, start=1)
        ),
        (len(still) + 1, "copy account", of, device(0), "notice", len(still)),
    ]


def test_a_copy_is_independent_and_gives_back_in_the_same_order(prepared: Api) -> None:
    copied(prepared, users=True)
    order = prepared.subscribe(1, preview=True)
    assert prepared.subscribe(1, preview=True, account=COPY)["reasons"] == order["reasons"]
    prepared.subscribe(5, account=COPY)
    assert prepared.assign(7, account=COPY)["licUsedCount"] == prepared.pool()["licenseUsedCount"] + 1
    assert device(7) not in prepared.licensed()
    line = [{"deviceId": device(7), "make": "Changed"}]
    assert prepared.control("POST", f"/accounts/{COPY}/devices", line).json()["kept"] == 1
    assert rows(prepared, ACCOUNT)["devices"][7]["make"] == "Verizon"
    prepared.upgrade(0, "failed")
    prepared.advance("P70D")
    for account in (ACCOUNT, COPY):
        assert prepared.pool(account)["underNotice"] == 0
        prepared.assert_consistent(account)


def test_imports_look_for_other_owners_among_ordinary_accounts_only(api: Api) -> None:
    copied(api)
    line = [{"deviceId": device(0)}]
    refused = api.control("POST", f"/accounts/{OTHER}/devices", line).json()["errors"][0]["error"]
    assert refused == "the device belongs to another account"
    assert api.control("POST", f"/accounts/{ACCOUNT}/devices", line).json()["kept"] == 1
    new = [{"deviceId": "770000000000000"}]
    for account in (COPY, OTHER):
        assert api.control("POST", f"/accounts/{account}/devices", new).json()["kept"] == 1
    assert api.control("POST", f"/accounts/{ACCOUNT}/devices", new).json()["failed"] == 1


def test_users_have_access_only_if_that_is_asked_for(api: Api) -> None:
    copied(api)
    copied(api, "copy-2", users=True)
    assert api.call("GET", f"/v3/licenses/{COPY}").status_code == 400
    assert api.call("GET", "/v3/licenses/copy-2").status_code == 200


def test_a_copy_of_a_copy_is_one_too_and_campaigns_and_listeners_stay_with_the_original(
    start: Callable[..., Api],
) -> None:
    fleet = [{"first": device(0), "count": 20, "checkInEvery": "PT10M"}]
    package = {"firmwareName": "F", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}
    accounts = [{**SEED["accounts"][0], "fleet": fleet}, SEED["accounts"][1]]
    api = start({**SEED, "accounts": accounts, "firmware": [package]})
    api.assign(0, 1)
    api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": "http://127.0.0.1:9/"}, headers={"Content-Type": "*/*"})
    body = {
        "firmwareName": "F",
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "protocol": "LWM2M",
        "startDate": "2026-03-11",
        "endDate": "2026-03-12",
        "deviceList": devices(0, 1),
        "autoAssignLicenseFlag": False,
        "autoAddDevicesFlag": False,
    }
    assert api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body).status_code == 200
    copied(api, users=True)
    copied(api, "copy-2", of=COPY, users=True)
    assert api.control("GET", "/accounts/copy-2/listeners").json()["listeners"] == []
    api.advance("P1D")
    api.sign_in()
    later = {**body, "startDate": "2026-03-12", "endDate": "2026-03-14"}
    assert api.call("POST", "/v3/campaigns/firmware/copy-2", later).status_code == 200
    api.advance("P3D")
    firmware = {name: rows(api, name)["devices"][0]["firmware"] for name in (ACCOUNT, COPY, "copy-2")}
    assert firmware == {ACCOUNT: "2", COPY: "1", "copy-2": "2"}
    for account in firmware:
        api.assert_consistent(account)


def test_a_copy_is_in_a_snapshot(prepared: Api) -> None:
    copied(prepared, users=True)
    before = prepared.control("GET", "/snapshot").content
    prepared.assign(9, account=COPY)
    assert prepared.control("PUT", "/snapshot", content=before).status_code == 204
    assert prepared.control("GET", "/snapshot").content == before


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (ACCOUNT, {"name": OTHER}, 409, "exists already"),
        (ACCOUNT, {"name": "a/b"}, 400, "name must be"),
        (ACCOUNT, {}, 400, "`name`"),
        ("nobody", {"name": COPY}, 404, "does not exist"),
    ],
)
def test_what_cannot_be_copied_is_refused_in_words(
    shared: Api, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    response = shared.control("POST", f"/accounts/{path}/copies", body)
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert shared.control("GET", f"/accounts/{COPY}").status_code == 404


def test_a_user_with_as_many_accounts_as_one_may_have_gets_no_copy(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MAX_ACCOUNTS", 1)
    response = api.control("POST", f"/accounts/{ACCOUNT}/copies", {"name": COPY, "users": True})
    assert (response.status_code, "has 1 accounts already" in response.json()["detail"]) == (409, True)
    copied(api)
