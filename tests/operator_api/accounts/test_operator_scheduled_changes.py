"""Scheduled changes of a subscription: scheduled, listed, previewed, edited, canceled, and done once at their time."""

from __future__ import annotations

from typing import Any

import pytest

from support.helpers import ACCOUNT, OTHER, Api, device, devices

MARCH_10, APRIL, MAY = "2026-03-10T12:00:00.000Z", "2026-04-01T00:00:00.000Z", "2026-05-01T00:00:00.000Z"
BOTH = "TS-HFOTA-EVNT,TS-HFOTA-MRC"
PATH = f"/accounts/{ACCOUNT}/subscription/scheduled-changes"


def path_of(account: str = ACCOUNT, change: int | str = "") -> str:
    path = f"/accounts/{account}/subscription/scheduled-changes"
    return f"{path}/{change}" if change else path


def schedule(api: Api, due: str, total: int | None = None, status: int = 201, **more: Any) -> dict[str, Any]:
    account = more.pop("account", ACCOUNT)
    body = {"dueTime": due, **({} if total is None else {"licenseCount": total}), **more}
    return asked(api, "POST", path_of(account), body, status)


def asked(api: Api, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    response = api.control(method, path, body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def read(api: Api, change: int) -> dict[str, Any]:
    return asked(api, "GET", path_of(change=change))


def entries(api: Api, change: int) -> list[tuple[str, str, str, Any, Any]]:
    """What the audit log has of a scheduled change, oldest first."""
    found = asked(api, "GET", f"/audit-log?target={change}&account={ACCOUNT}")["entries"]
    return [(one["action"], one["operator"], one["via"], one["before"], one["after"]) for one in reversed(found)]


def test_a_reduction_is_done_at_the_next_billing_month_as_its_preview_said_and_can_be_undone(api: Api) -> None:
    api.assign(0, 1, 2)
    api.candidates(2)
    api.upgrade(0, "scheduled", "inProgress")
    made = schedule(api, "nextBillingMonth", 0)
    assert made == {
        "id": made["id"],
        "account": ACCOUNT,
        "state": "scheduled",
        "dueTime": APRIL,
        "licenseCount": 0,
        "purchaseType": None,
        "operator": "operator",
        "requestId": made["requestId"],
        "createTime": MARCH_10,
        "updateTime": MARCH_10,
        "endTime": None,
        "change": None,
        "failure": None,
        "reason": "",
    }
    assert read(api, made["id"]) == made
    preview = asked(api, "GET", path_of(change=f"{made['id']}/preview"))
    assert preview == api.subscribe(0, preview=True)
    assert (preview["reclaimed"], preview["notice"]) == (devices(2, 1), devices(0))
    assert api.licensed() == devices(0, 1, 2)
    assert api.control("GET", "/clock").json()["nextDue"] == APRIL
    moved = asked(api, "POST", "/clock", {"to": "2026-04-02T00:00:00Z"})
    happened = [one for one in moved["happened"] if one["what"] == "subscription changed"]
    assert happened == [
        {
            "time": APRIL,
            "what": "subscription changed",
            "count": 3,
            "devices": devices(2, 0, 1),
            "campaign": None,
        }
    ]
    done = read(api, made["id"])
    assert (done["state"], done["endTime"]) == ("done", APRIL)
    ledger = [entry for entry in api.ledger() if entry["change"] == done["change"]]
    assert [(one["deviceId"], one["time"], one["actor"], one["requestId"]) for one in ledger] == [
        (imei, APRIL, "operator", made["requestId"]) for imei in devices(2, 0, 1)
    ]
    assert ledger[0]["detail"] == {"before": 5, "after": 0, "scheduled": made["id"]}
    assert api.pool()["licenseCount"] == 0
    assert entries(api, made["id"]) == [
        (
            "scheduleSubscriptionChange",
            "operator",
            "operator-api",
            None,
            {"dueTime": APRIL, "licenseCount": 0, "state": "scheduled"},
        ),
        (
            "carryOutScheduledChange",
            "operator",
            "server",
            {"licenseCount": 5},
            {"licenseCount": 0, "reclaimed": 2, "putUnderNotice": 1, "change": done["change"]},
        ),
    ]
    api.assert_consistent()
    api.subscribe(5)
    undone = asked(api, "POST", f"/accounts/{ACCOUNT}/ledger/changes/{done['change']}/undo")
    assert undone["restored"] == devices(1, 2)
    assert api.control("GET", f"{path_of(change=made['id'])}/preview").status_code == 409
    api.assert_consistent()


def test_changes_of_one_account_follow_each_other_and_each_decides_on_the_pool_of_its_time(api: Api) -> None:
    api.assign(0, 1, 2)
    last = schedule(api, "2026-06-01T02:00:00+02:00", 1)
    first = schedule(api, MAY, 10, purchaseType=BOTH)
    other = schedule(api, MAY, 7, account=OTHER)
    asked(api, "POST", "/clock", {"to": "2026-05-02T00:00:00Z"})
    assert (api.pool()["licenseCount"], api.pool()["purchaseType"]) == (10, BOTH)
    assert api.pool(OTHER)["licenseCount"] == 7
    assert [read(api, one["id"])["state"] for one in (first, last)] == ["done", "scheduled"]
    api.sign_in()
    api.assign(3, 4)
    asked(api, "POST", "/clock", {"to": "2026-07-01T00:00:00Z"})
    api.sign_in()
    assert api.licensed() == [device(4)]
    statements = asked(api, "GET", f"/accounts/{ACCOUNT}/statements")["statements"]
    assert [(one["month"], one["totals"]["licenses"]) for one in statements][1:4] == [
        ("2026-06", 1),
        ("2026-05", 10),
        ("2026-04", 5),
    ]
    states = asked(api, "GET", "/scheduled-changes?state=done")
    assert [(one["id"], one["account"]) for one in states["scheduledChanges"]] == [
        (last["id"], ACCOUNT),
        (first["id"], ACCOUNT),
        (other["id"], OTHER),
    ]
    page = asked(api, "GET", f"/scheduled-changes?limit=1&after={last['id']}")
    assert ([one["id"] for one in page["scheduledChanges"]], page["hasMoreData"]) == ([first["id"]], True)
    assert [one["id"] for one in asked(api, "GET", path_of(OTHER))["scheduledChanges"]] == [other["id"]]
    api.assert_consistent()


def test_an_edited_change_does_what_it_says_now_and_a_canceled_one_nothing(api: Api) -> None:
    edited = schedule(api, APRIL, 3)
    canceled = schedule(api, MAY, 2)
    after = asked(api, "PUT", path_of(change=edited["id"]), {"dueTime": "2026-04-15T00:00:00Z"})
    assert (after["dueTime"], after["licenseCount"]) == ("2026-04-15T00:00:00.000Z", 3)
    asked(api, "PUT", path_of(change=edited["id"]), {"licenseCount": 4, "purchaseType": BOTH})
    assert asked(api, "DELETE", path_of(change=canceled["id"]))["state"] == "canceled"
    asked(api, "POST", "/clock", {"to": "2026-04-10T00:00:00Z"})
    assert api.pool()["licenseCount"] == 5
    asked(api, "POST", "/clock", {"to": "2026-06-01T00:00:00Z"})
    assert (api.pool()["licenseCount"], api.pool()["purchaseType"]) == (4, BOTH)
    for change, state in ((edited["id"], "done"), (canceled["id"], "canceled")):
        reason = f"scheduled change {change} is {state}: it cannot be edited or canceled"
        for method, body in (("PUT", {"licenseCount": 9}), ("DELETE", None)):
            assert asked(api, method, path_of(change=change), body, 409)["detail"] == reason
    assert [action for action, *_ in entries(api, edited["id"])] == [
        "scheduleSubscriptionChange",
        "editScheduledChange",
        "editScheduledChange",
        "carryOutScheduledChange",
        "editScheduledChange",
        "cancelScheduledChange",
    ]
    assert entries(api, edited["id"])[1][3:] == ({"dueTime": APRIL}, {"dueTime": "2026-04-15T00:00:00.000Z"})
    assert entries(api, canceled["id"])[1][3:] == ({"state": "scheduled"}, {"state": "canceled"})


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"status": "suspended"}, "account_inactive", "the account is suspended"),
        (
            {"purchaseType": "TS-HFOTA-EVNT"},
            "subscription_invalid",
            "an account with only TS-HFOTA-EVNT has no monthly licenses: licenseCount must be 0",
        ),
    ],
)
def test_what_cannot_be_done_when_it_is_due_has_failed_once_and_for_all(
    api: Api, change: dict[str, str], code: str, reason: str
) -> None:
    api.assign(0)
    made = schedule(api, APRIL, 3)
    asked(api, "PUT", f"/accounts/{ACCOUNT}/{'status' if 'status' in change else 'subscription'}", change)
    before = api.pool()
    preview = api.control("GET", f"{path_of(change=made['id'])}/preview")
    assert (preview.status_code, preview.json()["detail"]) == (409 if "status" in change else 400, reason)
    moved = asked(api, "POST", "/clock", {"to": APRIL})
    assert [one["what"] for one in moved["happened"]].count("scheduled change failed") == 1
    failed = read(api, made["id"])
    assert [failed[name] for name in ("state", "endTime", "failure", "reason")] == ["failed", APRIL, code, reason]
    asked(api, "PUT", f"/accounts/{ACCOUNT}/status", {"status": "active"})
    asked(api, "PUT", f"/accounts/{ACCOUNT}/subscription", {"purchaseType": before["purchaseType"]})
    asked(api, "POST", "/clock", {"to": MAY})
    assert read(api, made["id"]) == failed
    assert api.pool()["licenseCount"] == before["licenseCount"]
    described = {"state": "failed", "failure": code, "reason": reason}
    assert entries(api, made["id"])[-1] == (
        "carryOutScheduledChange",
        "operator",
        "server",
        {"state": "scheduled"},
        described,
    )
    api.assert_consistent()


