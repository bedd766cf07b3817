"""The audit log: each change by an operator is one entry in its transaction, and each refusal is one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from fotapool.operator_api import calls
from fotapool.operator_api.routes import EMULATOR_OPERATIONS, OPERATIONS
from fotapool.services.audit_log.drafts import AuditDraft
from fotapool.services.identity import operators
from support.helpers import ACCOUNT, OPERATOR, OTHER, Api, device

pytestmark = pytest.mark.usefixtures("deliveries_rest")

WITHOUT_CASE = {"retireStartKey"}
"""Ends the key of these tests; its entry is tested with the key in test_operator_keys.py."""
CHANGING = [
    one for one in (*OPERATIONS, *EMULATOR_OPERATIONS) if one.changes and one.audited_action not in WITHOUT_CASE
]
IN_MEMORY = {"moveClock", "createFault", "deleteFault", "deleteFaults", "clearRequests"}
"""What changes nothing in the database: its entry is recorded after the change."""
PACKAGE = {
    "firmwareName": "fw",
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
    "protocol": "LWM2M",
    "platformId": "p",
}
ACCOUNT_PATH = f"/accounts/{ACCOUNT}"
LISTENER_URL = "https://listener.example/events"
RULE, NEW_RULE = "/alert-rules/few", {"kind": "freeLicenses", "threshold": 1000, "account": ACCOUNT}
SET_RULE = ("PUT", RULE, NEW_RULE)
STOP_RULE, FIFTH = "/campaign-stop-rule", {"percent": 20, "devices": 50}


@dataclass(frozen=True)
class Case:
    """A call that succeeds after the calls before it, a call that is refused, and what the entry says."""

    path: str
    options: dict[str, Any] = field(default_factory=dict)
    before: tuple[tuple[str, str, Any], ...] = ()
    refused: tuple[str, dict[str, Any]] | None = None
    target: tuple[str, str] = ("", "")
    changed: tuple[Any, Any] = (None, None)


def with_json(body: Any) -> dict[str, Any]:
    return {"json": body}


BAD = with_json([])
USER = ("POST", "/users", {"username": "ford", "accounts": [ACCOUNT]})
SIGNING = f"{ACCOUNT_PATH}/callbacks/signing"
UPGRADE = f"{ACCOUNT_PATH}/devices/{device(0)}/upgrade"
DEVICE, MISSING = f"{ACCOUNT_PATH}/devices/{device(0)}", f"{ACCOUNT_PATH}/devices/123456789012345"
BAD_TYPE: dict[str, Any] = {"content": b"x", "headers": {"Content-Type": "image/png"}}
KEYS = f"{ACCOUNT_PATH}/device-keys"
SCHEDULED = f"{ACCOUNT_PATH}/subscription/scheduled-changes"
SCHEDULE = ("POST", SCHEDULED, {"dueTime": "nextBillingMonth", "licenseCount": 3})
SECRET = "whsec_" + "A" * 32
ADDED_FAULT = ("POST", "/faults", {"action": {"status": 500}})
FLEET = {
    "first": device(0),
    "count": 2,
    "checkInEvery": "PT30M",
    "upgradeTakes": "PT10M",
    "failAtDownload": 0.0,
    "failAtVerify": 0.0,
    "failAtInstall": 0.5,
    "offline": [],
    "randomSeed": 3,
}
CASES = {
    "createAccount": Case(
        "/accounts",
        with_json({"name": "new", "licenseCount": 3}),
        refused=("/accounts", with_json({"name": ACCOUNT})),
        target=("account", "new"),
        changed=(None, {"purchaseType": "TS-HFOTA-MRC", "licenseCount": 3, "status": "active"}),
    ),
    "changeSubscription": Case(
        f"{ACCOUNT_PATH}/subscription",
        with_json({"licenseCount": 7}),
        refused=(f"{ACCOUNT_PATH}/subscription", with_json({"licenseCount": -1})),
        target=("account", ACCOUNT),
        changed=(
            {"licenseCount": 5},
            {"licenseCount": 7},
        ),
    ),
    "undoReduction": Case(
        f"{ACCOUNT_PATH}/ledger/changes/3/undo",
        before=(
            ("POST", f"{ACCOUNT_PATH}/devices", [{"deviceId": "990000000001234", "licensed": True}]),
            ("PUT", f"{ACCOUNT_PATH}/subscription", {"licenseCount": 0}),
            ("PUT", f"{ACCOUNT_PATH}/subscription", {"licenseCount": 5}),
        ),
        refused=(f"{ACCOUNT_PATH}/ledger/changes/1/undo", {}),
        target=("change", "3"),
        changed=(
            {"licenseUsedCount": 0},
            {"licenseUsedCount": 1, "undone": 3, "change": 5},
        ),
    ),
    "scheduleSubscriptionChange": Case(
        SCHEDULED,
        with_json({"dueTime": "nextBillingMonth", "licenseCount": 3}),
        refused=(SCHEDULED, with_json({"dueTime": "soon", "licenseCount": 3})),
        target=("scheduled change", "1"),
        changed=(None, {"dueTime": "2026-04-01T00:00:00.000Z", "licenseCount": 3, "state": "scheduled"}),
    ),
    "editScheduledChange": Case(
        f"{SCHEDULED}/1",
        with_json({"licenseCount": 4}),
        before=(SCHEDULE,),
        refused=(f"{SCHEDULED}/2", with_json({"licenseCount": 4})),
        target=("scheduled change", "1"),
        changed=({"licenseCount": 3}, {"licenseCount": 4}),
    ),
    "cancelScheduledChange": Case(
        f"{SCHEDULED}/1",
        before=(SCHEDULE,),
        refused=(f"{SCHEDULED}/2", {}),
        target=("scheduled change", "1"),
        changed=({"state": "scheduled"}, {"state": "canceled"}),
    ),
    "setStatus": Case(
        f"{ACCOUNT_PATH}/status",
        with_json({"status": "suspended"}),
        refused=("/accounts/none/status", with_json({"status": "suspended"})),
        target=("account", ACCOUNT),
        changed=({"status": "active"}, {"status": "suspended"}),
    ),
    "describeAccount": Case(
        ACCOUNT_PATH,
        with_json({"displayName": "n"}),
        refused=(ACCOUNT_PATH, with_json({})),
        target=("account", ACCOUNT),
        changed=({"displayName": ""}, {"displayName": "n"}),
    ),
    "closeAccount": Case(
        f"{ACCOUNT_PATH}/closure",
        refused=("/accounts/none/closure", {}),
        target=("account", ACCOUNT),
        changed=({"status": "active", "licenseCount": 5}, {"status": "closed", "licenseCount": 0}),
    ),
    "deleteDevice": Case(
        DEVICE,
        refused=(MISSING, {}),
        target=("device", device(0)),
        changed=(None, {"deleted": 1, "licensesRemoved": 0, "licensesKept": 0}),
    ),
    "moveDevice": Case(
        f"{DEVICE}/account",
        with_json({"account": OTHER}),
        refused=(f"{DEVICE}/account", with_json({"account": "none"})),
        target=("device", device(0)),
        changed=(None, {"to": OTHER, "moved": 1, "licensesRemoved": 0, "licensesKept": 0}),
    ),
    "eraseDevice": Case(
        f"{DEVICE}/personal-data",
        refused=(f"{MISSING}/personal-data", {}),
        target=("device", device(0)),
        changed=(None, {"erased": 1, "mdns": 0, "logs": 0, "failureMessages": 0, "listLines": 0}),
    ),
    "deleteDevices": Case(
        f"{ACCOUNT_PATH}/device-deletions",
        with_json([{"deviceId": device(0)}]),
        refused=(f"{ACCOUNT_PATH}/device-deletions", BAD_TYPE),
        target=("account", ACCOUNT),
        changed=(None, {"deleted": 1, "licensesRemoved": 0, "licensesKept": 0}),
    ),
    "moveDevices": Case(
        f"{ACCOUNT_PATH}/device-moves?to={OTHER}",
        with_json([{"deviceId": device(0)}]),
        refused=(f"{ACCOUNT_PATH}/device-moves?to={OTHER}", BAD_TYPE),
        target=("account", ACCOUNT),
        changed=(None, {"to": OTHER, "moved": 1, "licensesRemoved": 0, "licensesKept": 0}),
    ),
    "eraseDevices": Case(
        f"{ACCOUNT_PATH}/device-erasures",
        with_json([{"deviceId": device(0)}]),
        refused=(f"{ACCOUNT_PATH}/device-erasures", BAD_TYPE),
        target=("account", ACCOUNT),
        changed=(None, {"erased": 1, "mdns": 0, "logs": 0, "failureMessages": 0, "listLines": 0}),
    ),
    "setUpgrade": Case(
        UPGRADE,
        with_json({"status": "scheduled"}),
        refused=(UPGRADE, with_json({"status": "done"})),
        target=("device", device(0)),
        changed=(None, {"status": "scheduled"}),
    ),
    "importDevices": Case(
        f"{ACCOUNT_PATH}/devices",
        with_json([{"deviceId": "990000000001234", "licensed": True}]),
        refused=(f"{ACCOUNT_PATH}/devices", {"content": b"x", "headers": {"Content-Type": "image/png"}}),
        target=("account", ACCOUNT),
        changed=(None, {"imported": 1, "licensed": 1}),
    ),
    "createFirmware": Case(
        "/firmware",
        with_json(PACKAGE),
        refused=("/firmware", with_json({**PACKAGE, "make": ""})),
        target=("package", "fw"),
        changed=(None, {"packages": ["fw"]}),
    ),
    "changeFirmware": Case(
        "/firmware/fw",
        with_json({"proven": True}),
        before=(("POST", "/firmware", PACKAGE),),
        refused=("/firmware/none", with_json({"proven": True})),
        target=("package", "fw"),
        changed=({"proven": False}, {"proven": True}),
    ),
    "deleteFirmware": Case(
        "/firmware/fw",
        before=(("POST", "/firmware", PACKAGE),),
        refused=("/firmware/none", {}),
        target=("package", "fw"),
        changed=(
            {"make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2", "sha256": None},
            None,
        ),
    ),
    "setContent": Case(
        "/firmware/fw/content",
        {"content": b"bytes"},
        before=(("POST", "/firmware", PACKAGE),),
        refused=("/firmware/fw/content", {"content": b""}),
        target=("package", "fw"),
        changed=(
            None,
            {"size": 5, "sha256": "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"},
        ),
    ),
    "createUser": Case(
        "/users",
        with_json({"username": "ford", "password": "towel", "accounts": [ACCOUNT]}),
        refused=("/users", with_json({"username": "zbeeblebrox"})),
        target=("user", "ford"),
        changed=(None, {"accounts": [ACCOUNT], "password": "***"}),
    ),
    "unlockUser": Case(
        "/users/ford/unlock",
        before=(USER,),
        refused=("/users/none/unlock", {}),
        target=("user", "ford"),
        changed=({}, {}),
    ),
    "changeUser": Case(
        "/users/ford",
        with_json({"remove": [ACCOUNT]}),
        before=(USER,),
        refused=("/users/ford", with_json({})),
        target=("user", "ford"),
        changed=({"accounts": [ACCOUNT]}, {"accounts": []}),
    ),
    "setUserPassword": Case(
        "/users/ford/password",
        with_json({"password": "towel-42"}),
        before=(USER,),
        refused=("/users/none/password", with_json({})),
        target=("user", "ford"),
        changed=(None, {"password": "***"}),
    ),
    "endSession": Case(
        "/sessions/{session}",
        refused=("/sessions/user-0000000000000000", {}),
    ),
    "endSessions": Case(
        "/sessions/end",
        with_json({"kind": "user", "name": "ford"}),
        refused=("/sessions/end", with_json({"kind": "user", "name": ""})),
        target=("user", "ford"),
        changed=(None, {"endedSessions": 0}),
    ),
    "purgeData": Case(
        "/retention/purge",
        with_json({"kinds": ["checkIns"]}),
        refused=("/retention/purge", with_json({"kinds": ["none"]})),
        changed=(None, {"checkIns": 0}),
    ),
    "rotateClientSecret": Case(
        "/clients/program/rotate",
        with_json({}),
        before=(("POST", "/clients", {"key": "program"}),),
        refused=("/clients/none/rotate", with_json({})),
        target=("client", "program"),
    ),
    "rotateOperatorKey": Case(
        "/operators/night/rotate",
        with_json({"overlap": "PT0S"}),
        before=(("POST", "/operators", {"name": "night"}),),
        refused=("/operators/none/rotate", with_json({})),
        target=("operator", "night"),
        changed=(None, {"key": "***", "oldKeyExpires": None}),
    ),
    "rotateDeviceKey": Case(
        f"{KEYS}/k/rotate",
        with_json({"overlap": "PT0S"}),
        before=(("POST", KEYS, {"name": "k"}),),
        refused=(f"{KEYS}/none/rotate", with_json({})),
        target=("device key", "k"),
        changed=(None, {"key": "***", "oldKeyExpires": None}),
    ),
    "deleteUser": Case(
        "/users/ford",
        before=(USER,),
        refused=("/users/none", {}),
        target=("user", "ford"),
        changed=({"accounts": [ACCOUNT], "password": "***"}, None),
    ),
    "createClient": Case(
        "/clients",
        with_json({"key": "program", "secret": "hush"}),
        refused=("/clients", with_json({"key": "demo-key"})),
        target=("client", "program"),
        changed=(None, {"secret": "***"}),
    ),
    "deleteClient": Case(
        "/clients/program",
        before=(("POST", "/clients", {"key": "program"}),),
        refused=("/clients/none", {}),
        target=("client", "program"),
        changed=({"secret": "***"}, None),
    ),
    "createOperator": Case(
        "/operators",
        with_json({"name": "night", "role": "viewer"}),
        refused=("/operators", with_json({"name": "operator"})),
        target=("operator", "night"),
        changed=(None, {"role": "viewer", "key": "***"}),
    ),
    "deleteOperator": Case(
        "/operators/night",
        before=(("POST", "/operators", {"name": "night", "role": "editor"}),),
        refused=("/operators/operator", {}),
        target=("operator", "night"),
        changed=({"role": "editor", "key": "***"}, None),
    ),
    "createDeviceKey": Case(
        KEYS,
        with_json({"name": "k", "deviceId": device(0)}),
        refused=(KEYS, with_json({"name": "k", "deviceId": "990000000009999"})),
        target=("device key", "k"),
        changed=(None, {"deviceId": device(0), "key": "***"}),
    ),
    "deleteDeviceKey": Case(
        f"{KEYS}/k",
        before=(("POST", KEYS, {"name": "k", "deviceId": device(0)}),),
        refused=(f"{KEYS}/none", {}),
        target=("device key", "k"),
        changed=({"deviceId": device(0), "key": "***"}, None),
    ),
    "redeliver": Case(
        "/deliveries/1/redeliver",
        before=(("LISTENER", "", None), ("POST", "/firmware", PACKAGE), ("DELIVERED", "", None)),
        refused=("/deliveries/99/redeliver", {}),
        target=("delivery", "1"),
        changed=({"state": "failed"}, {"state": "waiting"}),
    ),
    "redeliverFailed": Case(
        "/deliveries/redeliver",
        with_json({"account": ACCOUNT}),
        before=(("LISTENER", "", None), ("POST", "/firmware", PACKAGE), ("DELIVERED", "", None)),
        refused=("/deliveries/redeliver", with_json({"account": "none"})),
        target=("account", ACCOUNT),
        changed=({"state": "failed"}, {"state": "waiting", "redelivered": 1}),
    ),
    "retryListener": Case(
        f"{ACCOUNT_PATH}/listeners/v3/retry",
        before=(("LISTENER", "", None), ("POST", "/firmware", PACKAGE)),
        refused=(f"{ACCOUNT_PATH}/listeners/v1/retry", {}),
        target=("listener", "v3"),
        changed=({}, {"waiting": 1}),
    ),
    "setAlertRule": Case(
        RULE,
        with_json(NEW_RULE),
        refused=(RULE, with_json({**NEW_RULE, "threshold": -1})),
        target=("alert rule", "few"),
    ),
    "deleteAlertRule": Case(RULE, before=(SET_RULE,), refused=("/alert-rules/none", {}), target=("alert rule", "few")),
    "silenceAlertRule": Case(
        f"{RULE}/silence",
        with_json({"until": "2027-01-01T00:00:00Z"}),
        before=(SET_RULE,),
        refused=(f"{RULE}/silence", with_json({"until": "2020-01-01T00:00:00Z"})),
        target=("alert rule", "few"),
    ),
    "testAlertRule": Case(
        f"{RULE}/test",
        before=(("PUT", RULE, {**NEW_RULE, "targets": [LISTENER_URL]}),),
        refused=("/alert-rules/none/test", {}),
        target=("alert rule", "few"),
        changed=(None, {"targets": [LISTENER_URL]}),
    ),
    "turnOnAlertSigning": Case("/alerts/signing", with_json({"secret": SECRET}), refused=("/alerts/signing", BAD)),
    "turnOffAlertSigning": Case("/alerts/signing", before=(("PUT", "/alerts/signing", {}),)),
    "acknowledgeAlert": Case(
        "/alerts/1/acknowledge",
        with_json({"note": "ordered"}),
        before=(SET_RULE, ("POST", "/clock", {"advance": "PT2M"})),
        refused=("/alerts/9/acknowledge", with_json({})),
        target=("alert", "1"),
    ),
    "setStopRule": Case(
        STOP_RULE,
        with_json(FIFTH),
        refused=(STOP_RULE, with_json({"percent": 0})),
        changed=(None, FIFTH),
    ),
    "deleteStopRule": Case(STOP_RULE, before=(("PUT", STOP_RULE, FIFTH),), changed=(FIFTH, None)),
    "setAccountStopRule": Case(
        f"{ACCOUNT_PATH}{STOP_RULE}",
        with_json(FIFTH),
        before=(("PUT", STOP_RULE, FIFTH),),  # the server's rule is not the account's own
        refused=(f"/accounts/none{STOP_RULE}", with_json({"percent": 20})),
        target=("account", ACCOUNT),
        changed=(None, FIFTH),
    ),
    "deleteAccountStopRule": Case(
        f"{ACCOUNT_PATH}{STOP_RULE}",
        before=(("PUT", f"{ACCOUNT_PATH}{STOP_RULE}", FIFTH),),
        refused=(f"/accounts/none{STOP_RULE}", {}),
        target=("account", ACCOUNT),
    ),
    "removeListener": Case(
        f"{ACCOUNT_PATH}/listeners/v3",
        before=(("LISTENER", "", None),),
        refused=(f"{ACCOUNT_PATH}/listeners/v1", {}),
        target=("listener", "v3"),
        changed=({"url": LISTENER_URL, "username": None, "password": None}, None),
    ),
    "turnOnSigning": Case(
        SIGNING,
        with_json({"secret": SECRET}),
        refused=(SIGNING, with_json({"secret": "short"})),
        target=("account", ACCOUNT),
        changed=({"signing": False}, {"signing": True, "secret": "***"}),
    ),
    "turnOffSigning": Case(
        SIGNING,
        before=(("PUT", SIGNING, {}),),
        refused=("/accounts/none/callbacks/signing", {}),
        target=("account", ACCOUNT),
        changed=({"signing": True, "secret": "***"}, {"signing": False}),
    ),
    "moveClock": Case(
        "/clock",
        with_json({"advance": "P1D"}),
        refused=("/clock", with_json({"to": "2020-01-01T00:00:00Z"})),
        changed=({"now": "2026-03-10T12:00:00.000Z"}, {"now": "2026-03-11T12:00:00.000Z"}),
    ),
    "reset": Case("/reset"),
    "restoreSnapshot": Case("/snapshot", with_json({}), refused=("/snapshot", with_json({"clients": 1}))),
    "addSeed": Case(
        "/seed",
        with_json({"accounts": [{"name": "added"}], "users": [{"username": "ford", "password": "secret-of-ford"}]}),
        refused=("/seed", with_json({"accounts": [{"name": ACCOUNT}]})),
        changed=(None, {"accounts": ["added"], "users": ["ford"]}),
    ),
    "copyAccount": Case(
        f"{ACCOUNT_PATH}/copies",
        with_json({"name": "copy", "users": True}),
        refused=(f"{ACCOUNT_PATH}/copies", with_json({"name": ACCOUNT})),
        target=("account", "copy"),
        changed=(None, {"copyOf": ACCOUNT, "users": True}),
    ),
    "changeFleets": Case(
        f"{ACCOUNT_PATH}/fleet",
        with_json({"fleet": [FLEET]}),
        refused=(f"{ACCOUNT_PATH}/fleet", with_json({"fleet": [{**FLEET, "count": 0}]})),
        target=("account", ACCOUNT),
        changed=({"fleet": []}, {"fleet": [FLEET]}),
    ),
    "createFault": Case(
        "/faults",
        with_json({"action": {"status": 503}}),
        refused=("/faults", with_json({"action": {}})),
        target=("fault", "1"),
        changed=(None, {"match": {}, "action": {"status": 503}}),
    ),
    "deleteFaults": Case("/faults", before=(ADDED_FAULT,), changed=({"faults": 1}, None)),
    "deleteFault": Case(
        "/faults/1",
        before=(ADDED_FAULT,),
        refused=("/faults/9", {}),
        target=("fault", "1"),
        changed=({"match": {}, "action": {"status": 500}}, None),
    ),
    "clearRequests": Case("/requests", changed=({"requests": 2}, None)),
}
"""A case for each changing operation, by its action."""


def prepare(api: Api, calls_before: tuple[tuple[str, str, Any], ...]) -> None:
    for method, path, body in calls_before:
        match method:
            case "LISTENER":
                made = api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": LISTENER_URL})
            case "DELIVERED":
                failed = "UPDATE delivery SET state = 3, ended_ms = 1, due_ms = NULL"
                connection = api.server.database.connect(writes=True)
                connection.begin()
                connection.execute(failed)
                connection.commit()
                connection.close()
                continue
            case _:
                made = api.control(method, path, body)
        assert made.status_code < 300, made.text


def send(api: Api, method: str, path: str, options: dict[str, Any], request: str, key: str = OPERATOR) -> Any:
    headers = {"X-Request-Id": request, "Authorization": f"Bearer {key}", **options.get("headers", {})}
    return api.control(method, path, headers=headers, **{k: v for k, v in options.items() if k != "headers"})


def entries(api: Api, query: str = "") -> list[dict[str, Any]]:
    response = api.control("GET", f"/audit-log?{query}")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["entries"]
    return found


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """By request: whether the entry was recorded by the service, in the transaction of its change."""
    found: dict[str, bool] = {}
    given = calls.finish

    async def finish(context: Any, draft: AuditDraft, status: int) -> None:
        found[draft.request_id] = draft.is_recorded
        await given(context, draft, status)

    monkeypatch.setattr(calls, "finish", finish)
    return found


def test_every_changing_operation_has_a_case() -> None:
    assert set(CASES) == {one.audited_action for one in CHANGING}
    assert len(CASES) == len(CHANGING)


@pytest.mark.parametrize("operation", CHANGING, ids=lambda one: one.name)
def test_a_change_leaves_one_entry_and_a_refused_one_another(
    api: Api, operation: Any, recorded: dict[str, bool]
) -> None:
    action = operation.audited_action
    case = CASES[action]
    prepare(api, case.before)
    viewer = api.control("POST", "/operators", {"name": "watcher", "role": "viewer"}).json()["key"]
    refused = send(api, operation.method, case.path, case.options, "forbidden", viewer)
    assert refused.status_code == 403, refused.text
    (entry,) = entries(api, "requestId=forbidden")
    assert (entry["action"], entry["operator"], entry["role"]) == (action, "watcher", "viewer")
    assert (entry["outcome"], entry["status"], entry["attempts"]) == ("refused", 403, 1)
    assert (entry["before"], entry["after"]) == (None, None)
    if case.refused is not None:
        path, options = case.refused
        answer = send(api, operation.method, path, options, "refused")
        assert 400 <= answer.status_code < 500, answer.text
        (entry,) = entries(api, "requestId=refused")
        assert (entry["action"], entry["status"], entry["reason"]) == (
            action,
            answer.status_code,
            answer.json()["detail"][:500],
        )
    path = case.path
    if "{session}" in path:
        path = path.format(session=api.control("GET", "/sessions").json()["sessions"][0]["id"])
    done = send(api, operation.method, path, case.options, "done")
    assert done.status_code < 300, done.text
    (entry,) = entries(api, "requestId=done")
    assert (entry["action"], entry["operator"], entry["role"], entry["via"]) == (
        action,
        "operator",
        "admin",
        "operator-api",
    )
    assert (entry["outcome"], entry["status"], entry["address"]) == ("done", None, "127.0.0.1")
    if case.target != ("", ""):
        assert (entry["targetKind"], entry["target"]) == case.target
    if case.changed != (None, None):
        assert (entry["before"], entry["after"]) == case.changed
    assert recorded["done"] == (action not in IN_MEMORY)


def test_reading_and_previews_leave_no_entry(api: Api) -> None:
    before = entries(api)
    api.subscribe(9, preview=True)
    for path in ("/accounts", "/audit-log", ACCOUNT_PATH, "/users", "/snapshot"):
        assert api.control("GET", path).status_code == 200
    assert entries(api) == before


def test_reading_what_a_role_may_not_is_an_entry(api: Api) -> None:
    viewer = api.control("POST", "/operators", {"name": "watcher", "role": "viewer"}).json()["key"]
    assert send(api, "GET", "/snapshot", {}, "r", viewer).status_code == 403
    (entry,) = entries(api, "requestId=r")
    assert (entry["action"], entry["status"]) == ("createSnapshot", 403)
    assert api.control("GET", "/audit-log", headers={"Authorization": f"Bearer {viewer}"}).status_code == 200


def test_no_secret_is_in_an_entry(api: Api) -> None:
    secrets = ["top-secret-password", "top-secret-client", SECRET]
    api.control("POST", "/users", {"username": "ford", "password": secrets[0]})
    api.control("POST", "/clients", {"key": "program", "secret": secrets[1]})
    api.control("PUT", SIGNING, {"secret": SECRET})
    secrets.append(api.control("POST", "/operators", {"name": "night"}).json()["key"])
    secrets.append(api.control("POST", KEYS, {"name": "k"}).json()["key"])
    text = api.control("GET", "/audit-log/export?format=csv").text + json.dumps(entries(api))
    assert not [secret for secret in secrets if secret in text]
    assert OPERATOR not in text


def test_what_users_change_with_the_documented_api_is_not_in_the_audit_log(api: Api) -> None:
    before = entries(api)
    api.assign(0, 1)
    api.candidates(0)
    api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": LISTENER_URL})
    assert entries(api) == before


def test_a_wrong_key_is_counted_and_a_missing_one_is_no_attempt(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[object, ...]] = []
    monkeypatch.setattr(operators, "count_wrong_key", lambda _, *arguments: counted.append(arguments))
    assert api.http.get("/control/v1/accounts").status_code == 401
    assert send(api, "DELETE", "/users/ford", {}, "r", "wrong").status_code == 401
    assert counted == [("operator-api", "127.0.0.1", "r")]


def test_the_same_refusal_is_counted_in_one_entry_a_minute(api: Api) -> None:
    for number in range(5):
        assert send(api, "DELETE", f"/users/none{number}", {}, f"r{number}").status_code == 404
    (entry,) = entries(api, "action=deleteUser")
    assert (entry["attempts"], entry["requestId"], entry["target"]) == (5, "r0", "none0")


def test_the_entry_of_an_import_of_many_transactions_counts_them_all(api: Api) -> None:
    lines = "\n".join(f'{{"deviceId": "{number:015d}"}}' for number in range(5000))
    for accept in ("application/json", "application/x-ndjson"):
        headers = {"Content-Type": "application/x-ndjson", "Accept": accept}
        options = {"content": lines, "headers": headers}
        assert send(api, "POST", f"{ACCOUNT_PATH}/devices", options, accept[12:]).status_code == 200
        (entry,) = entries(api, f"requestId={accept[12:]}")
        assert (entry["after"], entry["outcome"]) == ({"imported": 5000, "licensed": 0}, "done")


def test_a_reset_and_a_restored_snapshot_keep_the_audit_log(api: Api) -> None:
    api.control("POST", "/accounts", {"name": "new"})
    snapshot = api.control("GET", "/snapshot")
    assert "audit_log" not in snapshot.json()
    assert api.control("POST", "/reset").status_code == 204
    assert api.control("PUT", "/snapshot", content=snapshot.content).status_code == 204
    actions = [one["action"] for one in entries(api)]
    assert actions[:3] == ["restoreSnapshot", "reset", "createAccount"]
    assert actions[-2:] == ["applySeed", "setSecretKey"]


def test_filters_and_pages(api: Api) -> None:
    editor = api.control("POST", "/operators", {"name": "ed", "role": "editor"}).json()["key"]
    for number in range(4):
        send(api, "POST", "/accounts", with_json({"name": f"a{number}"}), f"r{number}", editor)
    api.advance("PT1H")
    send(api, "PUT", "/accounts/a1/status", with_json({"status": "suspended"}), "s", editor)
    send(api, "POST", "/users", with_json({"username": "x"}), "f", editor)

    def requests(query: str) -> list[str]:
        return [one["requestId"] for one in entries(api, query)]

    assert requests("operator=ed") == ["f", "s", "r3", "r2", "r1", "r0"]
    assert requests("operator=ed&action=createAccount") == ["r3", "r2", "r1", "r0"]
    assert requests("account=a1") == ["s", "r1"]
    assert requests("account=a1&action=setStatus") == ["s"]
    assert requests("target=a2") == ["r2"]
    assert requests("outcome=refused") == ["f"]
    assert requests("outcome=refused&operator=operator") == []
    assert requests("outcome=done&operator=ed&since=2026-03-10T12:30:00Z") == ["s"]
    assert requests("operator=ed&until=2026-03-10T12:30:00Z&limit=1") == ["r3"]
    first = api.control("GET", "/audit-log?operator=ed&limit=4").json()
    assert (first["hasMoreData"], first["next"]) == (True, first["entries"][-1]["id"])
    rest = api.control("GET", f"/audit-log?operator=ed&limit=4&before={first['next']}").json()
    assert [one["requestId"] for one in rest["entries"]] == ["r1", "r0"]
    assert (rest["hasMoreData"], rest["next"]) == (False, None)
    for wrong in ("since=yesterday", "outcome=maybe", "account=a/b", "before=x"):
        assert api.control("GET", f"/audit-log?{wrong}").status_code == 400


def test_exports_have_what_the_pages_have(api: Api) -> None:
    api.control("POST", "/users", {"username": "=ford", "accounts": [ACCOUNT]})
    api.control("DELETE", "/users/none")
    listed = entries(api)
    exported = api.control("GET", "/audit-log/export")
    assert exported.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in exported.text.splitlines()] == listed
    as_csv = api.control("GET", "/audit-log/export?format=csv&action=createUser")
    assert as_csv.headers["content-disposition"] == 'attachment; filename="audit-log.csv"'
    (row,) = csv.DictReader(io.StringIO(as_csv.text))
    assert (row["action"], row["target"], row["status"]) == ("createUser", "'=ford", "")
    assert json.loads(row["after"]) == {"accounts": [ACCOUNT], "password": "***"}


def test_entries_are_deleted_after_the_retention(start: Callable[..., Api]) -> None:
    api = start(audit_log_retention_days=30)
    api.control("POST", "/accounts", {"name": "old"})
    api.advance("P29D")
    assert "createAccount" in [one["action"] for one in entries(api)]
    api.advance("P2D")
    assert [one["action"] for one in entries(api)] == ["moveClock"] * 2
