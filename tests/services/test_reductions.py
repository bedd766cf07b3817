"""Reductions, notices and raises through the operator plane: rules C1 to C5 and our choices about them."""

from __future__ import annotations

from support.helpers import ACCOUNT, Api, device, devices


def test_a_reduction_takes_candidates_in_list_order_and_then_the_first_assigned(api: Api) -> None:
    api.assign(3, 1, 4, 0, 2)
    api.candidates(2, 9, 4)
    change = api.subscribe(1)
    assert change["need"] == 4
    assert change["reclaimed"] == devices(2, 4, 3, 1)
    assert api.licensed() == [device(0)]
    assert api.pool()["candidates"] == 1  # device 9 has no license and stays on the list
    api.assert_consistent()


def test_the_preview_is_the_deed_and_changes_nothing(api: Api) -> None:
    api.assign(0, 1, 2, 3)
    api.candidates(3)
    api.upgrade(3, "inProgress")
    api.upgrade(0, "scheduled")
    preview = api.subscribe(1, preview=True)
    assert api.pool()["licenseCount"] == 5
    assert len(api.licensed()) == 4
    deed = api.subscribe(1)
    assert {**preview, "preview": False} == deed
    assert deed["notice"] == [device(3)]
    assert deed["canceledUpgrades"] == [device(0)]
    assert [reason["what"] for reason in deed["reasons"]] == ["notice", "reclaimed", "reclaimed"]
    api.assert_consistent()


def test_a_device_in_progress_keeps_its_license_until_the_billing_month_after_the_reduction_ends(api: Api) -> None:
    api.assign(0, 1)
    api.upgrade(0, "inProgress")
    change = api.subscribe(0)
    assert change["notice"] == [device(0)]
    assert change["noticeUntil"] == "2026-05-01T00:00:00.000Z"
    assert api.pool()["underNotice"] == 1
    assert api.pool()["licenseUsedCount"] == 1
    api.upgrade(0, "completed")
    api.control("POST", "/clock", {"to": "2026-04-30T23:59:59Z"})
    assert api.pool()["licenseUsedCount"] == 1
    moved = api.control("POST", "/clock", {"next": True}).json()
    assert [(one["what"], one["devices"]) for one in moved["happened"]] == [("notice ended", [device(0)])]
    assert moved["happened"][0]["time"] == "2026-05-01T00:00:00.000Z"
    assert api.pool()["licenseUsedCount"] == 0
    assert [entry["what"] for entry in api.ledger(query=f"?deviceId={device(0)}")] == [
        "assigned",
        "notice",
        "reclaimed",
    ]
    api.assert_consistent()


def test_an_upgrade_that_outlasts_the_notice_keeps_the_license_until_it_ends(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "inProgress")
    api.subscribe(0)
    api.advance("P70D")
    assert api.pool()["licenseUsedCount"] == 1
    api.upgrade(0, "completed")
    assert api.pool()["licenseUsedCount"] == 0
    api.assert_consistent()


def test_while_used_exceeds_the_total_nothing_can_be_assigned(api: Api) -> None:
    api.assign(0, 1)
    api.upgrade(0, "inProgress")
    api.upgrade(1, "inProgress")
    api.subscribe(1)
    answer = api.assign(2)
    assert (answer["licCount"], answer["licUsedCount"]) == (1, 2)
    assert answer["deviceList"][0]["Reason"] == "No unused license available."
    api.assert_consistent()


def test_raising_the_total_withdraws_the_oldest_notices_first(api: Api) -> None:
    api.assign(0, 1, 2)
    for number in (0, 1, 2):
        api.upgrade(number, "inProgress")
    api.subscribe(2)
    api.subscribe(0)
    assert api.pool()["underNotice"] == 3
    change = api.subscribe(1)
    assert change["withdrawnNotices"] == [device(0)]
    assert api.pool()["underNotice"] == 2
    api.assert_consistent()


def test_a_second_reduction_does_not_take_for_what_is_already_under_notice(api: Api) -> None:
    api.assign(0, 1, 2)
    api.upgrade(0, "inProgress")
    api.subscribe(2)
    change = api.subscribe(1)
    assert (change["need"], change["reclaimed"]) == (1, [device(1)])
    assert sorted(api.licensed()) == devices(0, 2)
    api.assert_consistent()


def test_a_license_under_notice_cannot_be_removed_by_the_user(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "inProgress")
    api.subscribe(0)
    api.upgrade(0, "failed")
    answer = api.remove(0)
    assert answer["deviceList"][0]["status"] == "LicenseRemoveFailure"
    assert api.pool()["underNotice"] == 1


def test_licenses_used_by_an_upgrade_are_reclaimed_too(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "inProgress", "completed")
    assert api.remove(0)["deviceList"][0]["Reason"] == (
        "License removal not allowed for devices that have ever upgraded firmware."
    )
    assert api.subscribe(0)["reclaimed"] == [device(0)]


def test_the_ledger_says_who_when_why_and_the_count_before_and_after(api: Api) -> None:
    api.assign(0, 1)
    api.subscribe(1)
    taken = api.ledger()[-1]
    assert (taken["actor"], taken["deviceId"], taken["what"]) == ("operator", device(0), "reclaimed")
    assert taken["why"] == "subscription reduced; first assigned, first out"
    assert taken["detail"] == {"before": 5, "after": 1}
    assert (taken["usedBefore"], taken["usedAfter"]) == (2, 1)
    assert api.ledger()[0]["actor"] == "zbeeblebrox"
    assert api.ledger()[0]["requestId"]


def test_removing_a_license_cancels_the_device_s_scheduled_upgrade(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "scheduled")
    assert api.remove(0)["deviceList"][0]["status"] == "LicenseRemoveSuccess"
    found = api.control("GET", f"/accounts/{ACCOUNT}/devices").json()["devices"][0]
    assert found["openUpgrade"] is None
