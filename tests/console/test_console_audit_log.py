"""The audit log in the console: each form leaves one entry, each refused one another; the page with its filters."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from campaigning import FLEET, PACKAGE
from console_helpers import Browser, new_client, words_of

from fotapool.console.app import routes
from fotapool.console.app.routes import PAGES
from fotapool.domain.identity import Role
from fotapool.services.audit_log.drafts import AuditDraft
from support.helpers import ACCOUNT, OPERATOR, Api, device

pytestmark = pytest.mark.usefixtures("deliveries_rest")

IN_MEMORY = {"moveClock", "createFault", "deleteFault", "deleteFaults", "clearRequests"}
FORMS = {(page.method, page.path) for page in PAGES if page.changes}
ENDS_ITSELF = ("POST", "/access/operators/retire-start-key")
"""Ends the session of these tests; that it succeeds is in identity/test_console_access.py."""
AT = f"/accounts/{ACCOUNT}"
LISTENER_URL = "https://listener.example/events"


@dataclass
class Operator:
    """Sends the forms of an operator, and finds their entries by request id."""

    api: Api
    browser: Browser
    sent: set[tuple[str, str]]
    number: int = 0

    def send(self, path: str, data: dict[str, Any], **options: Any) -> tuple[Any, str]:
        self.number += 1
        request = f"form-{id(self) % 1000}-{self.number}"
        response = self.browser.http.post(
            f"/console{path}",
            data={"csrf": self.browser.csrf, **data},
            headers={"X-Request-Id": request},
            follow_redirects=False,
            **options,
        )
        return response, request

    def entry(self, request: str) -> dict[str, Any]:
        (entry,) = self.api.control("GET", f"/audit-log?requestId={request}").json()["entries"]
        assert entry["via"] == "console"
        found: dict[str, Any] = entry
        return found

    def do(self, path: str, data: dict[str, Any], **options: Any) -> tuple[dict[str, Any], str]:
        """The entry of a form that succeeds, and where it leads to."""
        response, request = self.send(path, data, **options)
        assert response.status_code in (200, 303), words_of(response.text)
        self.sent.add(next(key for key in FORMS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", key[1]), path)))
        entry = self.entry(request)
        assert (entry["outcome"], entry["operator"], entry["role"]) == ("done", "operator", "admin")
        return entry, response.headers.get("location", "").removeprefix("/console")

    def fail(self, path: str, data: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The entry of a form that is refused."""
        response, request = self.send(path, data, **options)
        entry = self.entry(request)
        assert (entry["outcome"], entry["attempts"]) == ("refused", 1), entry
        if response.status_code != 303:
            assert response.status_code == entry["status"]
        assert entry["reason"]
        self.api.advance("PT1M")  # the next refusal has an entry of its own
        return entry

    def mark(self, path: str) -> str:
        found = re.search(r'name="mark" value="(\w+)"', self.browser.get(path))
        assert found is not None
        return found[1]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """By action: whether each successful entry was recorded by the service, in the transaction of its change."""
    found: dict[str, bool] = {}
    given = routes.finish

    async def finish(context: Any, draft: AuditDraft, status: int) -> None:
        if status < 400 and draft.changes and not draft.refused_status:
            found[draft.action] = draft.is_recorded and found.get(draft.action, True)
        await given(context, draft, status)

    monkeypatch.setattr(routes, "finish", finish)
    return found


@pytest.fixture
def world(start: Callable[..., Api]) -> Api:
    return start(FLEET)


@pytest.fixture
def operator(world: Api) -> Operator:
    return Operator(world, Browser(world), set())


def test_every_form_leaves_one_entry_and_a_refused_one_another(operator: Operator, recorded: dict[str, bool]) -> None:
    change_access(operator)
    change_licenses(operator)
    change_account(operator)
    change_campaigns(operator)
    change_callbacks(operator)
    change_alerts(operator)
    change_the_emulator(operator)
    change_lives(operator)
    assert operator.sent == FORMS - {ENDS_ITSELF}
    assert {action for action, in_transaction in recorded.items() if not in_transaction} == IN_MEMORY


