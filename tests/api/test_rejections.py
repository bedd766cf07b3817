"""Rejections of whole requests, with the messages of every version; none of them changes anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.conftest import (
    FOREIGN,
    FOREIGN_DEVICE,
    MAX_BODY_BYTES,
    MAX_DEVICES,
    SECOND_KEY,
    SUSPENDED,
    UNKNOWN_DEVICE,
    Own,
    filled,
)
from fotapool.api.common.operations import Operation
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.store.db.connection import StoreUnavailable
from support.helpers import ACCOUNT, Api

VERSIONS = (1, 2, 3)
EVERYWHERE: list[tuple[int, Operation, str]] = [
    (version, operation, path)
    for version, routes in ((1, v1), (2, v2), (3, v3))
    for operation in routes.OPERATIONS
    for path in operation.paths
]

IN_PATH = [one for one in EVERYWHERE if not one[1].account_member]
"""Those that name their account in the path; the other one is tested in test_campaign_rejections.py."""


def error_body(message: str, **more: Any) -> dict[str, Any]:
    return {"errorCode": "INVALID_PARAMETER", "errorMessage": message, **more}


def missing_credentials(context: str) -> dict[str, Any]:
    description = (
        "Required OAuth credentials not provided. Make sure your API invocation call has a header: "
        '"Authorization: Bearer ACCESS_TOKEN"'
    )
    return {"fault": {"code": "900902", "message": "Missing Credentials", "description": description}}


def invalid_credentials(context: str) -> dict[str, Any]:
    description = (
        f"Access failure for API: {context}, version: {context[-2:]}. Make sure you have given the correct access token"
    )
    return {"fault": {"code": "900901", "message": "Invalid Credentials", "description": description}}


def unknown_resource(context: str) -> dict[str, Any]:
    description = (
        f"Access failure for API: {context}, version: {context[-2:]}. Check the API documentation and add a proper "
        "REST resource path to the invocation URL"
    )
    message = "No matching resource found in the API for the given request"
    return {"fault": {"code": "900906", "message": message, "description": description}}


def assert_rejected(response: httpx.Response, body: dict[str, Any], status: int = 400, auth: str | None = None) -> None:
    assert (response.status_code, response.json()) == (status, body)
    assert response.headers["content-type"] == "application/json"
    assert response.headers.get("x-fotapool-auth") == auth


@pytest.fixture(scope="module")
def prepared(shared: Api, _unused_accounts: Iterator[int]) -> tuple[Own, tuple[Any, ...]]:
    """An account with licenses and candidates, and its state."""
    number = next(_unused_accounts)
    own = Own(shared, f"05{number:08d}-00001", 700_000_000_000_000 + 1000 * number)
    own.post(1, "assign", own.devices(3, 1))
    own.post(2, "cancel", own.devices(1, 7))
    return own, own.state()


@pytest.fixture
def unharmed(prepared: tuple[Own, tuple[Any, ...]]) -> Iterator[Own]:
    """The account, which must be in the same state after the test."""
    own, before = prepared
    yield own
    assert own.state() == before
    own.api.assert_consistent(own.account)


# Tokens


@pytest.fixture(scope="module")
def dead_tokens(shared: Api) -> dict[str, str]:
    """A bearer token that was revoked and a session that was logged out."""
    bearer = shared.get_bearer(SECOND_KEY).json()["access_token"]
    shared.http.post("/api/ts/v1/oauth2/revoke", auth=(SECOND_KEY, "demo-secret"), data={"token": bearer})
    session = shared.log_in().json()["sessionToken"]
    shared.http.post("/api/m2m/v1/session/logout", headers={**shared.tokens, "VZ-M2M-Token": session})
    return {"revoked": bearer, "logged out": session}


BEARERS = [
    pytest.param(None, missing_credentials, "bearer token missing", id="none"),
    pytest.param("Bearer", missing_credentials, "bearer token missing", id="empty"),
    pytest.param("Basic ZGVtby1rZXk6ZGVtby1zZWNyZXQ=", missing_credentials, "bearer token missing", id="basic"),
    pytest.param("Bearer x", invalid_credentials, "bearer token not known, expired or revoked (unknown)", id="wrong"),
    pytest.param(
        "bearer {revoked}", invalid_credentials, "bearer token not known, expired or revoked (revoked)", id="revoked"
    ),
]


@pytest.mark.parametrize(("header", "body", "auth"), BEARERS)
def test_without_a_valid_bearer_token_the_gateway_answers(
    unharmed: Own, dead_tokens: dict[str, str], header: str | None, body: Callable[[str], dict[str, Any]], auth: str
) -> None:
    headers = {"VZ-M2M-Token": "as bad, but the bearer token is judged first"}
    if header:
        headers["Authorization"] = header.format(**dead_tokens)
    for version, operation, path in EVERYWHERE:
        url = f"/api/fota/v{version}{filled(path, unharmed.account, 'x')}"
        response = unharmed.api.http.request(operation.method, url, headers=headers)
        assert_rejected(response, body(f"/fota/v{version}"), 401, auth)
        assert response.headers["www-authenticate"].startswith("Bearer")


SESSIONS = [
    pytest.param(None, "Session token is missing.", "session token missing", id="none"),
    pytest.param("", "Session token is missing.", "session token missing", id="empty"),
    pytest.param(
        "bcce3ea6-fe4f-4952-bacf-eadd80718e83", "Session token is not valid.", "session token not known", id="wrong"
    ),
    pytest.param("\u00e9", "Session token is not valid.", "session token not known", id="not ASCII"),
    pytest.param("{logged out}", "Session token is not valid.", "session token not known", id="logged out"),
]


@pytest.mark.parametrize(("session", "message", "auth"), SESSIONS)
def test_without_a_valid_session_the_service_answers(
    unharmed: Own, dead_tokens: dict[str, str], session: str | None, message: str, auth: str
) -> None:
    headers = {b"Authorization": unharmed.api.tokens["Authorization"].encode()}
    if session is not None:
        headers[b"VZ-M2M-Token"] = session.format(**dead_tokens).encode()
    for version, operation, path in EVERYWHERE:
        url = f"/api/fota/v{version}{filled(path, 'judged+later', 'x')}"
        response = unharmed.api.http.request(operation.method, url, headers=headers)
        assert_rejected(response, error_body(f"UWS verification failure ({message})"), auth=auth)


def test_expired_tokens_are_rejected_everywhere(api: Api) -> None:
    assigned, bearer_ended = api.assign(0), "bearer token not known, expired or revoked (expired)"
    api.advance("PT20M")
    for version, operation, path in EVERYWHERE:
        response = api.call(operation.method, f"/v{version}{filled(path, ACCOUNT, '0')}")
        message = "UWS verification failure (The Session has expired.)"
        assert_rejected(response, error_body(message), auth="session idle for too long")
    api.advance("PT40M")
    for version, operation, path in EVERYWHERE:
        response = api.call(operation.method, f"/v{version}{filled(path, ACCOUNT, '0')}")
        assert_rejected(response, invalid_credentials(f"/fota/v{version}"), 401, bearer_ended)
    api.sign_in()
    assert api.assign(0)["licUsedCount"] == assigned["licUsedCount"] == 1


# Accounts

ILLEGAL_NAMES = ["%00", "a%00", "%ff", "a%20b", "%D9%A1%D9%A2", "0000123456-00001%27", "%3Cb%3E", "-1", "x" * 65]


@pytest.mark.parametrize("name", ILLEGAL_NAMES)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_account_name_with_illegal_characters(unharmed: Own, version: int, name: str) -> None:
    assert_rejected(
        unharmed.api.call("GET", f"/v{version}/licenses/{name}"), error_body("Invalid account name format"), auth=None
    )


def test_an_unknown_account_and_a_foreign_one_cannot_be_told_apart(unharmed: Own) -> None:
    for version, operation, path in IN_PATH:
        answers = []
        for name in (FOREIGN, "9999999999-99999"):
            url = f"/v{version}{filled(path, name, FOREIGN_DEVICE)}"
            response = unharmed.api.call(operation.method, url, {"deviceList": [FOREIGN_DEVICE]})
            assert_rejected(response, error_body(f"UWS verification failure (Could not find account {name})"))
            kept = {header: text for header, text in response.headers.items() if header not in ("date", "x-request-id")}
            answers.append((response.text.replace(name, "NAME"), kept))
        assert answers[0] == answers[1]


def test_a_suspended_account(unharmed: Own) -> None:
    for version, operation, path in IN_PATH:
        url = f"/v{version}{filled(path, SUSPENDED, '0')}"
        response = unharmed.api.call(operation.method, url, content=b"not even read")
        assert_rejected(response, error_body("Inactive account"))


# Bodies


@dataclass(frozen=True)
class Body:
    """A request body, and why it is rejected; `offenders` are the answer's `invalidDevices`."""

    raw: bytes
    message: str
    offenders: list[str] | None = None
    status: int = 400


