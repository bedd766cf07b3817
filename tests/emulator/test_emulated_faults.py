"""Faults over real HTTP: statuses, latency, dropped connections, early expiry; what fires is on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fotapool.emulator import faults
from support.helpers import ACCOUNT, NOW_MS, OTHER, Api, device, devices

ASSIGN = f"/v3/licenses/{ACCOUNT}/assign"
LICENSES = f"/v3/licenses/{ACCOUNT}"


def add(api: Api, action: dict[str, Any], **match: Any) -> int:
    response = api.control("POST", "/faults", {"match": match, "action": action})
    assert response.status_code == 201, response.text
    number: int = response.json()["id"]
    return number


def hits(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.control("GET", "/faults").json()["firings"]
    return found


def statuses(api: Api, count: int, path: str = LICENSES) -> list[int]:
    return [api.call("GET", path).status_code for _ in range(count)]


def test_a_status_with_body_and_headers_is_answered_instead(api: Api) -> None:
    body = {"errorCode": "TOO_MANY", "errorMessage": "Slow down"}
    add(api, {"status": 429, "body": body, "headers": {"Retry-After": "7"}}, path="/fota/v3/licenses/*", times=1)
    response = api.call("POST", ASSIGN, {"deviceList": devices(0)}, headers={"X-Request-Id": "mine"})
    assert (response.status_code, response.headers["retry-after"], response.json()) == (429, "7", body)
    assert response.headers["x-request-id"] == "mine"
    assert api.pool()["licenseUsedCount"] == 0
    assert api.assign(0)["licUsedCount"] == 1


def test_text_is_sent_as_it_is_and_an_answer_may_be_empty(api: Api) -> None:
    add(api, {"status": 502, "body": "<html>", "headers": {"Content-Type": "text/html"}}, nth=1)
    add(api, {"status": 204}, nth=1)
    first, second = api.call("GET", LICENSES), api.call("GET", LICENSES)
    assert (first.status_code, first.text, first.headers["content-type"]) == (502, "<html>", "text/html")
    assert (second.status_code, second.content) == (204, b"")


def test_a_connection_is_dropped_before_the_commit_without_a_status_line(api: Api, raw: Callable[..., bytes]) -> None:
    add(api, {"drop": "before"}, path="/fota/*/assign", times=1)
    body = json.dumps({"deviceList": devices(0)}).encode()
    assert raw(api, "POST", f"/api/fota{ASSIGN}", body) == b""
    assert api.pool()["licenseUsedCount"] == 0
    assert [one["what"] for one in hits(api)] == ["connection dropped before the commit"]


def test_a_connection_is_dropped_after_the_commit_and_the_licenses_are_assigned(
    api: Api, raw: Callable[..., bytes]
) -> None:
    add(api, {"drop": "after"}, path="/fota/v3/licenses/*/assign", times=1)
    body = json.dumps({"deviceList": devices(0, 1)}).encode()
    assert raw(api, "POST", f"/api/fota{ASSIGN}", body) == b""
    assert (api.pool()["licenseUsedCount"], api.licensed()) == (2, devices(0, 1))
    again = api.assign(0, 1)
    assert [row["Reason"] for row in again["deviceList"]] == ["Device license preexisting"] * 2
    api.assert_consistent()


def test_a_client_sees_the_dropped_connection_as_such_and_others_go_on(api: Api) -> None:
    add(api, {"drop": "after"}, method="POST", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("POST", ASSIGN, {"deviceList": devices(0)})
    assert api.licensed() == devices(0)


def test_latency_waits_and_then_goes_on_to_the_answer(start: Callable[..., Api], monkeypatch: Any) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    original = faults.FaultMiddleware.__init__
    monkeypatch.setattr(faults.FaultMiddleware, "__init__", lambda self, *given: original(self, *given, sleep=sleep))
    api = start()
    add(api, {"latencyMs": 1500}, path="/fota", every=2)
    add(api, {"status": 503, "latencyMs": 250}, path="/fota", nth=4)
    assert statuses(api, 5) == [200, 200, 200, 503, 200]
    assert waited == [1.5, 1.5, 0.25]


def test_a_call_is_counted_by_what_it_matches(api: Api) -> None:
    add(api, {"status": 500}, path=f"/api/fota/v3/licenses/{ACCOUNT}", method="GET", nth=2)
    assert api.assign(0)["licUsedCount"] == 1
    assert statuses(api, 3) == [200, 500, 200]
    add(api, {"status": 501}, every=3, times=2, path="/fota")
    assert statuses(api, 9) == [200, 200, 501, 200, 200, 501, 200, 200, 200]
    seen = [(one["matched"], one["fired"]) for one in api.control("GET", "/faults").json()["faults"]]
    assert seen == [(12, 1), (9, 2)]


def test_chance_is_the_same_in_each_run_with_a_seed(api: Api) -> None:
    runs = []
    for _ in range(2):
        number = add(api, {"status": 500}, path="/fota", probability=0.5, seed=7)
        runs.append(statuses(api, 20))
        assert api.control("DELETE", f"/faults/{number}").status_code == 204
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


@pytest.mark.parametrize("method", ["path", "body"])
def test_a_rule_about_a_device_looks_into_paths_and_bodies(api: Api, method: str) -> None:
    add(api, {"status": 500}, deviceId=device(3))
    assert api.assign(1, 2)["licUsedCount"] == 2
    if method == "body":
        assert api.call("POST", ASSIGN, {"deviceList": devices(4, 3)}).status_code == 500
    else:
        assert api.call("GET", f"/v3/reports/{ACCOUNT}/devices/{device(3)}").status_code == 500
    assert api.pool()["licenseUsedCount"] == 2


def test_a_rule_about_an_account_leaves_the_others_alone(api: Api) -> None:
    add(api, {"status": 500}, account=OTHER)
    assert statuses(api, 1) == [200]
    assert api.call("GET", f"/v3/licenses/{OTHER}").status_code == 500


def test_a_large_body_passes_a_rule_that_looks_into_it(api: Api) -> None:
    add(api, {"status": 500}, deviceId="123456789012345")
    body = {"deviceList": [device(n) for n in range(9_000)]}
    response = api.call("POST", ASSIGN, body)
    assert response.status_code == 200
    assert len(response.json()["deviceList"]) == 9_000


def test_each_firing_is_on_record_in_pages(api: Api) -> None:
    number = add(api, {"status": 500}, path="/fota")
    api.call("GET", LICENSES, headers={"X-Request-Id": "first"})
    statuses(api, 2)
    page = api.control("GET", "/faults?limit=1").json()
    assert page["hasMoreData"]
    assert page["firings"] == [
        {
            "number": 1,
            "time": "2026-03-10T12:00:00.000Z",
            "fault": number,
            "requestId": "first",
            "method": "GET",
            "path": f"/api/fota{LICENSES}",
            "what": "status 500",
        }
    ]
    rest = api.control("GET", "/faults?after=1").json()
    assert [one["number"] for one in rest["firings"]] == [2, 3]
    assert NOW_MS == 1_773_144_000_000


def test_faults_are_deleted_one_and_all_and_by_a_reset(api: Api) -> None:
    first, second = add(api, {"status": 500}), add(api, {"status": 501})
    assert api.control("GET", f"/faults/{second}").json()["action"] == {"status": 501}
    assert api.control("DELETE", f"/faults/{first}").status_code == 204
    assert api.control("DELETE", f"/faults/{first}").status_code == 404
    assert statuses(api, 1) == [501]
    assert api.control("DELETE", "/faults").status_code == 204
    assert api.control("GET", "/faults").json() == {"faults": [], "firings": [], "hasMoreData": False}
    assert statuses(api, 1) == [200]
    add(api, {"status": 500})
    assert api.control("POST", "/reset").status_code == 204
    assert api.control("GET", "/faults").json()["faults"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"action": {}}, "one of status"),
        ({"action": {"status": 500, "drop": "after"}}, "one of status"),
        ({"action": {"status": 99}}, "$.action.status"),
        ({"action": {"drop": "later"}}, "$.action.drop"),
        ({"action": {"latencyMs": 60_001}}, "$.action.latencyMs"),
        ({"action": {"callback": "delay"}}, "needs byMs"),
        ({"action": {"callback": "drop", "byMs": 5}}, "reorder or delay"),
        ({"action": {"callback": "drop", "latencyMs": 5}}, "about requests"),
        ({"action": {"callback": "drop"}, "match": {"method": "POST"}}, "no method"),
        ({"action": {"drop": "after", "body": "x"}}, "go with a status"),
        ({"action": {"status": 204, "body": "x"}}, "has no body"),
        ({"action": {"status": 200, "headers": {"a b": "x"}}}, "no header"),
        ({"action": {"status": 200, "headers": {"a": "x\r\ny"}}}, "no header"),
        ({"action": {"status": 200, "headers": {"Content-Length": "9"}}}, "set by the server"),
        ({"action": {"status": 500}, "match": {"nth": 0}}, "$.match.nth"),
        ({"action": {"status": 500}, "match": {"nth": 1, "times": 2}}, "one time only"),
        ({"action": {"status": 500}, "match": {"probability": 1.5}}, "$.match.probability"),
        ({"action": {"status": 500}, "match": {"device": "1"}}, "`device`"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(api: Api, body: dict[str, Any], words: str) -> None:
    response = api.control("POST", "/faults", body)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert words in response.json()["detail"]
    assert api.control("GET", "/faults").json()["faults"] == []


def test_there_is_a_limit_to_rules(api: Api) -> None:
    for _ in range(faults.MAX_RULES):
        add(api, {"status": 500}, path="/nowhere")
    assert api.control("POST", "/faults", {"action": {"status": 500}}).status_code == 409


def test_the_operator_plane_has_no_faults(api: Api) -> None:
    add(api, {"status": 500})
    assert api.control("GET", "/accounts").status_code == 200
    assert api.http.get("/health/ready").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/faults"), ("POST", "/faults"), ("DELETE", "/faults/1")])
def test_serve_has_no_faults(start: Callable[..., Api], method: str, path: str) -> None:
    api = start(emulator=False)
    assert api.control(method, path).status_code == 404
    assert api.server.features is None