def change_access(operator: Operator) -> None:
    entry, _ = operator.do("/access", {"username": "ford", "password": "towel-42", "accounts": ACCOUNT})
    assert (entry["action"], entry["target"]) == ("createUser", "ford")
    assert entry["after"] == {"accounts": [ACCOUNT], "password": "***"}
    entry = operator.fail("/access", {"username": "ford"})
    assert (entry["status"], entry["reason"]) == (400, "user ford exists already")
    operator.do("/access/unlock", {"name": "ford"})
    entry, _ = operator.do("/access/users/ford/accounts", {"accounts": ""})
    assert (entry["action"], entry["target"], entry["after"]) == ("changeUser", "ford", {"accounts": []})
    entry, _ = operator.do("/access/users/ford/password", {"password": "towel-43"})
    assert (entry["action"], entry["after"]) == ("setUserPassword", {"password": "***"})
    operator.fail("/access/users/none/accounts", {"accounts": ""})
    (session,) = operator.api.control("GET", "/sessions").json()["sessions"]
    operator.do("/access/sessions/end", {"kind": "user", "id": session["id"], "shown": ""})
    operator.fail("/access/sessions/end", {"kind": "user", "id": session["id"], "shown": ""})
    operator.do("/access/sessions/end-all", {"kind": "user", "name": "ford", "shown": "ford"})
    operator.do("/retention/purge", {})
    operator.do("/access/delete", {"name": "ford"})
    assert operator.fail("/access/delete", {"name": "ford"})["status"] == 404
    operator.do("/access/clients", {"key": "program"})
    operator.do("/access/clients/rotate", {"name": "program", "overlap": "P1D"})
    operator.do("/access/clients/delete", {"name": "program"})
    operator.do("/access/operators", {"name": "night", "role": "viewer"})
    operator.fail("/access/operators", {"name": "night", "role": "viewer"})
    operator.do("/access/operators/rotate", {"name": "night", "overlap": "P1D"})
    operator.fail("/access/operators/retire-start-key", {"name": "operator"})
    operator.do("/access/operators/delete", {"name": "night"})
    entry, _ = operator.do(f"{AT}/device-keys", {"name": "k", "device": ""})
    assert (entry["action"], entry["account"], entry["targetKind"]) == ("createDeviceKey", ACCOUNT, "device key")
    operator.do(f"{AT}/device-keys/rotate", {"name": "k", "overlap": "P1D"})
    operator.do(f"{AT}/device-keys/delete", {"name": "k"})
    operator.fail(f"{AT}/device-keys", {"name": "k", "device": "x"})


def change_licenses(operator: Operator) -> None:
    path = f"{AT}/licenses"
    entry, job = operator.do(path, {"verb": "remove", "list": device(1)})
    assert (entry["action"], entry["after"]) == ("createBulkJob", {"verb": "remove", "devices": 1})
    assert operator.fail(path, {"verb": "remove", "list": ""})["reason"].startswith("there is no list")
    entry, _ = operator.do(f"{job}/start", {})
    assert (entry["targetKind"], entry["account"]) == ("bulk job", ACCOUNT)
    assert operator.fail(f"{job}/start", {})["status"] == 409
    _, job = operator.do(path, {"verb": "remove", "list": device(2)})
    operator.do(f"{job}/stop", {})
    path = f"{AT}/candidates"
    added = {"how": "append", "list": device(3), "mark": operator.mark(path)}
    entry, _ = operator.do(path, added)
    assert entry["before"] == {"count": 0, "devices": []}
    assert entry["after"] == {"count": 1, "devices": [device(3)]}
    assert operator.fail(path, added)["status"] == 409
    operator.do(f"{path}/order", {"act": f"top {device(3)}", "mark": operator.mark(path)})
    operator.do(f"{path}/empty", {"mark": operator.mark(path)})


