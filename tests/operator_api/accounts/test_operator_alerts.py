"""Alert rules, alerts and stop rules by the operator API and by commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.campaigning import CAMPAIGN_SEED, schedule
from fotapool.worker.callbacks.signing import sign
from support.helpers import ACCOUNT, OTHER, Api
from support.receivers import running_receiver

RULE = "/alert-rules/Nearly%20full"
USED = {"kind": "usedShare", "threshold": 1, "account": ACCOUNT}


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(seed=CAMPAIGN_SEED)


def _audited(api: Api) -> list[str]:
    return [one["action"] for one in api.control("GET", "/audit-log").json()["entries"]]


def test_a_rule_is_set_told_acknowledged_silenced_and_deleted(api: Api) -> None:
    with running_receiver() as receiver:
        assert api.control("GET", RULE).status_code == 404
        made = api.control("PUT", RULE, {**USED, "targets": [receiver.url]}).json()
        assert made["name"] == "Nearly full"
        assert (made["account"], made["unit"], made["enabled"]) == (ACCOUNT, "%", True)
        secret = api.control("PUT", "/alerts/signing", {}).json()["secret"]
        assert api.control("POST", f"{RULE}/test").status_code == 200
        happened = api.control("POST", "/clock", {"advance": "PT2M"}).json()["happened"]
        assert "alert began" in [one["what"] for one in happened]
        receiver.wait_for(2)
        for request in receiver.seen:
            at_s = int(request.headers["webhook-timestamp"])
            expected = sign(secret, request.headers["webhook-id"], at_s, request.body)
            assert request.headers["webhook-signature"] == expected
        assert [body["type"] for body in receiver.bodies] == ["alerts.test", "alerts.began"]
    (alert,) = api.control("GET", f"/alerts?state=open&account={ACCOUNT}&kind=usedShare").json()["alerts"]
    assert (alert["rule"], alert["account"], alert["notified"]) == ("Nearly full", ACCOUNT, True)
    noted = api.control("POST", f"/alerts/{alert['id']}/acknowledge", {"note": "ordered"}).json()
    assert (noted["acknowledgedBy"], noted["note"]) == ("operator", "ordered")
    again = api.control("POST", f"/alerts/{alert['id']}/acknowledge", {"note": ""}).json()
    assert again["note"] == "ordered"
    assert api.control("GET", f"/alerts/{alert['id']}").json() == again
    assert api.control("GET", f"/alerts?account={OTHER}").json() == {"alerts": [], "next": None}
    assert 'fotapool_alerts_open{kind="usedShare"} 1.0' in api.http.get("/metrics").text
    silenced = api.control("PUT", f"{RULE}/silence", {"until": "2027-01-01T00:00:00Z"}).json()
    assert silenced["silencedUntil"] == "2027-01-01T00:00:00.000Z"
    assert api.control("PUT", f"{RULE}/silence", {"until": "2020-01-01T00:00:00Z"}).status_code == 409
    (delivery, *_) = api.control("GET", "/deliveries").json()["deliveries"]
    assert (delivery["account"], delivery["event"], delivery["state"]) == ("", "alerts", "delivered")
    assert delivery["listener"].startswith("alerts:")
    assert api.control("POST", f"/deliveries/{delivery['id']}/redeliver").status_code == 200
    assert api.control("DELETE", "/alerts/signing").status_code == 204
    assert api.control("DELETE", RULE).status_code == 204
    assert api.control("GET", "/alert-rules").json() == {"rules": [], "hasMoreData": False}
    assert api.control("GET", "/alerts?state=open").json()["alerts"] == []
    actions = {"setAlertRule", "testAlertRule", "acknowledgeAlert", "silenceAlertRule", "deleteAlertRule"}
    assert actions <= set(_audited(api))


def test_a_scheduled_change_is_announced_until_it_is_canceled(api: Api) -> None:
    changes = f"/accounts/{ACCOUNT}/subscription/scheduled-changes"
    planned = {"dueTime": "2026-03-12T13:00:00Z", "licenseCount": 30}
    assert api.control("POST", changes, planned).status_code == 201
    assert api.control("PUT", "/alert-rules/Due", {"kind": "scheduledChange", "threshold": 48}).status_code == 200
    begun = []
    for duration in ("PT30M", "PT1H"):
        happened = api.control("POST", "/clock", {"advance": duration}).json()["happened"]
        begun.append([one["what"] for one in happened])
    assert begun == [[], ["alert began"]]
    (alert,) = api.control("GET", "/alerts?state=open").json()["alerts"]
    assert alert["text"] == "scheduled change 1 of the subscription is due at 2026-03-12T13:00:00.000Z"
    assert api.control("DELETE", f"{changes}/1").status_code == 200
    api.advance("PT2M")
    assert api.control("GET", "/alerts?state=open").json()["alerts"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "temperature", "threshold": 1}, 400),
        ({"kind": "usedShare", "threshold": 101}, 409),
        ({"kind": "usedShare", "threshold": 1, "targets": ["mailto:a@example.com"]}, 409),
        ({"kind": "usedShare", "threshold": 1, "account": "nobody"}, 404),
    ],
)
def test_rules_that_make_no_sense_are_refused(api: Api, body: dict[str, object], status: int) -> None:
    assert api.control("PUT", RULE, body).status_code == status
    assert api.control("GET", "/alert-rules").json()["rules"] == []


def test_rules_and_alerts_are_in_snapshots(api: Api) -> None:
    api.control("PUT", RULE, {**USED, "targets": ["http://127.0.0.1:9/hook"]})
    api.control("PUT", "/campaign-stop-rule", {"percent": 20})
    api.control("POST", "/clock", {"advance": "PT2M"})
    before = {path: api.control("GET", path).json() for path in ("/alerts", "/alert-rules", "/campaign-stop-rule")}
    assert len(before["/alerts"]["alerts"]) == 1
    snapshot = api.control("GET", "/snapshot").content
    api.control("DELETE", RULE)
    assert api.control("PUT", "/snapshot", content=snapshot).status_code == 204
    assert {path: api.control("GET", path).json() for path in before} == before
    assert api.control("GET", "/snapshot").content == snapshot


def test_stop_rules_of_the_server_and_of_accounts(api: Api) -> None:
    path = f"/accounts/{ACCOUNT}/campaign-stop-rule"
    nothing = {"percent": None, "devices": None, "setFor": "nothing"}
    assert api.control("GET", "/campaign-stop-rule").json() == api.control("GET", path).json() == nothing
    assert api.control("PUT", "/campaign-stop-rule", {"percent": 20}).json()["devices"] == 10
    assert api.control("GET", path).json() == {"percent": 20, "devices": 10, "setFor": "server"}
    assert api.control("PUT", path, {}).json() == {"percent": None, "devices": None, "setFor": "account"}
    assert api.control("DELETE", path).status_code == 204
    assert api.control("DELETE", path).status_code == 404
    assert api.control("GET", path).json()["setFor"] == "server"
    assert api.control("PUT", path, {"percent": 101}).status_code == 400
    campaign = schedule(api, 3)
    detail = api.control("GET", f"/accounts/{ACCOUNT}/campaigns/{campaign}").json()
    assert detail["stopped"] is None
    assert {"setStopRule", "setAccountStopRule", "deleteAccountStopRule"} <= set(_audited(api))
