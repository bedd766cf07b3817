"""Faults that end with the test, requests with assertions, answers of the inbox, and what a failure shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fotapool.testing import Server
from support.processes import wait_until
from testing.test_plugin import run_tests


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def test_a_fault_is_of_one_account_and_ends_with_it(server: Server) -> None:
    account, other = server.account(), server.account()
    path = f"/v3/licenses/{account.name}/assign"
    fault = account.fault("/fota/v3/licenses/*/assign", status=503, times=2)
    statuses = [account.request("POST", path, {"deviceList": account.devices[:1]})[0] for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert other.assign(other.devices[0])["licUsedCount"] == 1
    assert (fault.matched, fault.fired) == (3, 2)
    with account.fault(device=account.devices[1], drop="before"), pytest.raises(ConnectionError):
        account.assign(account.devices[1])
    account.assign(account.devices[1])
    account.fault(latency_ms=1)
    assert len(server.control.call("GET", "/faults")["faults"]) == 2
    account.close()
    assert server.control.call("GET", "/faults")["faults"] == []


def test_requests_of_the_code_under_test_are_asserted(server: Server) -> None:
    account = server.account(licenses=1)
    account.assign(account.devices[0])  # of the fixture itself
    account.requests.assert_not_called()
    base = f"/api/fota/v3/licenses/{account.name}"
    account.api.get(base, params={"lastSeenDeviceId": "0"})
    account.api.post(f"{base}/remove", json={"deviceList": account.devices[:1]})
    account.api.post(f"{base}/remove", json={"devices": []})
    requests = account.requests
    assert requests.called
    assert (requests.call_count, len(requests)) == (3, 3)
    requests.to("/v3/licenses/*/remove").assert_call_count(2)
    requests.to(base, "GET").assert_called_once()
    requests.to("/fota/v3/licenses/*/assign").assert_not_called()
    removed = requests.to("/v3/licenses/*/remove")[0]
    assert removed.json == {"deviceList": account.devices[:1]}
    assert (removed.status, removed.answer_json["licUsedCount"]) == (200, 0)
    assert removed.headers["authorization"] == "Bearer ***"
    assert requests.refused.last.path == f"{base}/remove"
    said = r"expected request to .*/remove: 1, found 2\n  POST .*/remove  200\n  POST .*  400\n    hint "
    with pytest.raises(AssertionError, match=said):
        requests.to("/v3/licenses/*/remove").assert_called_once()
    with pytest.raises(AssertionError, match="expected a request to /v3/nothing; there was none"):
        _ = requests.to("/v3/nothing").last


def test_the_inbox_answers_in_turn(server: Server) -> None:
    account = server.account()
    inbox = account.callbacks
    inbox.answers([503, 200])
    package = {"firmwareName": "Answers_1To2", "make": "Verizon", "model": "Model-A", "fromVersion": "1"}
    server.control.call("POST", "/firmware", {**package, "toVersion": "2"})
    inbox.wait_for(1)
    account.advance("PT5M")
    assert len(inbox.wait_for(2)) == 2

    def is_delivered() -> bool:
        found = server.control.call("GET", f"/deliveries?account={account.name}")["deliveries"][0]
        return bool((found["state"], found["attempts"]) == ("delivered", 2))

    wait_until(is_delivered, "delivered by the second attempt")


MISTAKES = """
import httpx

def test_before(fotapool):
    httpx.post(f"{fotapool.server.address}/api/fota/v3/of-an-earlier-test")

def test_secret(fotapool):
    auth = (fotapool.sign_in.key, "wrong")
    httpx.post(f"{fotapool.server.address}/api/ts/v1/oauth2/token", auth=auth,
               data={"grant_type": "client_credentials"}).raise_for_status()

def test_path(fotapool):
    fotapool.api.get("/api/fota/v3/licences/0000000003-00001").raise_for_status()

def test_account(fotapool, fotapool_server):
    other = fotapool_server.account()
    other.api.get(f"/api/fota/v3/licenses/{fotapool.name}")
    fotapool.api.get("/api/fota/v3/licenses/9999999999-00001").raise_for_status()
"""


def test_a_failure_shows_refused_requests_of_nobody_s_account_with_their_hints(tmp_path: Path) -> None:
    said = run_tests(tmp_path, MISTAKES)
    assert "3 failed, 1 passed" in said, said
    title = "fotapool: refused requests that name no account, or one that does not exist"
    assert said.count(title) == 3
    assert "POST /api/ts/v1/oauth2/token  401" in said
    assert "GET /api/fota/v3/licences/0000000003-00001  4" in said
    assert "GET /api/fota/v3/licenses/9999999999-00001  4" in said
    assert "of-an-earlier-test" not in said
    assert said.count("    hint ") >= 3
