"""Closing an account: what it holds ends by the rules, its records stay, and nothing opens it again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.helpers import ACCOUNT, OTHER, Api, device, devices

HERE = f"/accounts/{ACCOUNT}"
PACKAGE = {"firmwareName": "F", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}


def close(api: Api, status: int = 200, query: str = "", **options: Any) -> Any:
    response = api.control("POST", f"{HERE}/closure{query}", **options)
    assert response.status_code == status, response.text
    return response.json()


def schedule(api: Api, *numbers: int, start: str) -> str:
    api.control("POST", "/firmware", [PACKAGE])
    body = {
        "campaignName": "c",
        "firmwareName": "F",
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "startDate": start,
        "endDate": "2026-03-20",
        "deviceList": devices(*numbers),
    }
    response = api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body)
    assert response.status_code == 200, response.text
    uuid: str = response.json()["id"]
    return uuid


def campaign(api: Api, uuid: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.control("GET", f"{HERE}/campaigns/{uuid}").json()["campaign"]
    return answer


def test_licenses_and_campaigns_end_upgrades_in_progress_finish_and_records_stay(api: Api) -> None:
    api.assign(0, 1, 2)
    api.candidates(1, 7)
    plans = f"{HERE}/subscription/scheduled-changes"
    plan = api.control("POST", plans, {"dueTime": "nextBillingMonth", "licenseCount": 3}).json()
    waiting = schedule(api, 0, 1, start="2026-03-15")
    api.advance("PT1H")
    api.upgrade(2, "inProgress")
    api.upgrade(9, "scheduled")
    expected = {
        "account": ACCOUNT,
        "preview": True,
        "campaignsEnded": 1,
        "upgradesInProgress": 1,
        "licensesEnded": 2,
        "licensesUnderNotice": 1,
        "noticeUntil": "2026-05-01T00:00:00.000Z",
    }
    assert close(api, query="?preview=true") == expected
    assert api.pool()["status"] == "active"
    assert close(api) == expected | {"preview": False}
    api.advance("PT1M")
    account = api.pool()
    assert (account["status"], account["licenseCount"], account["licenseUsedCount"]) == ("closed", 0, 1)
    assert (account["underNotice"], account["candidates"]) == (1, 0)
    assert campaign(api, waiting)["status"] == "canceled"
    assert api.control("GET", f"{plans}/{plan['id']}").json()["state"] == "canceled"
    states = {number: api.control("GET", f"{HERE}/devices/{device(number)}").json()["device"] for number in (0, 2, 9)}
    assert [one["openUpgrade"] for one in states.values()] == [None, "inProgress", None]
    api.assert_consistent()
    api.upgrade(2, "completed")
    api.advance("P60D")
    assert api.pool()["licenseUsedCount"] == 0
    for path in ("/ledger", "/statements", "/statements/2026-03", "/audit", f"/devices/{device(2)}", "/campaigns"):
        assert api.control("GET", HERE + path).status_code == 200, path
    assert api.ledger()[-1]["what"] == "reclaimed"
    entry = api.control("GET", "/audit-log?action=closeAccount").json()["entries"][0]
    assert entry["after"] == {
        "status": "closed",
        "licenseCount": 0,
        "campaignsEnded": 1,
        "upgradesInProgress": 1,
        "licensesEnded": 2,
        "licensesUnderNotice": 1,
        "scheduledChangesCanceled": 1,
    }
    api.assert_consistent()


def test_a_running_campaign_is_stopped_and_its_devices_are_canceled_in_steps(api: Api) -> None:
    api.subscribe(20)
    api.assign(*range(15))
    running = schedule(api, *range(15), start="2026-03-11")
    api.advance("P1D")
    assert campaign(api, running)["status"] == "running"
    close(api)
    api.advance("PT1M")
    assert campaign(api, running)["status"] == "aborted"
    api.assert_consistent()


def test_a_closed_account_takes_no_changes_and_is_never_opened_again(api: Api) -> None:
    plan = {"dueTime": "nextBillingMonth", "licenseCount": 3}
    close(api)
    for answer in (
        api.call("GET", f"/v3/licenses/{ACCOUNT}?lastSeenDeviceId=0"),
        api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(0)}),
    ):
        assert (answer.status_code, "Inactive account" in answer.text) == (400, True)
    refused = [
        close(api, 409),
        api.control("PUT", f"{HERE}/status", {"status": "active"}).json(),
        api.control("PUT", f"{HERE}/subscription", {"licenseCount": 3}).json(),
        api.control("POST", f"{HERE}/subscription/scheduled-changes", plan).json(),
        api.control("POST", f"{HERE}/devices", [{"deviceId": device(70)}]).json(),
        api.control("PUT", f"{HERE}/devices/{device(0)}/upgrade", {"status": "scheduled"}).json(),
        api.control("POST", f"{HERE}/copies", {"name": "copy"}).json(),
        api.control("POST", f"/accounts/{OTHER}/device-moves?to={ACCOUNT}", []).json(),
    ]
    words = f"account {ACCOUNT} is closed: it cannot be changed or opened again"
    assert [one["detail"].startswith(words) for one in refused] == [True] * len(refused)
    assert api.control("PUT", f"{HERE}/status", {"status": "closed"}).status_code == 400
    streamed = api.control(
        "POST", f"{HERE}/devices", [{"deviceId": device(70)}], headers={"Accept": "application/x-ndjson"}
    )
    assert "is closed" in streamed.text
    moved = api.control("POST", f"{HERE}/device-moves?to={OTHER}", [{"deviceId": device(0)}]).json()
    assert moved["done"] == 1  # what is left of it can be taken along
    snapshot = api.control("GET", "/snapshot").json()
    assert api.control("PUT", "/snapshot", snapshot).status_code in (200, 204)
    assert api.pool()["status"] == "closed"
    api.assert_consistent()


def test_only_admins_close_accounts(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "editor", "role": "editor"}).json()["key"]
    close(api, 403, headers={"Authorization": f"Bearer {key}"})
    assert api.pool()["status"] == "active"


def test_listeners_end_when_nothing_is_due_to_them(api: Api) -> None:
    register = {"url": "http://127.0.0.1:9/nowhere"}
    assert api.call("POST", f"/v3/callbacks/{ACCOUNT}", register).status_code == 200
    api.assign(0)
    api.upgrade(0, "inProgress")
    close(api)
    api.advance("P1D")
    listeners = f"{HERE}/listeners"
    assert len(api.control("GET", listeners).json()["listeners"]) == 1  # an upgrade is in progress
    api.upgrade(0, "completed")
    api.advance("P1D")
    assert api.control("GET", listeners).json()["listeners"] == []


def test_closing_beside_other_changes_leaves_nothing_open(api: Api) -> None:
    api.subscribe(10)
    api.assign(0, 1)

    def act(number: int) -> None:
        if number == 6:
            close(api)
        api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(number)})
        api.control("PUT", f"{HERE}/subscription", {"licenseCount": number})
        api.control("PUT", f"{HERE}/devices/{device(number)}/upgrade", {"status": "scheduled"})
        api.control("POST", f"{HERE}/device-moves?to={OTHER}", [{"deviceId": device(number)}])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(act, range(12)))
    assert (api.pool()["licenseCount"], api.pool()["licenseUsedCount"]) == (0, 0)
    rows = api.control("GET", f"{HERE}/devices").json()["devices"]
    assert {row["openUpgrade"] for row in rows} <= {None}
    api.assert_consistent()
    api.assert_consistent(OTHER)