def test_what_cannot_be_scheduled_is_refused_with_the_reason(api: Api) -> None:
    first = schedule(api, APRIL, 3)
    past = "dueTime is in the past: change the subscription instead"
    form = "dueTime must be a time as in 2026-12-01T00:00:00Z, or nextBillingMonth, not 'soon'"
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"dueTime": MARCH_10, "licenseCount": 1}, 400, past),
        ({"dueTime": "2028-03-10T12:00:00.001Z", "licenseCount": 1}, 400, "dueTime may be at most 731 days ahead"),
        ({"dueTime": "soon", "licenseCount": 1}, 400, form),
        ({"dueTime": MAY}, 400, "the body must have dueTime, and licenseCount, purchaseType or both"),
        ({"dueTime": MAY, "licenseCount": -1}, 400, "licenseCount must be from 0 to 2147483647"),
        (
            {"dueTime": MAY, "licenseCount": 1, "purchaseType": "TS-HFOTA-EVNT"},
            400,
            "an account with only TS-HFOTA-EVNT has no monthly licenses: licenseCount must be 0",
        ),
        (
            {"dueTime": "nextBillingMonth", "licenseCount": 1},
            409,
            f"scheduled change {first['id']} is due at that time: edit or cancel it",
        ),
    ]
    for body, status, detail in refused:
        assert asked(api, "POST", PATH, body, status)["detail"] == detail
    last = schedule(api, "2028-03-10T12:00:00Z", 1)
    assert asked(api, "PUT", path_of(change=last["id"]), {"dueTime": APRIL}, 409)
    assert asked(api, "PUT", path_of(change=last["id"]), {}, 400)
    asked(api, "PUT", path_of(change=last["id"]), {"licenseCount": 2})  # at its own time
    for number in range(18):
        schedule(api, f"2026-04-02T00:00:{number:02d}Z", number)
    answer = schedule(api, MAY, 1, 409)
    assert answer["detail"] == "the account has 20 scheduled changes: cancel some"
    asked(api, "DELETE", path_of(change=last["id"]))
    schedule(api, MAY, 1)
    for method in ("GET", "PUT", "DELETE"):
        for path in (path_of(change=999), path_of(OTHER, first["id"])):
            asked(api, method, path, {"licenseCount": 1} if method == "PUT" else None, 404)


