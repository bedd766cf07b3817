"""A change of the subscription that names its preview does what the preview showed, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.helpers import ACCOUNT, Api, device, devices

PATH = f"/accounts/{ACCOUNT}/subscription"


def preview(api: Api, total: int) -> httpx.Response:
    response = api.control("PUT", f"{PATH}?preview=true", {"licenseCount": total})
    assert response.status_code == 200, response.text
    return response


def change(api: Api, total: int, if_match: str, status: int = 200) -> httpx.Response:
    response = api.control("PUT", PATH, {"licenseCount": total}, headers={"If-Match": if_match})
    assert response.status_code == status, response.text
    return response


def state_of(api: Api) -> Any:
    return api.pool(), api.licensed(), len(api.ledger())


def test_a_preview_has_its_mark_as_etag_and_the_change_that_names_it_does_what_was_shown(api: Api) -> None:
    api.assign(0, 1, 2)
    api.candidates(2)
    shown = preview(api, 1)
    assert shown.headers["etag"] == f'"{shown.json()["mark"]}"'
    done = change(api, 1, shown.headers["etag"])
    assert done.json() == {**shown.json(), "preview": False}
    assert "etag" not in done.headers
    assert api.licensed() == [device(1)]
    api.assert_consistent()


def test_the_mark_is_the_same_on_every_database(api: Api) -> None:
    api.assign(4, 1, 2)
    api.candidates(2)
    api.upgrade(4, "scheduled", "inProgress")
    api.upgrade(1, "scheduled")
    assert preview(api, 0).json()["mark"] == "9b92a1e3ceec1eec51d1ee326c682bde"


CHANGES: dict[str, Callable[[Api], object]] = {
    "the candidates": lambda api: api.candidates(1, 0),
    "the candidates' order": lambda api: api.candidates(2, 0),
    "the total": lambda api: api.subscribe(3),
    "a license given": lambda api: api.assign(9),
    "a license removed": lambda api: api.remove(3),
    "an upgrade that runs": lambda api: api.upgrade(0, "scheduled", "inProgress"),
    "an upgrade that is scheduled": lambda api: api.upgrade(0, "scheduled"),
    "the purchase type": lambda api: api.control("PUT", PATH, {"purchaseType": "TS-HFOTA-EVNT,TS-HFOTA-MRC"}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_preview_that_does_not_hold_any_more_is_answered_412_with_the_new_one(api: Api, what: str) -> None:
    api.assign(0, 1, 2, 3)
    api.candidates(0, 2)
    old = preview(api, 2)
    CHANGES[what](api)
    before = state_of(api)
    refused = change(api, 2, old.headers["etag"], 412)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["title"] == "Precondition Failed"
    assert "nothing was changed" in refused.json()["detail"]
    current = preview(api, 2)
    assert refused.json()["result"] == current.json() != old.json()
    assert refused.headers["etag"] == current.headers["etag"]
    assert state_of(api) == before
    assert change(api, 2, refused.headers["etag"]).json()["reclaimed"] == current.json()["reclaimed"]
    api.assert_consistent()


def test_what_does_not_concern_the_change_leaves_its_preview_good(api: Api) -> None:
    api.assign(0, 1, 2, 3)
    shown = preview(api, 2)
    api.upgrade(3, "scheduled")
    api.advance("PT1H")
    assert change(api, 2, shown.headers["etag"]).json()["reclaimed"] == devices(0, 1)


def test_any_of_several_tags_a_star_and_none_at_all(api: Api) -> None:
    api.assign(0, 1)
    tag = preview(api, 1).headers["etag"]
    change(api, 1, f"W/{tag}", 412)  # If-Match compares strongly
    change(api, 1, '"", W/"x"', 412)
    change(api, 1, f'"other" , {tag}')
    change(api, 3, "*")
    assert api.subscribe(2)["licenseCount"] == 2


@pytest.mark.parametrize("text", ["", "abc", '"abc', '"a" "b"', '"a",', '*, "a"', 'w/"a"'])
def test_a_header_that_is_no_entity_tag_is_refused(shared: Api, text: str) -> None:
    assert "If-Match must be an entity tag" in change(shared, 4, text, 400).json()["detail"]
    assert shared.pool()["licenseCount"] == 5


def test_a_refused_change_is_in_the_audit_log_and_a_refused_preview_is_not(api: Api) -> None:
    change(api, 1, '"old"', 412)
    again = api.control("PUT", f"{PATH}?preview=true", {"licenseCount": 1}, headers={"If-Match": '"old"'})
    assert again.status_code == 412
    entries = api.control("GET", "/audit-log?action=changeSubscription").json()["entries"]
    assert [(one["status"], one["attempts"]) for one in entries if one["status"]] == [(412, 1)]


def test_the_preview_does_not_depend_on_how_many_devices_are_looked_up_one_by_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.subscribe(12)
    api.assign(*range(12))
    api.candidates(11, 3)
    for number in (0, 1, 3, 4):
        api.upgrade(number, "scheduled", "inProgress")
    api.subscribe(10)
    for number in (2, 5, 11):
        api.upgrade(number, "scheduled")
    found = [preview(api, total).json() for total in (0, 3, 9)]
    assert [len(one["notice"]) for one in found] == [3, 3, 1]
    monkeypatch.setattr("fotapool.store.licenses.licenses.MAX_KEYS", 0)
    assert [preview(api, total).json() for total in (0, 3, 9)] == found
