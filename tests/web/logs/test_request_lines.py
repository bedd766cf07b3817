"""Lines of requests: who sent them, what failed, and no secret in any of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from fotapool.core.logs.events import LogEvent
from fotapool.domain.identity import MAX_FAILED_LOGINS
from support.helpers import ACCOUNT, KEY, OPERATOR, PASSWORD, SECRET, USER, Api
from support.log_lines import LogLines
from support.processes import wait_until

Start = Callable[..., Api]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> LogLines:
    return LogLines(caplog)


def lines_of(method: str, number: int, lines: LogLines) -> list[dict[str, Any]]:
    """The lines of requests with this method. A line is written after its answer, so it may have to be waited for."""

    def found() -> list[dict[str, Any]]:
        return [one for one in lines.of(LogEvent.REQUEST) if one["method"] == method]

    wait_until(lambda: len(found()) >= number, f"{number} lines of {method}")
    return found()


def test_a_request_has_a_line_with_its_sender_and_without_its_query(start: Start, lines: LogLines) -> None:
    api = start(access_log=True)
    answer = api.call("GET", f"/v3/licenses/{ACCOUNT}?lastSeenDeviceId=1", headers={"X-Request-Id": "own-1"})
    line = next(one for one in lines_of("GET", 1, lines) if one.get("request_id") == "own-1")
    assert {**line, "time": "", "process": 0, "duration_ms": 0, "message": ""} == {
        "time": "",
        "level": "info",
        "event": "request",
        "message": "",
        "logger": "fotapool.web.access_log",
        "process": 0,
        "request_id": "own-1",
        "actor": USER,
        "account": ACCOUNT,
        "method": "GET",
        "path": f"/api/fota/v3/licenses/{ACCOUNT}",
        "status": answer.status_code,
        "duration_ms": 0,
        "bytes": len(answer.content),
        "client": "127.0.0.1",
    }
    assert line["duration_ms"] > 0
    assert "lastSeenDeviceId" not in lines.text
    for path in ("/health/live", "/openapi.json", "/console/sign-in"):
        api.http.head(path)
    assert [one["bytes"] for one in lines_of("HEAD", 3, lines)] == [0, 0, 0]  # an answer to HEAD has no body


def test_without_the_option_requests_have_no_lines(start: Start, lines: LogLines) -> None:
    start().call("GET", f"/v3/licenses/{ACCOUNT}")
    assert lines.of(LogEvent.REQUEST) == []


def test_every_api_names_its_sender_and_its_account(start: Start, lines: LogLines) -> None:
    api = start(access_log=True)
    made = api.control("POST", f"/accounts/{ACCOUNT}/device-keys", {"name": "all"}).json()
    api.http.post("/device/v1/990000000000001/check-in", json={}, headers={"Authorization": f"Bearer {made['key']}"})
    api.http.post("/console/sign-in", data={"key": OPERATOR})
    api.http.get(f"/console/accounts/{ACCOUNT}/licenses")
    api.http.get("/health/live")
    api.call("GET", "/v3/licenses/nobody")
    lines_of("GET", 3, lines)
    senders = {line["path"]: (line.get("actor"), line.get("account")) for line in lines.of(LogEvent.REQUEST)}
    assert senders["/api/ts/v1/oauth2/token"] == (KEY, None)
    assert senders["/api/m2m/v1/session/login"] == (USER, None)
    assert senders[f"/control/v1/accounts/{ACCOUNT}/device-keys"] == ("operator", ACCOUNT)
    assert senders["/device/v1/990000000000001/check-in"] == ("device 990000000000001", ACCOUNT)
    assert senders[f"/console/accounts/{ACCOUNT}/licenses"] == ("operator", ACCOUNT)
    assert senders["/health/live"] == (None, None)  # not those of the request before
    assert senders["/api/fota/v3/licenses/nobody"][1] is None


def test_failed_sign_ins_are_lines_without_what_was_typed(start: Start, lines: LogLines) -> None:
    api = start(emulator=False)
    api.get_bearer(KEY, "wrong-secret-1")
    api.get_bearer("unknown\nclient", "wrong-secret-2")
    for _ in range(MAX_FAILED_LOGINS):
        api.log_in(USER, "wrong-password-1")
    api.log_in("no\x00body", "wrong-password-2")
    api.http.get("/control/v1/accounts", headers={"Authorization": "Bearer wrong-key-1"})
    api.http.post("/console/sign-in", data={"key": "wrong-key-2"})
    api.http.post("/device/v1/990000000000001/check-in", json={}, headers={"Authorization": "Bearer wrong-key-3"})
    refused = [(line["client"], line["address"]) for line in lines.of(LogEvent.CLIENT_REFUSED)]
    assert refused == [(KEY, "127.0.0.1"), ("unknown\nclient", "127.0.0.1")]
    users = [line["user"] for line in lines.of(LogEvent.USER_REFUSED)]
    assert users == [USER] * MAX_FAILED_LOGINS + ["no\x00body"]
    assert all(line["request_id"] for line in lines.of(LogEvent.USER_REFUSED))
    assert [line["user"] for line in lines.of(LogEvent.USER_LOCKED)] == [USER]
    assert len(lines.of(LogEvent.OPERATOR_KEY_REFUSED)) == 2
    assert [line["address"] for line in lines.of(LogEvent.DEVICE_KEY_REFUSED)] == ["127.0.0.1"]
    assert "wrong-" not in lines.text


@pytest.mark.usefixtures("failures_last")
def test_slowed_down_sign_ins_are_lines(start: Start, lines: LogLines) -> None:
    api = start(emulator=False, max_failed_sign_ins=2)
    for _ in range(4):
        api.get_bearer(KEY, "wrong-secret")
    for _ in range(4):
        api.http.get("/control/v1/accounts", headers={"Authorization": "Bearer wrong-key"})
    slowed = {line["who"] for line in lines.of(LogEvent.SIGN_INS_THROTTLED)}
    assert slowed == {f"client {KEY} from 127.0.0.1", "operator from 127.0.0.1"}


def test_no_line_has_a_secret(start: Start, lines: LogLines, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "fotapool")
    api = start(access_log=True)
    secrets = [SECRET, PASSWORD, OPERATOR, api.bearer, api.session]
    secrets.append(api.control("POST", f"/accounts/{ACCOUNT}/device-keys", {"name": "all"}).json()["key"])
    secrets.append(api.control("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {}).json()["secret"])
    secrets.append(api.control("POST", "/operators", {"name": "ann", "role": "admin"}).json()["key"])
    body = {"url": "https://127.0.0.1:1/hook?token=query-secret", "username": "u", "password": "listener-password"}
    api.call("POST", f"/v1/callbacks/{ACCOUNT}", {"name": "Fota", **body})
    secrets += ["query-secret", "listener-password"]
    api.http.post("/console/sign-in", data={"key": secrets[7]})
    secrets.append(api.http.cookies["fotapool_console"])
    api.http.get("/console/pools?key=query-secret")
    api.http.post(f"/api/ts/v1/oauth2/revoke?token={api.bearer}", auth=(KEY, SECRET), data={"token": api.bearer})
    api.http.get("/control/v1/accounts?key=query-secret", headers={"Authorization": f"Bearer {OPERATOR}x"})
    assert len(lines.of(LogEvent.REQUEST)) > 8
    assert [secret for secret in secrets if secret in lines.text] == []