def test_the_total_is_checked_against_the_purchase_type_that_earlier_changes_will_have_set(api: Api) -> None:
    schedule(api, MAY, purchaseType="TS-HFOTA-EVNT")
    reason = "an account with only TS-HFOTA-EVNT has no monthly licenses: licenseCount must be 0"
    assert schedule(api, "2026-05-02T00:00:00Z", 3, 400)["detail"] == reason
    schedule(api, APRIL, 3)
    schedule(api, "2026-05-02T00:00:00Z", 3, purchaseType=BOTH)
    asked(api, "POST", "/clock", {"to": "2026-06-01T00:00:00Z"})
    assert (api.pool()["licenseCount"], api.pool()["purchaseType"]) == (3, BOTH)


def test_a_snapshot_has_scheduled_changes_a_copy_has_none_and_a_reset_forgets_them(api: Api) -> None:
    made = schedule(api, APRIL, 3)
    snapshot = api.control("GET", "/snapshot").json()
    assert api.control("POST", f"/accounts/{ACCOUNT}/copies", {"name": "copy"}).status_code == 201
    assert asked(api, "GET", path_of("copy"))["scheduledChanges"] == []
    assert api.control("POST", "/reset").status_code < 300
    assert asked(api, "GET", "/scheduled-changes")["scheduledChanges"] == []
    assert api.control("PUT", "/snapshot", snapshot).status_code < 300
    assert read(api, made["id"]) == made
    asked(api, "POST", "/clock", {"to": APRIL})
    assert read(api, made["id"])["state"] == "done"
