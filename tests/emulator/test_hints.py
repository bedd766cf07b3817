"""Hints, one by one: each says what to send instead; and what is right gets none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fotapool.emulator.hints import RequestContext, account_candidates, find_hints
from fotapool.emulator.rules import mentions, path_fits

BASE = "/api/fota/v3/licenses/0242078689-00001"


def asked(
    path: str = f"{BASE}/assign", body: Any = "", answer: str = "", status: int = 400, **other: Any
) -> RequestContext:
    text = body if isinstance(body, str) else json.dumps(body)
    values: dict[str, Any] = {"method": "POST", "headers": {}, "auth": "", **other}
    return RequestContext(path=path, body=text, body_truncated=False, status=status, answer=answer, **values)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (asked(body={"devceList": []}), "send `deviceList`"),
        (asked(body={"devicelist": []}), "`devicelist` is not known here: send `deviceList`"),
        (asked(body={"deviceList": ["35209900176148"]}), "send 352099001761481"),
        (asked(body={"deviceList": ["3520990017614823"]}), "IMEISV: send the IMEI, 352099001761481"),
        (asked(body={"deviceList": [352099001761481]}), "text, not numbers"),
        (asked(body={"deviceList": ["35-209900-176148-1"]}), "send 352099001761481"),
        (asked(body={"deviceList": ["A0000012345678"]}), "MEID"),
        (asked(path="/api/fota/v3/reports/a/devices/35209900176148", method="GET"), "send 352099001761481"),
        (asked(body="{'deviceList': []}"), "Python dictionary"),
        (asked(body='{"deviceList": [}'), "at line 1, column"),
        (
            asked(body="deviceList=1", headers={"content-type": "application/x-www-form-urlencoded"}),
            "send JSON, as application/json",
        ),
        (asked(path="/api/ts/v1/oauth2/token", body={"grant_type": "client_credentials"}), "Send a form here"),
        (asked(path=f"{BASE}/index/1000", method="GET"), "not an offset here"),
        (asked(path=f"{BASE}?lastSeenDeviceId=1000", method="GET"), "not an offset here"),
        (
            asked(path=f"{BASE}?startIndex=352099001761481", answer="LastSeenDeviceId Not Valid"),
            "no device of this account",
        ),
        (asked(path=f"{BASE}/cancel?startIndex=352099001761481", method="GET"), "number of the first record"),
        (asked(body={"startDate": "12/31/2026"}), "year first"),
        (asked(answer="Pilot campaign exceeds maximum of 20 devices"), "pilot first"),
        (asked(method="GET", headers={"content-length": "5"}), "A GET has no body"),
        (asked(answer="Inactive account"), "suspended"),
        (asked(auth="session token not known", headers={"vz-m2m-token": "abc"}), "is no GUID"),
        (
            asked(auth="session token not known", headers={"vz-m2m-token": "t", "authorization": "Bearer t"}),
            "holds the bearer token",
        ),
        (asked(auth="session token missing"), "The session token is missing"),
        (asked(auth="bearer token missing"), "The bearer token is missing"),
        (asked(auth="bearer token not known, expired or revoked (unknown)"), "not one of this server"),
        (asked(auth="user name or password wrong, or user locked"), "locked the user"),
    ],
)
def test_a_hint_says_what_to_send(given: RequestContext, words: str) -> None:
    found = find_hints(given)
    assert any(words in one for one in found), found


@pytest.mark.parametrize(
    "given",
    [
        asked(body={"deviceList": ["352099001761481", "990000000000003"]}, status=200),
        asked(path=f"{BASE}/index/0", method="GET", status=200),
        asked(path=f"{BASE}?startIndex=352099001761481", method="GET", status=200),
        asked(body="", status=0),
        asked(body="[" * 100_000, status=200),
        asked(body={"deviceList": [None, True, {"x": []}, []]}, status=200),
    ],
)
def test_what_is_right_gets_no_hint(given: RequestContext) -> None:
    assert find_hints(given) == []


def test_an_account_is_padded_to_the_documented_form() -> None:
    answer = '{"errorMessage":"UWS verification failure (Could not find account 242078689-1)"}'
    path = "/api/fota/v3/licenses/242078689-1"
    assert account_candidates(asked(path=path, answer=answer)) == ["0242078689-00001"]
    assert account_candidates(asked(answer="Could not find account 0242078689-00001)")) == []
    assert account_candidates(asked(path=path, answer="")) == []


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
    assert path_fits(pattern, path) is fits


def test_a_name_is_not_found_within_a_longer_one() -> None:
    assert mentions('["990000000000003"]', "990000000000003")
    assert not mentions("19900000000000031", "990000000000003")
    assert not mentions("0242078689-000012", "0242078689-00001")