def change_lives(operator: Operator) -> None:
    """Last: it ends the account."""
    operator.api.control("POST", "/accounts", {"name": "new"})
    operator.do(f"{AT}/description", {"displayName": "n"})
    operator.api.control("POST", f"{AT}/devices", [{"deviceId": f"12345678901234{number}"} for number in range(5)])
    at, lists, one = f"{AT}/devices/12345678901234", f"{AT}/device-lists", {"confirm": ACCOUNT, "to": "new"}
    operator.do(f"{at}0/erase", {})
    operator.do(f"{at}0/move", {"to": "new"})
    operator.do(f"{at}1/delete", {})
    for place, action in enumerate(("erase", "move", "delete"), start=2):
        operator.do(f"{lists}/{action}", {**one, "list": f"12345678901234{place}"})
    assert operator.fail(f"{lists}/delete", {"list": "123456789012342"})["status"] == 400
    entry, _ = operator.do(f"{AT}/close", {"confirm": ACCOUNT})
    assert entry["action"] == "closeAccount"


def change_account(operator: Operator) -> None:
    entry, _ = operator.do("/pools", {"name": "new", "licenseCount": "3", "purchaseType": "TS-HFOTA-MRC"})
    assert (entry["action"], entry["target"], entry["account"]) == ("createAccount", "new", "new")
    assert operator.fail("/pools", {"name": "new", "purchaseType": "TS-HFOTA-MRC"})["status"] == 409
    path = f"{AT}/subscription"
    entry, _ = operator.do(path, {"total": "40", "mark": operator.mark(f"{path}?total=40")})
    counts = [entry[member]["licenseCount"] for member in ("before", "after")]
    assert (entry["action"], *counts) == ("changeSubscription", 25, 40)
    assert "preview the change first" in operator.fail(path, {"total": "41"})["reason"].lower()
    operator.api.subscribe(0)
    change = operator.api.ledger()[-1]["change"]
    operator.api.subscribe(40)
    undo = f"{AT}/ledger/changes/{change}/undo"
    entry, _ = operator.do(undo, {})
    assert (entry["action"], entry["target"], entry["after"]["undone"]) == ("undoReduction", str(change), change)
    assert "was undone by change" in operator.fail(undo, {})["reason"]
    scheduled = f"{path}/scheduled-changes"
    entry, _ = operator.do(scheduled, {"total": "41"})
    assert (entry["action"], entry["after"]["licenseCount"]) == ("scheduleSubscriptionChange", 41)
    assert "is due at that time" in operator.fail(scheduled, {"total": "42"})["reason"]
    edit = f"{scheduled}/{entry['target']}"
    entry, _ = operator.do(edit, {"total": "42"})
    assert (entry["action"], entry["after"]) == ("editScheduledChange", {"licenseCount": 42})
    assert "in the past" in operator.fail(edit, {"total": "42", "dueTime": "2026-03-01"})["reason"]
    entry, _ = operator.do(f"{edit}/cancel", {})
    assert (entry["action"], entry["after"]) == ("cancelScheduledChange", {"state": "canceled"})
    assert "it cannot be edited or canceled" in operator.fail(f"{edit}/cancel", {})["reason"]
    operator.do(f"{AT}/status", {"status": "suspended"})
    operator.do(f"{AT}/status", {"status": "active"})
    operator.fail(f"{AT}/status", {"status": "odd"})
    imported = {"file": ("a.csv", f"deviceId\n{device(500)}\n")}
    entry, _ = operator.do(f"{AT}/devices/import", {}, files=imported)
    assert (entry["action"], entry["after"]) == ("importDevices", {"imported": 1, "licensed": 0})
    operator.fail(f"{AT}/devices/import", {})
    entry, _ = operator.do(f"{AT}/devices/{device(5)}/upgrade", {"status": "scheduled"})
    assert (entry["targetKind"], entry["target"], entry["account"]) == ("device", device(5), ACCOUNT)
    operator.fail(f"{AT}/devices/{device(5)}/upgrade", {"status": "odd"})


