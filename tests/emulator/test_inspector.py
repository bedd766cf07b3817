"""The inspector over real HTTP: what is kept, without secrets; hints; as curl and as a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from fotapool.emulator import exchanges
from fotapool.emulator.masking import KnownSecrets
from fotapool.emulator.reproduce import FORMS, as_curl, as_pytest
from support.helpers import ACCOUNT, KEY, OTHER, PASSWORD, SECRET, Api, device, devices

LONG = "a-long-secret-value"
ASSIGN = f"/v3/licenses/{ACCOUNT}/assign"


def kept(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.control("GET", f"/requests{query}").json()["requests"]
    return found


def last(api: Api) -> dict[str, Any]:
    return kept(api, "?limit=1000")[-1]


def test_a_request_is_kept_with_its_answer(api: Api) -> None:
    api.call("POST", ASSIGN, {"deviceList": devices(0)}, headers={"X-Request-Id": "mine"})
    found = last(api)
    assert {name: found[name] for name in ("time", "method", "path", "status", "requestId", "account", "fault")} == {
        "time": "2026-03-10T12:00:00.000Z",
        "method": "POST",
        "path": f"/api/fota{ASSIGN}",
        "status": 200,
        "requestId": "mine",
        "account": ACCOUNT,
        "fault": None,
    }
    assert (found["body"], found["bodyBytes"]) == (f'{{"deviceList":["{device(0)}"]}}', 34)
    assert '"licUsedCount":1' in found["answer"]
    assert found["answerBytes"] == len(found["answer"])
    assert found["hints"] == []
    assert found["tookMs"] >= 0


def test_no_secret_is_kept(api: Api) -> None:
    api.log_in()
    api.call(
        "POST",
        f"/v1/callbacks/{ACCOUNT}",
        {"name": "Fota", "url": "http://127.0.0.1:9/", "username": "me", "password": "hush"},
    )
    text = api.control("GET", "/requests").text
    for secret in (api.bearer, api.session, PASSWORD, "hush", SECRET):
        assert secret not in text
    headers = last(api)["headers"]
    assert (headers["authorization"], headers["vz-m2m-token"]) == ("Bearer ***", "***")


def test_requests_are_listed_by_account_and_status_in_pages(api: Api) -> None:
    api.control("DELETE", "/requests")
    api.assign(0)
    api.call("GET", f"/v3/licenses/{OTHER}")
    api.call("GET", f"/v3/licenses/{ACCOUNT}")
    statuses = [one["status"] for one in kept(api)]
    assert statuses == [200, 400, 200]
    assert [one["status"] for one in kept(api, f"?account={OTHER}")] == [400]
    assert [one["method"] for one in kept(api, "?status=200")] == ["POST", "GET"]
    page = api.control("GET", "/requests?limit=2").json()
    assert page["hasMoreData"]
    after = page["requests"][-1]["number"]
    assert [one["status"] for one in kept(api, f"?after={after}")] == [200]
    assert api.control("GET", "/requests?status=7").status_code == 400
    assert api.control("GET", "/requests?account=a/b").status_code == 400
    assert api.control("GET", "/requests/999999").status_code == 404
    assert api.control("GET", "/requests/x").status_code == 404


def test_only_the_last_requests_are_kept_and_of_them_the_beginning(start: Callable[..., Api]) -> None:
    api = start(inspector_requests=3)
    for _ in range(5):
        api.call("GET", f"/v3/licenses/{ACCOUNT}")
    assert len(kept(api)) == 3
    body = {"deviceList": [device(n) for n in range(9_000)]}
    api.call("POST", ASSIGN, body)
    found = last(api)
    assert found["bodyBytes"] > exchanges.MAX_CAPTURED_BYTES == len(found["body"])
    assert found["answer"].startswith('{"accountName"')


def test_what_a_refused_request_sent_is_kept_though_the_server_did_not_read_it(api: Api) -> None:
    body = {"deviceList": devices(0)}
    refused = api.call("POST", ASSIGN, body, headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401
    assert last(api)["body"] == f'{{"deviceList":["{device(0)}"]}}'


def test_a_refusal_says_its_first_hint_and_an_answer_does_not(api: Api) -> None:
    refused = api.call("POST", ASSIGN, {"devceList": devices(0)})
    assert refused.headers["x-fotapool-hint"] == (
        "`devceList` is a misprint in the vendor's documentation: send `deviceList`."
    )
    assert last(api)["hints"] == [refused.headers["x-fotapool-hint"]]
    assert "x-fotapool-hint" not in api.call("POST", ASSIGN, {"deviceList": devices(0)}).headers


def test_an_account_without_its_zeros_is_told_the_whole_name(api: Api) -> None:
    for short in ("242078689-00001", "242078689-1", "0242078689-1"):
        refused = api.call("GET", f"/v3/licenses/{short}")
        assert refused.headers["x-fotapool-hint"] == (
            f"The account's zeros are part of its name: there is an account {ACCOUNT}; send that."
        )
    other = api.call("GET", "/v3/licenses/242078689-00002").headers["x-fotapool-hint"]
    assert "is not one of its users" in other


def test_the_token_that_failed_is_told(api: Api) -> None:
    path = f"/v3/licenses/{ACCOUNT}"
    api.advance("PT21M")
    assert "session token has expired" in api.call("GET", path).headers["x-fotapool-hint"]
    api.log_in()
    api.advance("PT40M")
    assert "bearer token has expired" in api.call("GET", path).headers["x-fotapool-hint"]
    api.sign_in()
    swapped = {"Authorization": f"Bearer {api.session}", "VZ-M2M-Token": api.bearer}
    assert "looks like the session token" in api.call("GET", path, headers=swapped).headers["x-fotapool-hint"]
    basic = {"Authorization": "Basic ZGVtbw=="}
    assert "must begin with the word Bearer" in api.call("GET", path, headers=basic).headers["x-fotapool-hint"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/fota/v3/licenses/{ACCOUNT}", f"lacks /api at its beginning: /api/fota/v3/licenses/{ACCOUNT}"),
        (f"/v3/licenses/{ACCOUNT}", "lacks /api/fota at its beginning"),
        (f"/api/fota/v4/licenses/{ACCOUNT}", "no version 4"),
        (f"/api/fota/licenses/{ACCOUNT}", "lacks the version"),
        (f"/api/fota/v3/licenses/{ACCOUNT}/", "Leave out the slash"),
        (f"/api/fota/v3/licences/{ACCOUNT}/assign", f"POST /api/fota/v3/licenses/{ACCOUNT}/assign"),
        ("/api/fota/v1/upgrade", "/api/fota/v1/upgrades"),
        ("/api/m2m/v1/devices", "This operation of the Connectivity Management API is not emulated."),
    ],
)
def test_a_wrong_path_is_told_the_right_one(api: Api, path: str, words: str) -> None:
    refused = api.http.get(path, headers=api.tokens)
    assert refused.status_code in (400, 404)
    assert words in refused.headers["x-fotapool-hint"]


def test_a_fault_that_lies_about_its_encoding_is_shown_as_it_is(api: Api) -> None:
    action = {"status": 500, "body": "plain", "headers": {"Content-Encoding": "gzip"}}
    api.control("POST", "/faults", {"match": {"path": "/fota", "times": 1}, "action": action})
    with pytest.raises(httpx.DecodingError):
        api.call("GET", f"/v3/licenses/{ACCOUNT}")
    assert last(api)["answer"] == "plain"


def test_a_compressed_answer_is_kept_as_text(api: Api) -> None:
    many = {"deviceList": [device(n) for n in range(500)]}
    assert api.call("POST", ASSIGN, many).headers["content-encoding"] == "gzip"
    assert last(api)["answer"].startswith('{"accountName"')


def test_a_request_that_a_fault_answers_is_about_the_account_in_its_path(api: Api) -> None:
    for action in ({"status": 503}, {"drop": "before"}):
        api.control("POST", "/faults", {"match": {"path": "/fota", "times": 1}, "action": action})
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("GET", f"/v3/licenses/{ACCOUNT}")
    api.call("GET", f"/v3/no-such-path/{ACCOUNT}")
    found = api.control("GET", "/requests").json()["requests"][-3:]
    assert [(one["status"], one["account"]) for one in found] == [(503, ACCOUNT), (None, ACCOUNT), (400, None)]


def test_a_dropped_connection_is_kept_with_the_fault(api: Api) -> None:
    api.control("POST", "/faults", {"match": {"path": "/fota", "times": 1}, "action": {"drop": "after"}})
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("POST", ASSIGN, {"deviceList": devices(0)})
    found = last(api)
    assert (found["status"], found["fault"]) == (None, "connection dropped after the commit")


def test_a_request_is_a_test_that_passes(api: Api, tmp_path: Path) -> None:
    api.assign(0)
    api.call("GET", f"/v3/licenses/{ACCOUNT}", headers={"Accept": "application/json"})
    number = last(api)["number"]
    response = api.control("GET", f"/requests/{number}?as=pytest")
    assert response.headers["content-type"].startswith("text/plain")
    test = tmp_path / "test_it.py"
    test.write_text(response.text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", str(test)],
        cwd=tmp_path,
        env=environment(api),
        capture_output=True,
        text=True,
    )
    assert "1 passed" in done.stdout, done.stdout + response.text


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("sh"), reason="needs curl")
def test_a_curl_command_never_reads_a_file(api: Api, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    api.call("POST", ASSIGN, headers={"Content-Type": "text/plain"}, content=f"@{secret}")
    number = last(api)["number"]
    command = api.control("GET", f"/requests/{number}?as=curl").text
    subprocess.run(["sh", "-euc", command], env=environment(api), capture_output=True, check=True)
    assert last(api)["body"] == f"@{secret}"


def test_a_token_is_masked_wherever_it_was_sent(api: Api) -> None:
    refused = api.call(
        "POST", f"{ASSIGN}?token={api.bearer}", {"Password": "hush"}, headers={"Authorization": api.bearer}
    )
    assert refused.status_code == 401
    text = api.control("GET", "/requests").text + refused.headers["x-fotapool-hint"]
    assert "must begin with the word Bearer" in text
    assert api.bearer[:8] not in text
    assert "hush" not in text


def test_a_body_of_the_wrong_type_is_told_its_member(api: Api) -> None:
    wrong = api.call("POST", ASSIGN, {"deviceList": device(0)})
    assert wrong.headers["x-fotapool-hint"] == "`deviceList` must be an array, not a string."
    broken = api.call("POST", ASSIGN, content='{"deviceList":["990000000002809",]}')
    assert broken.headers["x-fotapool-hint"].startswith("The body is no JSON: ")
    login = api.http.post("/api/m2m/v1/session/login", json={"userName": "a", "password": "b"}, headers=api.tokens)
    assert login.headers["x-fotapool-hint"] == "`userName` is not known here: send `username`."


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("sh"), reason="needs curl")
def test_a_request_is_a_curl_command_that_does_it_again(api: Api) -> None:
    api.call("POST", ASSIGN, {"deviceList": devices(0)})
    number = last(api)["number"]
    command = api.control("GET", f"/requests/{number}?as=curl").text
    done = subprocess.run(["sh", "-euc", command], env=environment(api), capture_output=True, text=True)
    assert done.stdout.startswith("HTTP/1.1 200"), done.stdout + done.stderr + command
    assert "Device license preexisting" in done.stdout
    assert api.control("GET", f"/requests/{number}?as=perl").status_code == 400


def environment(api: Api) -> dict[str, str]:
    return {
        **os.environ,
        "FOTAPOOL_URL": str(api.http.base_url).rstrip("/"),
        "FOTAPOOL_BEARER": api.bearer,
        "FOTAPOOL_SESSION": api.session,
    }


def test_the_operator_plane_is_not_kept_and_serve_keeps_nothing(start: Callable[..., Api]) -> None:
    api = start()
    api.control("DELETE", "/requests")
    api.control("GET", "/accounts")
    assert kept(api) == []
    served = start(seed=None, emulator=False)
    assert served.control("GET", "/requests").status_code == 404
    assert "x-fotapool-hint" not in served.http.get("/api/fota/v4/licenses").headers


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_curl_command_has_no_control_characters_and_sends_the_same_bytes(api: Api) -> None:
    path = "/api/fota/v3/licenses/[1-2]/{a,b}/x;id"
    body = "\x1b[201~'\n%s\\\r\u202e\x9b`id`$(id)\n"
    headers = {"Content-Type": "text/plain; \x9b31m"}
    api.http.post(path, content=body.encode(), headers={n: v.encode("latin-1") for n, v in headers.items()})
    sent = last(api)
    command = api.control("GET", f"/requests/{sent['number']}?as=curl").text
    assert all(one.isprintable() or one == "\n" for one in command)
    environment = {**os.environ, "FOTAPOOL_URL": str(api.http.base_url)}
    subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
    again = last(api)
    assert again["number"] == sent["number"] + 1
    assert (again["path"], again["body"], again["status"]) == (sent["path"], body, sent["status"])


def test_what_is_copied_stays_with_its_host() -> None:
    exchange = exchanges.Exchange(
        at_ms=0, method="GET", raw_path="@evil.example/x", raw_headers=(), known=KnownSecrets()
    )
    assert '8080}"/@evil.example/x' in as_curl(exchange)
    assert "BASE + '/@evil.example/x'" in as_pytest(exchange)


def test_no_secret_is_shown_of_a_request_wherever_it_stands(api: Api) -> None:
    """In headers, path, query, form, nested members, parts; also in hints, commands and tests."""
    path, token, basic = f"/api/fota/v3/licenses/{ACCOUNT}", api.bearer, b64encode(f"{KEY}:{LONG}".encode()).decode()
    assert api.control("POST", "/clients", {"key": "long", "secret": LONG}).status_code == 201
    api.get_bearer("long", LONG)
    for headers in (
        {"Authorization": token},
        {"Authorization": f"Bearer{token}"},
        {"Authorization": f"Bearer Bearer {token}"},
        {"Authorization": f"Basic {KEY}:{LONG}"},
        {"X-Any": token, "X-Other": basic, "User-Agent": LONG, "Referer": f"http://h/?x={token}"},
    ):
        api.http.get(path, headers=headers)
    for query in (f"x={token}", f"Access_Token={LONG}", f"pa%73sword={LONG}", f"next=/a?token={LONG}"):
        api.http.get(f"{path}?{query}", headers=api.tokens)
    for other in (f"/fota/v3/licenses/{token}", f"/api/fota/v3/licenses/{token}", f"{path}/{token}"):
        api.http.get(other)
    login = "/api/m2m/v1/session/login"
    for body in (
        {"username": "u", "PassWord": LONG},
        {"user": {"password": [LONG]}},
        {"password": {"value": LONG}},
        {"text": f'{{"password": "{LONG}"}}'},
        {"deviceList": [token, LONG]},
    ):
        api.http.post(login, json=body, headers=api.tokens)
    for text in (
        f"password={LONG}",
        f"{{'password': '{LONG}'}}",
        f"<password>{LONG}</password>",
        f"http://u:{LONG}@h/",
    ):
        api.http.post(login, content=text, headers=api.tokens)
    api.http.post("/api/ts/v1/oauth2/token", files={"client_secret": (None, LONG.encode())})
    found = kept(api, "?limit=1000")
    shown = [api.control("GET", "/requests?limit=1000").text, api.http.get("/console/emulator/requests").text]
    shown += [api.control("GET", f"/requests/{one['number']}?as={form}").text for one in found for form in FORMS]
    for secret in (token, api.session, LONG, basic):
        assert not [text for text in shown if secret in text]


def test_a_hint_in_a_header_repeats_no_token(api: Api) -> None:
    hint = api.http.get(f"/fota/v3/licenses/{api.bearer}").headers["x-fotapool-hint"]
    assert hint == "The path lacks /api at its beginning: /api/fota/v3/licenses/***."


def test_requests_are_found_by_id_by_refusal_and_newest_first(api: Api) -> None:
    api.call("POST", ASSIGN, {"deviceList": devices(0)}, headers={"X-Request-Id": "good"})
    api.call("POST", ASSIGN, {"deviceList": ["1"]}, headers={"X-Request-Id": "bad"})
    api.call("POST", ASSIGN, {"deviceList": devices(1)})
    assert [one["requestId"] for one in kept(api, "?requestId=good")] == ["good"]
    assert [one["requestId"] for one in kept(api, "?refused=true")] == ["bad"]
    numbers = [one["number"] for one in kept(api)]
    assert [one["number"] for one in kept(api, "?newest=true")] == numbers[::-1]
    assert [one["number"] for one in kept(api, f"?newest=true&after={numbers[2]}")] == numbers[1::-1]
    made = last(api)["requestId"]
    assert [one["number"] for one in kept(api, f"?requestId={made}")] == numbers[-1:]
