"""Undoing a reduction: the same licenses come back as they were, once, or nothing changes."""

from __future__ import annotations

from typing import Any

import httpx

from support.helpers import ACCOUNT, Api, device, devices


def undo(api: Api, change: int, status: int = 200) -> dict[str, Any]:
    response: httpx.Response = api.control("POST", f"/accounts/{ACCOUNT}/ledger/changes/{change}/undo")
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def last_change(api: Api) -> int:
    number: int = api.ledger()[-1]["change"]
    return number


def times(api: Api) -> dict[str, str]:
    rows = api.control("GET", f"/accounts/{ACCOUNT}/devices").json()["devices"]
    return {row["deviceId"]: row["licensedAt"] for row in rows if row["licensed"]}


def reduce_and_raise(api: Api, total: int) -> int:
    api.subscribe(total)
    change = last_change(api)
    api.subscribe(5)
    return change


def test_the_same_licenses_come_back_with_their_old_times_and_one_change(api: Api) -> None:
    for number in (3, 1, 2):
        api.assign(number)
        api.advance("PT1M")
    line = {"deviceId": device(0), "licensedAt": "2020-02-02T00:00:00Z"}
    api.control("POST", f"/accounts/{ACCOUNT}/devices", [line])
    api.candidates(2, 9)
    before = times(api)
    change = reduce_and_raise(api, 1)
    assert api.licensed() == [device(1)]
    api.advance("P1D")
    answer = undo(api, change)
    assert answer == {
        "change": answer["change"],
        "undone": change,
        "restored": devices(0, 3, 2),
        "licenseUsedCount": 4,
    }
    assert times(api) == before
    entries = api.ledger()[-3:]
    assert [(one["deviceId"], one["what"], one["usedAfter"]) for one in entries] == [
        (device(0), "restored", 2),
        (device(3), "restored", 3),
        (device(2), "restored", 4),
    ]
    assert {(one["change"], one["request"], one["detail"]["undone"], one["actor"]) for one in entries} == {
        (answer["change"], "undo reduction", change, "operator")
    }
    assert api.pool()["candidates"] == 1
    api.assert_consistent()
    assert api.subscribe(1)["reclaimed"] == devices(0, 3, 1)  # as if the first reduction had never been
    api.assert_consistent()


def test_a_license_that_an_upgrade_has_used_is_used_again(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "scheduled", "inProgress", "completed")
    change = reduce_and_raise(api, 0)
    undo(api, change)
    rows = api.control("GET", f"/accounts/{ACCOUNT}/devices").json()["devices"]
    assert [row["usedByUpgrade"] for row in rows if row["deviceId"] == device(0)] == [True]
    api.assert_consistent()


def test_a_reduction_is_undone_once_and_the_undone_one_is_named(api: Api) -> None:
    api.assign(0, 1)
    change = reduce_and_raise(api, 1)
    done = undo(api, change)
    assert undo(api, change, 409)["detail"] == f"change {change} was undone by change {done['change']}"
    assert len(api.licensed()) == 2
    again = reduce_and_raise(api, 1)
    undo(api, again)
    assert api.licensed() == devices(0, 1)
    api.assert_consistent()


def test_all_reasons_against_it_are_told_and_nothing_changes(api: Api) -> None:
    api.assign(0, 1, 2, 3)
    api.subscribe(1)
    change = last_change(api)
    reason = "3 licenses are needed and 0 are free: raise the subscription first"
    assert undo(api, change, 409)["detail"] == reason
    api.subscribe(4)
    api.assign(1, 9)
    ledger = api.ledger()
    assert undo(api, change, 409)["detail"] == (
        "3 licenses are needed and 1 are free: raise the subscription first;"
        f" 1 device got a license since (the first: {device(1)})"
    )
    assert api.ledger() == ledger
    api.remove(1, 9)
    assert undo(api, change)["restored"] == devices(0, 1, 2)
    api.assert_consistent()


def test_a_change_that_took_nothing_or_does_not_exist_cannot_be_undone(api: Api) -> None:
    api.assign(0)
    assert undo(api, last_change(api), 409)["detail"].endswith("took no license")
    for number in (0, 99, 10**18 - 1):
        assert undo(api, number, 404)["detail"] == f"change {number} does not exist"


def test_notices_are_no_part_of_it(api: Api) -> None:
    api.assign(0, 1)
    api.upgrade(0, "scheduled", "inProgress")
    change = reduce_and_raise(api, 0)
    assert undo(api, change)["restored"] == [device(1)]
    assert api.licensed() == devices(0, 1)
    api.assert_consistent()


def test_what_was_undone_is_in_the_audit_log_and_the_timeline(api: Api) -> None:
    api.assign(0)
    change = reduce_and_raise(api, 0)
    done = undo(api, change)
    undo(api, change, 409)
    entries = api.control("GET", "/audit-log?action=undoReduction").json()["entries"]
    assert [(one["outcome"], one["account"]) for one in entries] == [("refused", ACCOUNT), ("done", ACCOUNT)]
    assert entries[1]["after"] == {"licenseUsedCount": 1, "undone": change, "change": done["change"]}
    viewer = api.control("POST", "/operators", {"name": "guest", "role": "viewer"}).json()["key"]
    refused = api.control(
        "POST", f"/accounts/{ACCOUNT}/ledger/changes/{change}/undo", headers={"Authorization": f"Bearer {viewer}"}
    )
    assert refused.status_code == 403


def test_a_snapshot_keeps_what_can_be_undone(api: Api) -> None:
    api.assign(0, 1)
    change = reduce_and_raise(api, 0)
    snapshot = api.control("GET", "/snapshot").json()
    undo(api, change)
    assert api.control("PUT", "/snapshot", snapshot).status_code in (200, 204)
    assert undo(api, change)["restored"] == devices(0, 1)