def change_campaigns(operator: Operator) -> None:
    today = operator.api.control("GET", "/clock").json()["now"][:10]
    form = {"kind": "v2", "package": PACKAGE, "name": "N", "start": today, "end": today, "devices": device(7)}
    entry, campaign = operator.do(f"{AT}/campaigns/new", form)
    assert (entry["action"], entry["targetKind"]) == ("scheduleCampaign", "campaign")
    assert entry["target"] == campaign.rpartition("/")[2]
    operator.fail(f"{AT}/campaigns/new", {**form, "package": "none"})
    entry, _ = operator.do(f"{campaign}/dates", {"start": today, "end": "2026-03-14"})
    assert (entry["before"]["endDate"], entry["after"]["endDate"]) == (today, "2026-03-14")
    operator.fail(f"{campaign}/dates", {"start": today, "end": "2020-01-01"})
    entry, _ = operator.do(f"{campaign}/cancel", {})
    assert (entry["action"], entry["target"]) == ("cancelCampaign", campaign.rpartition("/")[2])


def change_alerts(operator: Operator) -> None:
    rule = {"name": "few", "kind": "freeLicenses", "threshold": "1000", "account": ACCOUNT, "enabled": "1"}
    entry, _ = operator.do("/alerts/rules", {**rule, "targets": LISTENER_URL})
    assert (entry["action"], entry["targetKind"], entry["target"]) == ("setAlertRule", "alert rule", "few")
    assert operator.fail("/alerts/rules", {**rule, "threshold": "-1"})["status"] == 400
    operator.api.advance("PT2M")
    (alert,) = operator.api.control("GET", "/alerts").json()["alerts"]
    entry, _ = operator.do("/alerts/acknowledge", {"alert": str(alert["id"]), "note": "ordered"})
    assert (entry["action"], entry["after"]) == ("acknowledgeAlert", {"acknowledgedBy": "operator", "note": "ordered"})
    assert operator.fail("/alerts/acknowledge", {"alert": "999"})["status"] == 404
    entry, _ = operator.do("/alerts/rules/silence", {"name": "few", "until": "2027-01-01T00:00"})
    assert entry["action"] == "silenceAlertRule"
    entry, _ = operator.do("/alerts/rules/test", {"name": "few"})
    assert (entry["action"], entry["after"]) == ("testAlertRule", {"targets": [LISTENER_URL]})
    entry, _ = operator.do("/alerts/rules/delete", {"name": "few"})
    assert entry["action"] == "deleteAlertRule"
    assert operator.fail("/alerts/rules/delete", {"name": "few"})["status"] == 404
    entry, _ = operator.do("/alerts/stop-rule", {"percent": "20", "devices": "50"})
    assert (entry["action"], entry["after"]) == ("setStopRule", {"percent": 20, "devices": 50})


def give_up_deliveries(api: Api) -> int:
    """Makes all deliveries failed ones; returns the latest."""
    connection = api.server.database.connect(writes=True)
    connection.begin()
    connection.execute("UPDATE delivery SET state = 3, ended_ms = 1, due_ms = NULL")
    ((delivery,),) = connection.fetch("SELECT max(id) FROM delivery")
    connection.commit()
    connection.close()
    return int(delivery)


