"""The page of alerts: rules, open alerts, silence, acknowledgement, test messages and the stop rule."""

from __future__ import annotations

from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, Api

RULE = {"name": "Nearly full", "kind": "freeLicenses", "threshold": "1000", "enabled": "1", "account": ACCOUNT}
TARGET = "http://127.0.0.1:9/hook"


def test_rules_are_saved_and_alerts_acknowledged(console: Browser, api: Api) -> None:
    page = words_of(console.get("/alerts"))
    assert "No alerts yet." in page
    assert "No alert rules." in page
    saved = console.post("/alerts/rules", {**RULE, "targets": TARGET})
    assert notice_of(saved) == "Alert rule Nearly full saved."
    api.control("POST", "/clock", {"advance": "PT2M"})
    page = words_of(console.get("/alerts?state=open"))
    assert "licenses are available" in page
    (alert,) = api.control("GET", "/alerts").json()["alerts"]
    noted = console.post("/alerts/acknowledge", {"alert": str(alert["id"]), "note": "ordered"})
    assert notice_of(noted) == f"Alert {alert['id']} acknowledged."
    assert ": ordered" in words_of(noted)
    silenced = console.post("/alerts/rules/silence", {"name": "Nearly full", "until": "2030-01-01T08:00"})
    assert "Silenced until 2030-01-01" in words_of(silenced)
    assert "Test message queued for 1 target." in notice_of(console.post("/alerts/rules/test", {"name": "Nearly full"}))
    page = words_of(console.get("/callbacks"))
    assert "Events are posted to 0 listeners of 0 accounts." in page
    assert "Alerts" in page
    (delivery, *_) = api.control("GET", "/deliveries").json()["deliveries"]
    assert "a message about alerts" in words_of(console.get(f"/callbacks/{delivery['id']}"))
    console.post("/alerts/rules/delete", {"name": "Nearly full"})
    assert "No alert rules." in words_of(console.get("/alerts"))
    actions = [one["action"] for one in api.control("GET", "/audit-log").json()["entries"]]
    expected = {"setAlertRule", "acknowledgeAlert", "silenceAlertRule", "testAlertRule", "deleteAlertRule"}
    assert expected <= set(actions)


def test_a_rule_that_makes_no_sense_is_refused_and_what_was_typed_stays(console: Browser) -> None:
    page = console.post("/alerts/rules", {**RULE, "kind": "usedShare"}, status=400)
    assert "Nothing was changed." in words_of(page)
    assert 'value="Nearly full"' in page
    console.post("/alerts/rules/test", {"name": "none"}, status=404)


def test_the_stop_rule_is_set(console: Browser, api: Api) -> None:
    saved = console.post("/alerts/stop-rule", {"percent": "30", "devices": "20", "account": ""})
    assert notice_of(saved) == "Stop rule of all accounts saved."
    assert "at least 30% of at least 20 finished devices" in words_of(saved)
    console.post("/alerts/stop-rule", {"percent": "", "devices": "20", "account": ACCOUNT})
    assert api.control("GET", f"/accounts/{ACCOUNT}/campaign-stop-rule").json()["percent"] is None
    console.post("/alerts/stop-rule", {"percent": "300"}, status=400)


def test_a_rule_for_all_accounts_is_shown(console: Browser, api: Api) -> None:
    rule = {"kind": "freeLicenses", "threshold": 1000}
    assert api.control("PUT", "/alert-rules/Nearly%20full", rule).status_code == 200
    assert "Nearly full" in words_of(console.get("/alerts"))
