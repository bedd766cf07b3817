"""Hints, one by one: each says what to send instead; and what is right gets none."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.emulator.advice import ADVICE
from fotapool.emulator.hints import RequestContext, account_candidates, find_hints
from fotapool.emulator.paths import suggest
from fotapool.emulator.rules import mentions, path_matches
from fotapool.web.known_names import KnownNames

E = ErrorCode
BASE = "/api/fota/v3/licenses/0242078689-00001"
TOKEN, LOGIN = "/api/ts/v1/oauth2/token", "/api/m2m/v1/session/login"
IMEI = "352099001761481"


class Body(msgspec.Struct):
    deviceList: list[str]
    startDate: str = ""


def asked(
    code: ErrorCode | None = None,
    detail: str = "",
    path: str = f"{BASE}/assign",
    body: Any = "",
    status: int = 400,
    offenders: tuple[str, ...] = (),
    **other: Any,
) -> RequestContext:
    text = body if isinstance(body, str) else json.dumps(body)
    values: dict[str, Any] = {"method": "POST", "headers": {}, "body_truncated": False, **other}
    rejection = None if code is None else RequestRejected(code, detail, offenders)
    return RequestContext(path=path, body=text, status=status, rejection=rejection, **values)


def undecoded(body: Any, **other: Any) -> RequestContext:
    """A request whose body was rejected by the decoder."""
    context = asked(E.BODY_INVALID, body=body, known_names=KnownNames((), Body), **other)
    assert context.rejection is not None
    with pytest.raises((msgspec.DecodeError, RecursionError)) as raised:
        msgspec.json.decode(context.body, type=Body)
    context.rejection.__cause__ = raised.value
    return context


def with_headers(code: ErrorCode, detail: str = "", **headers: str) -> RequestContext:
    return asked(code, detail, headers={name.replace("_", "-"): value for name, value in headers.items()})


GUID = "60b5d639-ccdc-4db8-8824-069bd94c95bf"
EXPECTED = [
    (with_headers(E.BEARER_MISSING), "The bearer token is missing"),
    (with_headers(E.BEARER_MISSING, authorization="Basic eA=="), "word Bearer, not Basic"),
    (with_headers(E.BEARER_MISSING, authorization="3aee8ad09a0e5e0c"), "must begin with the word Bearer"),
    (with_headers(E.BEARER_INVALID, "unknown", authorization="Bearer x"), "not one of this server"),
    (with_headers(E.BEARER_INVALID, "expired"), "has expired"),
    (with_headers(E.BEARER_INVALID, "revoked"), "was revoked"),
    (with_headers(E.BEARER_INVALID, "unknown", authorization="Bearer Bearer x"), "Bearer twice"),
    (with_headers(E.BEARER_INVALID, "unknown", authorization=f"Bearer {GUID}"), "looks like the session token"),
    (with_headers(E.SESSION_MISSING), "The session token is missing"),
    (with_headers(E.SESSION_INVALID, vz_m2m_token="abc"), "is no GUID"),
    (with_headers(E.SESSION_INVALID, vz_m2m_token="t", authorization="Bearer t"), "holds the bearer token"),
    (with_headers(E.SESSION_INVALID, vz_m2m_token=f"Bearer {GUID}"), "without the word Bearer"),
    (with_headers(E.SESSION_INVALID, vz_m2m_token=GUID), "not one of this server"),
    (with_headers(E.SESSION_EXPIRED), "20 minutes without a request"),
    (asked(E.LOGIN_REFUSED, path=LOGIN), "locked the user"),
    (asked(E.ACCOUNT_NAME_INVALID, "$ACCOUNT"), "placeholder"),
    (asked(E.ACCOUNT_NAME_INVALID, "{account}"), "placeholder"),
    (asked(E.ACCOUNT_NAME_INVALID, "a b"), "1 to 64 letters"),
    (asked(E.ACCOUNT_NOT_FOUND, "1", known_accounts=["0242078689-00001"]), "there is an account 0242078689-00001"),
    (asked(E.ACCOUNT_NOT_FOUND, "1"), "is not one of its users"),
    (asked(E.ACCOUNT_INACTIVE), "suspended"),
    (asked(E.BODY_TOO_LARGE), "4 MiB"),
    (asked(E.BODY_TOO_LARGE, path=LOGIN), "64 KiB"),
    (asked(E.BODY_INVALID), "The body is empty"),
    (asked(E.BODY_INVALID, body={"addOrRemoveDevice": [1, 2]}), "Send a JSON object"),
    (undecoded("{'deviceList': []}"), "Python dictionary"),
    (undecoded('{"deviceList": [}'), "at line 1, column 17"),
    (undecoded('{"deviceList": ["\x01"]}'), "Invalid control character at line 1"),
    (undecoded('{"deviceList": ["\\ud800"]}'), "half of a surrogate pair"),
    (undecoded('\ufffd\ufffd{\0"\0'), "UTF-16: send UTF-8"),
    (undecoded('{\0"\0'), "UTF-16: send UTF-8"),
    (undecoded('\ufeff{"deviceList": []}'), "a byte order mark"),
    (undecoded("\x1f\ufffd\x08\0"), "send `Content-Encoding: gzip` with it"),
    (undecoded("deviceList%5B%5D=1"), "The body is a form"),
    (undecoded("--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"}), "is multipart/form-data: send"),
    (asked(E.BODY_INVALID, "the body is not gzip"), "The body is not gzip."),
    (asked(E.ACCOUNT_NAME_INVALID, ""), "names no account"),
    (undecoded('{"deviceList":["990000000002809",]}'), "at line 1, column 3"),
    (
        undecoded('{"deviceList":["1",]}', headers={"content-type": "application/x-www-form-urlencoded"}),
        "The body is no JSON",
    ),
    (undecoded('{"deviceList":[', body_truncated=True), "truncated"),
    (undecoded("deviceList=1", headers={"content-type": "application/x-www-form-urlencoded"}), "send JSON"),
    (undecoded({"deviceList": [IMEI], "startDate": 1796083200000}), "`startDate` must be a string, not an integer"),
    (undecoded({"deviceList": IMEI}), "`deviceList` must be an array, not a string"),
    (undecoded({"deviceList": [7]}), "`deviceList[0]` must be a string, not an integer"),
    (undecoded([IMEI]), "The body must be an object, not an array"),
    (undecoded({"devicelist": []}), "`devicelist` is not known here: send `deviceList`"),
    (undecoded({"devceList": []}), "send `deviceList`"),
    (undecoded({"a": 1}), "The member `deviceList` is missing"),
    (asked(E.TYPE_INVALID), "`append` or `remove`"),
    (asked(E.NOT_EMULATED, "The filter groupName"), "its IMEI or MDN"),
    (asked(E.DEVICE_LIST_EMPTY), "at least one IMEI"),
    (asked(E.DEVICE_LIST_EMPTY, body={"DeviceList": []}, known_names=KnownNames((), Body)), "send `deviceList`"),
    (asked(E.MEMBER_UNKNOWN, path=f"{BASE}?Case=1", known_names=KnownNames(["case"])), "send `case`"),
    (asked(E.MEMBER_UNKNOWN), "Leave out what"),
    (asked(E.DEVICE_LIST_TOO_LONG), "--max-devices-per-request"),
    (asked(E.DEVICE_ID_INVALID, offenders=("35209900176148",)), f"send {IMEI}"),
    (asked(E.DEVICE_ID_INVALID, offenders=("3520990017614823",)), f"IMEISV: send the IMEI, {IMEI}"),
    (asked(E.DEVICE_ID_INVALID, offenders=(IMEI,)), "text, not numbers"),
    (asked(E.DEVICE_ID_INVALID, offenders=("35-209900-176148-1",)), f"send {IMEI}"),
    (asked(E.DEVICE_ID_INVALID, offenders=("A0000012345678",)), "MEID"),
    (asked(E.DEVICE_ID_INVALID, offenders=('{"id":"1","kind":"imei"}',)), "not by an object"),
    (asked(E.DEVICE_ID_INVALID, offenders=("x",)), "exactly 15 digits"),
    (asked(E.CAMPAIGN_ID_INVALID, "x"), "a UUID"),
    (asked(E.PACKAGE_UNKNOWN), "Send a name from the list of firmware"),
    (asked(E.FILE_UNKNOWN), "`fileName` and `fileVersion`"),
    (asked(E.PROTOCOL_INVALID, "x"), "`LWM2M`"),
    (asked(E.START_DATE_INVALID, body={"startDate": "12/31/2026"}), "year first"),
    (asked(E.START_DATE_INVALID, body={"startDate": "2026-12-20T00:00:00Z"}), "without a time: send 2026-12-20"),
    (asked(E.START_DATE_INVALID, body={"startDate": "2020-01-01"}), "today or later"),
    (asked(E.START_DATE_INVALID, body={"startDate": "2026-02-30"}), "no day of the calendar"),
    (asked(E.START_DATE_INVALID, body={"startDate": "\uff12\uff10\uff12\uff16-12-01"}), "Send a date"),
    (asked(E.START_DATE_INVALID, body={}), "Send a date"),
    (asked(E.END_DATE_INVALID, body={"startDate": "2026-12-02", "endDate": "2026-12-01"}), "is before `startDate`"),
    (asked(E.END_DATE_INVALID, body={"endDate": "2126-12-01"}), "at most 366 days"),
    (asked(E.WINDOW_INVALID), "24 windows"),
    (asked(E.STATUS_INVALID, "x"), "campaigns (docs/reference/campaigns.md)"),
    (asked(E.PILOT_TOO_LARGE), "pilot first"),
    (asked(E.CAMPAIGN_UNKNOWN, "x"), "Check the id"),
    (asked(E.CAMPAIGN_STARTED), "Only v2 can abort"),
    (asked(E.DEVICES_FIXED), "Schedule a further campaign"),
    (asked(E.DATES_FIXED), "only its end"),
    (asked(E.URL_INVALID), "absolute `https` URL"),
    (asked(E.SERVICE_INVALID), "`Fota`"),
    (asked(E.FILE_INVALID, "the form has no part fileupload"), "The form has no part fileupload. Send `multipart"),
    (asked(E.FILE_TOO_LARGE), "64 MiB"),
    (asked(E.FILE_EXISTS), "another `fileVersion`"),
    (asked(E.LOGGING_LIMIT), "Turn logging off"),
    (asked(E.DEVICE_UNKNOWN), "Check the IMEI"),
    (asked(E.INDEX_INVALID, "x"), "begin with 0"),
    (
        asked(E.INDEX_TOO_HIGH, path=f"{BASE}/cancel?startIndex={IMEI}", method="GET"),
        "number of the first record",
    ),
    (asked(E.INDEX_TOO_HIGH, path=f"{BASE}/cancel?startIndex=9", method="GET"), "shorter than that"),
    (asked(E.INDEX_TOO_HIGH, path=f"/status/Queued/index/{IMEI}", method="GET"), "Here the index is the number"),
    (asked(E.CURSOR_UNKNOWN, path=f"{BASE}/index/1000", method="GET"), "does not take an offset here"),
    (asked(E.CURSOR_UNKNOWN, path=f"{BASE}?lastSeenDeviceId=1000", method="GET"), "does not take an offset here"),
    (asked(E.CURSOR_UNKNOWN, path=f"{BASE}?startIndex={IMEI}"), "no device of this account"),
    (asked(E.ENCODING_UNSUPPORTED), "Content-Encoding: gzip"),
    (asked(E.IDEMPOTENCY_KEY_INVALID), "visible ASCII characters"),
    (asked(E.IDEMPOTENCY_KEY_IN_USE), "with the same key"),
    (asked(E.IDEMPOTENCY_KEY_REUSED), "a new key with each change"),
    (asked(E.RATE_LIMITED), "Retry-After"),
    (asked(E.BUSY), "Retry-After"),
    (asked(E.STORE_UNAVAILABLE), "/health/ready"),
    (asked(E.INTERNAL), "This is a bug"),
    # without an error code
    (asked(path=TOKEN, body={"grant_type": "client_credentials"}), "Send a form here"),
    (asked(path="/api/ts/v1/oauth2/revoke", body={"token": "t"}), "not JSON: token=ACCESS_TOKEN"),
    (asked(path=TOKEN, body="grant_type=password"), "the only grant type"),
    (asked(path=TOKEN, status=401), "Authorization: Basic base64(KEY:SECRET)"),
    (asked(path=TOKEN, status=401, headers={"authorization": "Basic a2V5OnNlY3JldA=="}), "key or secret is wrong"),
    (asked(method="GET", headers={"content-length": "5"}), "A GET has no body"),
    (asked(status=405, method="GET", templates=[("POST", "/api/fota/v3/licenses/{account}/assign")]), "takes POST"),
]


@pytest.mark.parametrize(("given", "text"), EXPECTED)
def test_a_hint_says_what_to_send(given: RequestContext, text: str) -> None:
    found = find_hints(given)
    assert any(text in one for one in found), found


def test_the_reason_of_a_rejection_comes_before_what_is_ignored() -> None:
    found = find_hints(asked(E.SESSION_MISSING, method="GET", headers={"content-length": "2"}))
    assert [hint[:12] for hint in found] == ["The session ", "A GET has no"]


@pytest.mark.parametrize("body", ['{"deviceList":[' + "1" * 5_000 + ",]}", "[" * 100_000, '{"a"' * 20_000])
def test_no_body_makes_the_hints_fail(body: str) -> None:
    assert find_hints(undecoded(body))
    assert find_hints(asked(path=TOKEN, status=401, headers={"authorization": "Basic \xe9:"}))


def test_every_error_code_has_a_hint_and_a_row() -> None:
    assert {given.rejection.code for given, _ in EXPECTED if given.rejection} == set(ErrorCode) == set(ADVICE)


@pytest.mark.parametrize(
    "given",
    [
        asked(body={"deviceList": [IMEI, "990000000000003"]}, status=200),
        asked(path=f"{BASE}/index/0", method="GET", status=200),
        asked(path=f"{BASE}?startIndex={IMEI}", method="GET", status=200, known_names=KnownNames(["startIndex"])),
        asked(body="", status=0),
        asked(body="[" * 100_000, status=200),
        asked(body={"deviceList": [None, True, {"x": []}, []]}, status=200),
    ],
)
def test_what_is_right_gets_no_hint(given: RequestContext) -> None:
    assert find_hints(given) == []


def test_the_response_of_an_injected_fault_gets_no_hint() -> None:
    templates = [("POST", "/api/fota/v3/licenses/{account}/assign")]
    for status in (400, 404, 405, 429, 500):
        method = "GET" if status == 405 else "POST"
        assert find_hints(asked(status=status, method=method, path="/api/fota/v3/x" * 40, templates=templates)) == []


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/fota/v1/upgrades/0242078689-00001"),
        ("GET", "/api/fota/v3/files/0242078689-00001"),
        ("GET", "/nothing/of/this"),
    ],
)
def test_no_other_api_method_or_version_is_suggested(method: str, path: str, status: int) -> None:
    templates = [
        ("POST", LOGIN),
        ("GET", "/api/fota/v1/firmware/{account}"),
        ("GET", "/api/fota/v2/files/{account}"),
        ("GET", "/api/fota/v3/licenses/{account}"),
    ]
    assert find_hints(asked(path=path, method=method, status=status, templates=templates)) == []


@pytest.mark.parametrize("path", ["/devices/actions/list", "/leads/0-1", "/session/refresh", "/session/logn"])
def test_what_is_not_emulated_of_connectivity_management_is_said_so(path: str) -> None:
    (hint,) = find_hints(asked(path=f"/api/m2m/v1{path}", status=400, templates=[("POST", LOGIN)]))
    assert hint.startswith("This operation of the Connectivity Management API is not emulated.")
    assert LOGIN not in hint


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/V1/Licenses/Acme-1", "Paths are case-sensitive: send /api/fota/v1/licenses/Acme-1."),
        ("/V1/other", "Paths are case-sensitive: the version is v1."),
        ("/v3.0/licenses/Acme-1", "There is no version 3.0 of the API: use /api/fota/v1, v2 or v3."),
        ("/v3", "This is the path of a version: append that of an operation."),
        ("/licenses/Acme-1", "The path lacks the version: /api/fota/v1, v2 or v3."),
    ],
)
def test_case_and_version_of_a_path_are_mended(path: str, hint: str) -> None:
    assert suggest("GET", f"/api/fota{path}", [("GET", "/api/fota/v1/licenses/{account}")]) == hint


def test_a_path_that_takes_another_method_does_not_hide_the_one_that_was_meant() -> None:
    templates = [("GET", "/api/fota/v2/campaigns/{account}/{id}"), ("POST", "/api/fota/v2/campaigns/files/{account}")]
    (hint,) = find_hints(asked(path="/api/fota/v2/campaigns/file/Acme-1", status=405, templates=templates))
    assert hint.endswith("takes GET, not POST. The nearest that does is POST /api/fota/v2/campaigns/files/Acme-1.")


def test_an_account_is_padded_to_the_documented_form() -> None:
    path = "/api/fota/v3/licenses/242078689-1"
    assert account_candidates(asked(E.ACCOUNT_NOT_FOUND, "242078689-1", path=path)) == ["0242078689-00001"]
    assert account_candidates(asked(E.ACCOUNT_NOT_FOUND, "0242078689-00001")) == []
    assert account_candidates(asked(path=path)) == []


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/fota", "/api/fota/v3/licenses/a", True),
        ("/api/fota/v3", "/api/fota/v3/licenses/a?x=1", True),
        ("/fota/*/assign", "/api/fota/v3/licenses/a/assign", True),
        ("/fota/*/assign", "/api/fota/v3/licenses/a/remove", False),
        ("/callbacks", "http://127.0.0.1:9/callbacks", True),
        ("http://127.0.0.1", "http://127.0.0.1:9/callbacks", True),
        ("/ts", "/api/fota/v3", False),
    ],
)
def test_a_pattern_is_a_glob_or_a_beginning(pattern: str, path: str, fits: bool) -> None:
    assert path_matches(pattern, path) is fits


def test_a_name_is_not_found_within_a_longer_one() -> None:
    assert mentions('["990000000000003"]', "990000000000003")
    assert not mentions("19900000000000031", "990000000000003")
    assert not mentions("0242078689-000012", "0242078689-00001")