def listing(*entries: object) -> bytes:
    return json.dumps({"deviceList": entries}).encode()


def malformed(*entries: object, shown: list[str] | None = None) -> Body:
    return Body(listing(*entries), "Invalid device id format", shown or [str(entry) for entry in entries])


BINDING, EMPTY, TOO_LONG = "Input binding error", "Device list is empty", "Device list exceeds maximum size"
GOOD = UNKNOWN_DEVICE
BODIES = {
    "no body": Body(b"", BINDING),
    "white space": Body(b" \r\n", BINDING),
    "not JSON": Body(b"deviceList=900000000000001", BINDING),
    "cut off": Body(listing(GOOD)[:-1], BINDING),
    "something after": Body(listing(GOOD) + b"]", BINDING),
    "not UTF-8": Body(b'{"deviceList": ["\xff"]}', BINDING),
    "UTF-16": Body(listing(GOOD).decode().encode("utf-16"), BINDING),
    "half a surrogate pair": Body(b'{"deviceList": ["\\ud800"]}', BINDING),
    "a number that is none": Body(b'{"deviceList": [NaN]}', BINDING),
    "null": Body(b"null", BINDING),
    "a list": Body(b'["900000000000001"]', BINDING),
    "a string": Body(b'"900000000000001"', BINDING),
    "the list is a string": Body(b'{"deviceList": "900000000000001"}', BINDING),
    "the list is an object": Body(b'{"deviceList": {"0": "900000000000001"}}', BINDING),
    "100,000 brackets": Body(b"[" * 100_000, BINDING),
    "100,000 brackets in the list": Body(b'{"deviceList": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", BINDING),
    "100,000 braces in another member": Body(b'{"a":' * 40_000 + b"1" + b"}" * 40_000, BINDING),
    "no list": Body(b"{}", EMPTY),
    "another member": Body(b'{"devceList": ["900000000000001"]}', EMPTY),
    "another case": Body(b'{"devicelist": ["900000000000001"]}', EMPTY),
    "list null": Body(b'{"deviceList": null}', EMPTY),
    "list empty": Body(b'{"deviceList": []}', EMPTY),
    "list too long": Body(listing(*[GOOD] * (MAX_DEVICES + 1)), TOO_LONG),
    "list too long and malformed": Body(listing(*["x", 5] * MAX_DEVICES), TOO_LONG),
    "14 digits": malformed("90000000000000"),
    "16 digits": malformed("9000000000000001"),
    "no digits": malformed(""),
    "letters": malformed("90000000000000A"),
    "blanks": malformed(" 00000000000001", "90000000000001 ", "900000000000001\n"),
    "signs": malformed("-00000000000001", "+00000000000001", "9_0000000000001", "9e0000000000001"),
    "digits of other scripts": malformed("٩٠٠٠٠٠٠٠٠٠٠٠٠٠١", "\uff19" + "\uff10" * 14, "²00000000000001"),
    "NUL": malformed("90000000000000\x00"),
    "numbers": malformed(900000000000001, 5),
    "other types": malformed(None, True, [GOOD], {"a": 1}, shown=["null", "true", f'["{GOOD}"]', '{"a":1}']),
    "strings and others": malformed(GOOD, "x", 5, GOOD, 1.5, shown=["x", "5", "1.5"]),
    "good ones between": malformed(GOOD, "a", GOOD, "b", shown=["a", "b"]),
    "the first 100 offenders": malformed(*[GOOD, *(f"x{n}" for n in range(150))], shown=[f"x{n}" for n in range(100)]),
    "the first 100 numbers": malformed(*range(150), shown=[f"{n}" for n in range(100)]),
    "offenders are cut": malformed("9" * 100_000, int("8" * 60), shown=["9" * 40, "8" * 40]),
    "over the limit": Body(b" " * (MAX_BODY_BYTES + 1), "Request body exceeds maximum size", status=413),
}
VERBS = [
    (1, "assign"),
    (1, "remove"),
    (1, "cancel"),
    (2, "assign"),
    (2, "remove"),
    (2, "cancel"),
    (3, "assign"),
    (3, "remove"),
]


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body(unharmed: Own, name: str) -> None:
    body = BODIES[name]
    more = {} if body.offenders is None else {"invalidDevices": body.offenders}
    for version, verb in VERBS:
        response = unharmed.call(version, "POST", f"/licenses/{{account}}/{verb}", content=body.raw)
        assert_rejected(response, error_body(body.message, **more), body.status)


def test_a_body_over_the_limit_that_does_not_say_so_first(unharmed: Own) -> None:
    for version, verb in VERBS:
        parts = (b" " * 65_536 for _ in range(8))
        response = unharmed.call(version, "POST", f"/licenses/{{account}}/{verb}", content=parts)
        assert_rejected(response, error_body("Request body exceeds maximum size"), 413)


def candidates(list_of: list[object] | None = None, **members: object) -> bytes:
    return json.dumps({**members, "deviceList": [GOOD] if list_of is None else list_of}).encode()


CANDIDATES = {
    "another type": Body(candidates(type="replace"), "Invalid type"),
    "an empty type": Body(candidates(type=""), "Invalid type"),
    "a type with a blank": Body(candidates(type="append "), "Invalid type"),
    "a type that lower-cases to append": Body(candidates(type="APPEND\u0130"), "Invalid type"),
    "a type before an empty list": Body(candidates([], type="x"), "Invalid type"),
    "a type before a list too long": Body(candidates([GOOD] * (MAX_DEVICES + 1), type="x"), "Invalid type"),
    "a type before a malformed id": Body(candidates(["x"], type="x"), "Invalid type"),
    "a type before a number": Body(candidates([5], type="x"), "Invalid type"),
    "a type that is a number": Body(candidates(type=1), BINDING),
    "a count that is a string": Body(candidates(count="2"), BINDING),
    "a count that is a fraction": Body(candidates(count=1.5), BINDING),
    "a count that is true": Body(candidates(count=True), BINDING),
    "a count that is a list": Body(candidates(count=[]), BINDING),
    "a count before a number": Body(candidates([5], count="2"), BINDING),
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_bad_body_of_a_candidate_list(unharmed: Own, name: str) -> None:
    for version in (1, 2):
        response = unharmed.call(version, "POST", "/licenses/{account}/cancel", content=CANDIDATES[name].raw)
        assert_rejected(response, error_body(CANDIDATES[name].message))


# Cursors

TOO_LONG_CURSOR = "9" * 16
CURSORS = {
    "not a number": ("abc", error_body("Invalid index value")),
    "negative": ("-1", error_body("Invalid index value")),
    "a fraction": ("0.0", error_body("Invalid index value")),
    "digits of another script": ("%D9%A1", error_body("Invalid index value")),
    "not UTF-8": ("%ff", error_body("Invalid index value")),
    "NUL": ("0%00", error_body("Invalid index value")),
    "too long": (TOO_LONG_CURSOR, error_body("Invalid device id format", invalidDevices=[TOO_LONG_CURSOR])),
    "far too long": ("9" * 5000, error_body("Invalid device id format", invalidDevices=["9" * 40])),
    "a device of nobody": (UNKNOWN_DEVICE, error_body("LastSeenDeviceId Not Valid")),
    "a foreign account's device": (FOREIGN_DEVICE, error_body("LastSeenDeviceId Not Valid")),
    "as an offset": ("1000", error_body("LastSeenDeviceId Not Valid")),
}
STATUS_PATHS = [
    (1, "/licenses/{account}/index/"),
    (1, "/licenses/{account}?lastSeenDeviceId="),
    (2, "/licenses/{account}/index/"),
    (2, "/licenses/{account}?lastSeenDeviceId="),
    (3, "/licenses/{account}/index/"),
    (3, "/licenses/{account}?lastSeenDeviceId="),
    (3, "/firmware/licenses/{account}/index/"),
    (3, "/firmware/licenses/{account}?lastSeenDeviceId="),
]
CANDIDATE_PATHS = [
    (version, path)
    for version in (1, 2)
    for path in ("/licenses/{account}/cancel/index/", "/licenses/{account}/cancel?startIndex=")
]


@pytest.mark.parametrize("name", CURSORS)
def test_a_bad_cursor_of_the_license_status(unharmed: Own, name: str) -> None:
    cursor, body = CURSORS[name]
    for version, path in STATUS_PATHS:
        assert_rejected(unharmed.call(version, "GET", path + cursor), body)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("abc", "Invalid index value"),
        ("-1", "Invalid index value"),
        ("%D9%A1", "Invalid index value"),
        ("2", "Index exceeds number of devices in list"),
        ("9" * 15, "Index exceeds number of devices in list"),
        ("9" * 5000, "Index exceeds number of devices in list"),
    ],
    ids=["not a number", "negative", "another script", "just beyond the end", "15 digits", "5000 digits"],
)
def test_a_bad_index_of_the_candidate_list(unharmed: Own, index: str, message: str) -> None:
    for version, path in CANDIDATE_PATHS:
        assert_rejected(unharmed.call(version, "GET", path + index), error_body(message))