def change_callbacks(operator: Operator) -> None:
    api = operator.api
    api.sign_in()
    assert api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": LISTENER_URL}).status_code == 200
    package = {"firmwareName": "fw", "make": "Make", "model": "M", "fromVersion": "1", "toVersion": "3"}
    entry, path = operator.do("/firmware", {**package, "protocol": "LWM2M", "platformId": "p"})
    assert (entry["action"], entry["targetKind"], entry["target"]) == ("createFirmware", "package", "fw")
    assert operator.fail("/firmware", {**package, "protocol": "odd"})["reason"].startswith("Protocol must be one of")
    entry, _ = operator.do(f"{path}/content", {}, files={"content": ("image.bin", b"x")})
    assert (entry["action"], entry["target"], entry["after"]["size"]) == ("setContent", "fw", 1)
    operator.fail(f"{path}/content", {})
    entry, _ = operator.do(f"{path}/release-note", {"releaseNote": "n"})
    assert (entry["action"], entry["after"]) == ("changeFirmware", {"releaseNote": "n"})
    entry, _ = operator.do(f"{path}/pilot-rule", {"lifted": "1"})
    assert (entry["before"], entry["after"]) == ({"proven": False}, {"proven": True})
    entry, _ = operator.do(f"{path}/delete", {})
    assert (entry["action"], entry["before"]["toVersion"]) == ("deleteFirmware", "3")
    assert operator.fail(f"{path}/delete", {})["status"] == 404
    delivery = give_up_deliveries(api)
    entry, _ = operator.do(f"/callbacks/{delivery}/redeliver", {})
    assert (entry["targetKind"], entry["target"], entry["account"]) == ("delivery", str(delivery), ACCOUNT)
    assert operator.fail("/callbacks/99999/redeliver", {})["status"] == 404
    entry, _ = operator.do(f"{AT}/callbacks/retry", {"listener": "v3"})
    assert (entry["action"], entry["targetKind"], entry["target"]) == ("retryListener", "listener", "v3")
    assert operator.fail(f"{AT}/callbacks/retry", {"listener": "v1"})["status"] == 404
    give_up_deliveries(api)
    entry, _ = operator.do(f"{AT}/callbacks/redeliver", {})
    assert (entry["action"], entry["account"], entry["before"]) == ("redeliverFailed", ACCOUNT, {"state": "failed"})
    operator.do(f"{AT}/callbacks/signing", {})
    operator.do(f"{AT}/callbacks/signing/off", {})
    assert operator.fail(f"{AT}/callbacks/signing/off", {})["status"] == 404
    entry, _ = operator.do(f"{AT}/callbacks/deregister", {"listener": "v3"})
    assert entry["before"] == {"url": LISTENER_URL, "username": None, "password": None}
    assert operator.fail(f"/callbacks/{delivery}/redeliver", {})["status"] == 409


def change_the_emulator(operator: Operator) -> None:
    entry, _ = operator.do("/emulator/faults", {"kind": "before"})
    assert (entry["action"], entry["after"]) == ("createFault", {"match": {}, "action": {"drop": "before"}})
    operator.fail("/emulator/faults", {"kind": "odd"})
    operator.do("/emulator/faults/delete", {"rule": entry["target"]})
    operator.fail("/emulator/faults/delete", {"rule": entry["target"]})
    operator.do("/emulator/faults/clear", {})
    operator.do("/emulator/requests", {})
    entry, _ = operator.do("/emulator/clock", {"by": "PT1M"})
    assert (entry["action"], sorted(entry["before"])) == ("moveClock", ["now"])
    operator.fail("/emulator/clock", {})
    operator.do("/emulator/snapshots/copy", {"account": ACCOUNT, "name": "copy"})
    operator.fail("/emulator/snapshots/copy", {"account": ACCOUNT, "name": "copy"})
    response, request = operator.send("/emulator/snapshots/download", {})
    assert response.status_code == 200
    assert operator.api.control("GET", f"/audit-log?requestId={request}").json()["entries"] == []
    restored = {"file": ("snapshot.json", response.content)}
    operator.do("/emulator/snapshots/restore", {"sure": "1"}, files=restored)
    operator.fail("/emulator/snapshots/restore", {})
    operator.fail("/emulator/clock/reset", {})
    operator.do("/emulator/clock/reset", {"sure": "1"})


