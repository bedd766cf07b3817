"""Display name and notes of an account: their form, where they are shown, and that they are found."""

from __future__ import annotations

from typing import Any

import pytest

from support.helpers import ACCOUNT, OTHER, Api


def describe(api: Api, status: int = 200, account: str = ACCOUNT, **members: Any) -> Any:
    response = api.control("PATCH", f"/accounts/{account}", members)
    assert response.status_code == status, response.text
    return response.json()


def found(api: Api, text: str) -> list[tuple[str, str, bool]]:
    results = api.control("GET", "/search", params={"q": text}).json()["results"]
    return [(one["label"], one["detail"], one["exact"]) for one in results if one["kind"] == "account"]


def test_a_description_is_changed_in_parts_shown_and_recorded(api: Api) -> None:
    assert describe(api, displayName="  Heart of Gold ")["displayName"] == "Heart of Gold"
    account = describe(api, notes="one\r\ntwo\n")
    assert (account["displayName"], account["notes"]) == ("Heart of Gold", "one\ntwo")
    assert api.pool() == account
    listed = api.control("GET", "/accounts").json()["accounts"]
    assert {one["name"]: one["displayName"] for one in listed} == {ACCOUNT: "Heart of Gold", OTHER: ""}
    describe(api, displayName="")
    entries = api.control("GET", "/audit-log?action=describeAccount").json()["entries"]
    assert [(one["before"], one["after"]) for one in entries] == [
        ({"displayName": "Heart of Gold"}, {"displayName": ""}),
        ({"notes": ""}, {"notes": "one\ntwo"}),
        ({"displayName": ""}, {"displayName": "Heart of Gold"}),
    ]
    documented = api.call("GET", f"/v3/subscriptions/{ACCOUNT}").json()
    assert (documented["accountName"], "Gold" in str(documented)) == (ACCOUNT, False)
    api.assert_consistent()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "displayName, notes or both"),
        ({"displayName": "a" * 101}, "displayName may have at most 100 characters; it has 101"),
        ({"displayName": "a\nb"}, "U+000A"),
        ({"displayName": "a\x00"}, "U+0000"),
        ({"displayName": "a\u202eb"}, "U+202E"),
        ({"notes": "a" * 2001}, "notes may have at most 2000 characters"),
        ({"notes": "a\tb"}, "U+0009"),
        ({"displayName": 1}, "$.displayName"),
        ({"name": "b"}, "unknown field `name`"),
    ],
)
def test_what_is_too_long_or_has_control_characters_is_refused(shared: Api, members: Any, words: str) -> None:
    assert words in describe(shared, 400, **members)["detail"]
    assert shared.pool()["displayName"] == ""


def test_a_display_name_is_found_by_its_beginning_in_any_case(api: Api) -> None:
    describe(api, displayName="Heart of Gold")
    describe(api, account=OTHER, displayName="Heart of Darkness 100%")
    assert found(api, "HEART OF GOLD") == [(ACCOUNT, "Heart of Gold, active", True)]
    assert {name for name, _, _ in found(api, "heart of ")} == {ACCOUNT, OTHER}
    assert found(api, "of gold") == []
    assert found(api, ACCOUNT) == [(ACCOUNT, "Heart of Gold, active", True)]
    describe(api, displayName=OTHER)  # a name of another account is no reason to find one of them twice
    assert found(api, OTHER) == [(OTHER, "Heart of Darkness 100%, active", True), (ACCOUNT, f"{OTHER}, active", True)]


def test_a_snapshot_a_seed_and_a_copy_have_the_description(api: Api) -> None:
    described = describe(api, displayName="Grüße", notes="a\nb")
    snapshot = api.control("GET", "/snapshot").json()
    describe(api, displayName="", notes="")
    assert api.control("PUT", "/snapshot", snapshot).status_code in (200, 204)
    assert api.pool() == described
    copy = api.control("POST", f"/accounts/{ACCOUNT}/copies", {"name": "copy"}).json()
    assert (copy["displayName"], copy["notes"]) == ("Grüße", "a\nb")
    seed = {"accounts": [{"name": "seeded", "displayName": "Seeded", "notes": "from a file"}]}
    assert api.control("PUT", "/snapshot", seed).status_code in (200, 204)
    assert (api.pool("seeded")["displayName"], api.pool("seeded")["notes"]) == ("Seeded", "from a file")