@pytest.mark.parametrize(
    "query",
    ["lastSeenDeviceId=", "lastSeenDeviceId=0&lastSeenDeviceId=x", "&".join(["a=1"] * 101)],
    ids=["empty", "twice", "101 parameters"],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_bad_query(unharmed: Own, version: int, query: str) -> None:
    response = unharmed.call(version, "GET", f"/licenses/{{account}}?{query}")
    assert_rejected(response, error_body("Invalid index value"))


# Paths and methods


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("GET", "/"),
        ("GET", "/licenses/"),
        ("GET", "/licenses/{account}/"),
        ("GET", "/licenses/{account}/index/"),
        ("POST", "/licenses/{account}/steal"),
        ("GET", "/licenses/a%2Fb"),
        ("POST", "/Licenses/{account}/assign"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_path_that_the_api_does_not_have(unharmed: Own, version: int, method: str, path: str) -> None:
    assert_rejected(unharmed.call(version, method, path), unknown_resource(f"/fota/v{version}"))


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("path", ["/licenses/{account}/cancel", "/licenses/{account}/cancel/index/0"])
def test_version_3_has_no_candidate_list(unharmed: Own, method: str, path: str) -> None:
    assert_rejected(unharmed.call(3, method, path), unknown_resource("/fota/v3"))


def test_a_path_that_sign_in_does_not_have(shared: Api) -> None:
    assert_rejected(shared.http.get("/api/ts/v1/nope"), unknown_resource("/ts/v1"))


@pytest.mark.parametrize("path", ["/api/nope", "/api", "/api/fota/v4/licenses/1", "/api/fota/v10/x", "/nope"])
def test_an_api_that_does_not_exist_is_an_xml_fault(shared: Api, path: str) -> None:
    response = shared.http.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/xml"
    assert response.text == (
        '<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>404</am:code><am:type>Status report</am:type>'
        "<am:message>Not Found</am:message><am:description>The requested resource is not available."
        "</am:description></am:fault>"
    )
    assert shared.http.head(path).content == b""


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]


def test_a_method_that_the_path_does_not_have(unharmed: Own) -> None:
    for version, _, path in EVERYWHERE:
        here = [one for other, one, its in EVERYWHERE if (other, its) == (version, path)]
        allowed = {method for one in here for method, _ in one.calls} | {"OPTIONS"}
        allowed |= {"HEAD"} if "GET" in allowed else set()
        for method in sorted(set(METHODS) - allowed):
            response = unharmed.api.call(method, f"/v{version}{filled(path, unharmed.account, '0')}")
            assert (response.status_code, response.headers["allow"]) == (405, ", ".join(sorted(allowed)))
            if method != "HEAD":
                assert response.json()["fault"]["message"] == "Method not allowed"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/ts/v1/oauth2/token", "OPTIONS, POST"),
        ("/api/ts/v1/oauth2/revoke", "OPTIONS, POST"),
        ("/api/m2m/v1/session/login", "OPTIONS, POST"),
        ("/api/m2m/v1/session/password/actions/reset", "OPTIONS, PUT"),
    ],
)
def test_a_method_that_sign_in_does_not_have(shared: Api, path: str, allowed: str) -> None:
    response = shared.http.get(path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    options = shared.http.options(path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")


# Faults of the server


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (RuntimeError("a bug"), 500, "INTERNAL_SYSTEM_ERROR", "Internal error."),
        (StoreUnavailable("disk full"), 503, "SERVICE_UNAVAILABLE", "The service is temporarily unavailable"),
        (RequestRejected(ErrorCode.BUSY), 503, "SERVICE_UNAVAILABLE", "The service is temporarily unavailable"),
    ],
    ids=["bug", "store", "busy"],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_of_the_server_has_the_service_s_message(
    unharmed: Own, monkeypatch: pytest.MonkeyPatch, version: int, error: Exception, status: int, code: str, message: str
) -> None:
    async def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("fotapool.services.licenses.licenses.assign_licenses", fail)
    path = "/licenses/{account}/assign"
    response = unharmed.call(version, "POST", path, {"deviceList": [GOOD]})
    assert_rejected(response, {"errorCode": code, "errorMessage": message}, status)
    assert response.headers.get("retry-after") == ("2" if status == 503 else None)