def test_a_form_without_the_role_or_of_another_session_is_an_entry(world: Api) -> None:
    key = world.control("POST", "/operators", {"name": "watcher", "role": "viewer"}).json()["key"]
    viewer = Operator(world, Browser(world, key), set())
    for page in PAGES:
        if page.changes:
            response, request = viewer.send(page.path.replace("{account}", ACCOUNT), {})
            entry = viewer.entry(request)
            assert (response.status_code, entry["status"], entry["action"]) == (403, 403, page.audited_action)
            assert (entry["operator"], entry["role"]) == ("watcher", Role.VIEWER.value)
            world.advance("PT1M")
    response, request = viewer.send("/access", {"csrf": "wrong"})
    assert (response.status_code, viewer.entry(request)["reason"]) == (
        403,
        "The form belongs to another session. Nothing was changed.",
    )


def test_signing_in_and_out_are_entries_and_wrong_keys_are_counted(api: Api) -> None:
    console = Browser(api)
    console.http.post("/console/sign-out", data={"csrf": console.csrf})
    new_client(api).post("/console/sign-in", data={"key": "wrong"})
    counted = api.server.context.wrong_keys.drain()
    found = api.control("GET", "/audit-log?target=operator").json()["entries"]
    assert [(one["action"], one["operator"], one["role"]) for one in found] == [
        ("signOut", "operator", "admin"),
        ("signIn", "operator", "admin"),
    ]
    listed = api.control("GET", "/audit-log?action=signIn&outcome=refused").json()["entries"]
    assert [one.attempts for one in counted] + [one["attempts"] for one in listed] == [1]


def test_the_page_shows_filters_and_exports_the_entries(console: Browser, api: Api) -> None:
    api.control("POST", "/users", {"username": "ford", "accounts": [ACCOUNT]})
    api.control("PUT", f"{AT}/subscription", {"licenseCount": 9})
    api.control("DELETE", "/users/none")
    page = words_of(console.get("/audit-log"))
    assert "operator (admin) createUser user ford done" in page
    assert "licenseCount: 5 → 9" in page
    assert "operator (admin) deleteUser user none refused user none does not exist" in page
    assert "Entries are stored for 365 days ( stored data )." in page
    assert "password: none → ***" in page
    refused = words_of(console.get("/audit-log?outcome=refused"))
    assert ("deleteUser" in refused, "createUser user" in refused) == (True, False)
    assert "No entries match." in words_of(console.get("/audit-log?operator=nobody"))
    assert "changeSubscription" in console.get(f"/audit-log?account={ACCOUNT}&since=2026-03-10&until=2026-03-10")
    assert "No entries match." in words_of(console.get(f"/audit-log?account={ACCOUNT}&until=2026-03-09"))
    assert "since must be a date" in words_of(console.get("/audit-log?since=x", 400)).lower()
    sent = console.http.get("/console/audit-log/entries.csv?action=createUser")
    (row,) = csv.DictReader(io.StringIO(sent.text))
    assert (row["target"], row["outcome"], row["via"]) == ("ford", "done", "operator-api")


def test_long_logs_have_pages_and_every_role_may_read_them(api: Api) -> None:
    for number in range(60):
        api.control("POST", "/accounts", {"name": f"a{number}"})
    key = api.control("POST", "/operators", {"name": "watcher", "role": "viewer"}).json()["key"]
    viewer = Browser(api, key)
    page = viewer.get("/audit-log?action=createAccount")
    assert len(re.findall("<td>createAccount</td>", page)) == 50
    following = re.search(r'<a href="([^"]+)" rel="next">', page)
    assert following is not None
    rest = viewer.get(f"/audit-log{following[1].replace('&amp;', '&')}")
    assert len(re.findall("<td>createAccount</td>", rest)) == 10
    assert OPERATOR not in page + rest
