"""The overview: issues in order of severity with the page that fixes each, and sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.campaigning import CAMPAIGN_SEED, HTTP, imeis, schedule
from fotapool.domain.identity import MAX_FAILED_LOGINS
from support.helpers import ACCOUNT, OTHER, Api


def read(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.control("GET", "/overview").json()
    return found


def issues(api: Api) -> list[tuple[str, str, str]]:
    return [(one["severity"], one["kind"], one["link"]) for one in read(api)["issues"]]


@pytest.fixture
def campaigning(start: Callable[..., Api]) -> Api:
    return start(seed=CAMPAIGN_SEED, callback_private_targets=False)


def test_a_quiet_server_has_no_issues_and_its_sums(campaigning: Api) -> None:
    found = read(campaigning)
    assert found["issues"] == []
    assert found["accounts"] == {"accounts": 2, "attention": 0, "full": 0, "over": 0, "soon": 0, "suspended": 0}
    assert found["licenses"] == {"total": 35, "used": 15, "free": 20, "notice": 0}
    assert [one["account"] for one in found["fullest"]] == [ACCOUNT, OTHER]
    assert (found["campaignsRunning"], found["callbacksWaiting"], found["oldestCallback"]) == (0, 0, None)


def test_each_issue_has_its_severity_and_the_page_that_fixes_it(campaigning: Api) -> None:
    api = campaigning
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": imeis(HTTP, 7)})
    uuid = schedule(api, 2, deviceList=imeis(HTTP, 7), startDate="2026-03-11", endDate="2026-03-15")
    api.advance("P1D")
    api.sign_in()
    for imei in imeis(HTTP, 5):
        api.control("PUT", f"/accounts/{ACCOUNT}/devices/{imei}/upgrade", {"status": "inProgress"})
        api.control("PUT", f"/accounts/{ACCOUNT}/devices/{imei}/upgrade", {"status": "failed"})
    api.call("POST", f"/v3/callbacks/{OTHER}", {"url": "https://receiver.invalid/"})
    package = {"firmwareName": "F", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "9"}
    api.control(
        "POST",
        f"/accounts/{OTHER}/devices",
        [{"deviceId": "880000000000000", "make": "Verizon", "model": "Model-A", "firmware": "1"}],
    )
    api.control("POST", "/firmware", package)
    api.advance("PT1H")
    api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 17})
    api.control("POST", "/accounts", {"name": "near", "licenseCount": 20})
    lines = [{"deviceId": f"{770000000000000 + number}", "licensedAt": "2026-03-10T12:00:00Z"} for number in range(19)]
    api.control("POST", "/accounts/near/devices", lines)
    api.sign_in()
    for _ in range(MAX_FAILED_LOGINS):
        assert api.log_in(password="wrong").status_code in (400, 401)
    found = issues(api)
    assert found == [
        ("critical", "listenerFailing", f"/console/accounts/{OTHER}/callbacks"),
        ("critical", "accountsFull", f"/console/accounts/{ACCOUNT}"),
        ("warning", "accountNearlyFull", "/console/accounts/near"),
        ("warning", "campaignFailing", f"/console/accounts/{ACCOUNT}/campaigns/{uuid}"),
        ("warning", "usersLocked", "/console/access"),
    ]
    texts = {one["kind"]: (one["title"], one["text"]) for one in read(api)["issues"]}
    assert texts["accountsFull"] == ("1 account has no licenses left", f"{ACCOUNT}.")
    assert texts["accountNearlyFull"][1].startswith("1 of 20 licenses are available.")
    assert texts["campaignFailing"] == ("100.0% of upgrades fail in SW-H", "5 of 5 finished devices have failed.")
    assert texts["listenerFailing"][1].endswith("0 deliveries wait.")
    api.assert_consistent()


def test_an_open_alert_is_an_issue_until_it_is_acknowledged(campaigning: Api) -> None:
    api = campaigning
    rule = {"kind": "freeLicenses", "threshold": 1000, "account": OTHER}
    assert api.control("PUT", "/alert-rules/Few%20left", rule).status_code == 200
    api.advance("PT2M")
    (issue,) = read(api)["issues"]
    assert (issue["kind"], issue["title"], issue["link"]) == ("alert", f"Alert Few left for {OTHER}", "/console/alerts")
    (alert,) = api.control("GET", "/alerts").json()["alerts"]
    assert issue["text"] == f"{alert['text']}."
    api.control("POST", f"/alerts/{alert['id']}/acknowledge", {})
    assert read(api)["issues"] == []
