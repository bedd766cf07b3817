"""Every wrong request of the tables is rejected for its reason, and gets its hint."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template

import httpx
import pytest

from emulator.refusing import SEED, SETTINGS, SUSPENDED, Row, prepare, rows, send
from fotapool.api.auth.oauth import oauth_error
from fotapool.api.common.connectivity_errors import EMPTY_BODY, connectivity_error
from fotapool.api.common.errors import error_response
from fotapool.app import Server
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.emulator.advice import plain_advice
from support.helpers import ACCOUNT, NOW_MS, OPERATOR, SECRET, Api, seed_file
from support.servers import ServerInThread

TABLES = ("sign_in", "v1", "v2", "v3")
REJECTED = [row for table in TABLES for row in rows(table)]
NAMES = rows("names")

STATE = "the state of the server, not the request; tests/emulator/test_hints.py has its hint"
NOT_FOR_SIGN_IN = "sign-in has no account and no operation of this kind"
NO_LOGIN = "only sign-in logs in"
M2M_ONLY = "only Connectivity Management has filters that are not emulated"
V2_ONLY = "only version 2 has files and logs"
V1_ONLY = "only version 1 names a service"
NEVER: dict[str, dict[str, str]] = {
    "v1": {
        "LOGIN_REFUSED": NO_LOGIN,
        "NOT_EMULATED": M2M_ONLY,
        **dict.fromkeys(("FILE_UNKNOWN", "FILE_INVALID", "FILE_TOO_LARGE", "FILE_EXISTS", "LOGGING_LIMIT"), V2_ONLY),
        "WINDOW_INVALID": "version 1 has no time windows",
        "PILOT_TOO_LARGE": "version 1 has no pilot rule",
        "DATES_FIXED": "version 1 does not change dates",
    },
    "v2": {"LOGIN_REFUSED": NO_LOGIN, "NOT_EMULATED": M2M_ONLY, "SERVICE_INVALID": V1_ONLY},
    "v3": {
        "LOGIN_REFUSED": NO_LOGIN,
        "NOT_EMULATED": M2M_ONLY,
        "SERVICE_INVALID": V1_ONLY,
        **dict.fromkeys(("FILE_UNKNOWN", "FILE_INVALID", "FILE_TOO_LARGE", "FILE_EXISTS", "LOGGING_LIMIT"), V2_ONLY),
        "INDEX_TOO_HIGH": "version 3 has no list with record numbers",
    },
    "sign-in": {
        code.name: NOT_FOR_SIGN_IN
        for code in ErrorCode
        if code.name
        not in (
            *("BEARER_MISSING", "BEARER_INVALID", "SESSION_MISSING", "SESSION_INVALID", "SESSION_EXPIRED"),
            *("LOGIN_REFUSED", "BODY_TOO_LARGE", "ENCODING_UNSUPPORTED", "MEMBER_UNKNOWN", "BODY_INVALID"),
        )
    },
}
"""Why an error cannot occur in an API."""


def emulator(directory: Path, strict: bool) -> Iterator[Api]:
    settings = Settings(
        database=f"sqlite:///{directory}/refusals.db",
        storage=(directory / "files").as_uri(),
        seed=seed_file(directory, SEED),
        emulator=True,
        operator_key=OPERATOR,
        strict=strict,
        **SETTINGS,
    )
    server = Server(settings, MovableClock(FixedClock(NOW_MS)))
    running = ServerInThread(server)
    api = Api(running.client, server)
    api.sign_in()
    yield api
    running.stop()


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    yield from emulator(tmp_path_factory.mktemp("lenient"), strict=False)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    yield from emulator(tmp_path_factory.mktemp("strict"), strict=True)


@pytest.fixture(scope="module")
def values(lenient: Api) -> dict[str, str]:
    return prepare(lenient)


def assert_rejected(row: Row, answer: httpx.Response) -> None:
    """The answer is that of the row's code, whose message has the API's own words."""
    if row.code.isdigit():
        assert answer.status_code == int(row.code), answer.text
        return
    code = ErrorCode[row.code]
    rejected = RequestRejected(code, answer.request.url.path.split("/")[-1])
    if row.url.startswith("/api/ts"):
        expected = oauth_error(rejected, 2)
    elif row.url.startswith("/api/m2m"):
        empty = RequestRejected(code, EMPTY_BODY) if not answer.request.content else rejected
        expected = connectivity_error(empty, 2)
    else:
        expected = error_response(rejected, f"/fota/{row.api}", 2)
    assert answer.status_code == expected.status, answer.text
    words = re.compile(rb'"(?:errorMessage|error_description|description)":"([^"(]*)')
    assert words.findall(answer.content) == words.findall(expected.body), answer.text


def assert_hint(row: Row, answer: httpx.Response, values: dict[str, str]) -> None:
    hint = answer.headers.get("x-fotapool-hint", "-")
    expected = Template(row.hint).substitute(values)
    if expected == "advice":
        expected = plain_advice(ErrorCode[row.code], row.url.startswith("/api/m2m"), {"name": SUSPENDED})
    assert hint == "".join(one if " " <= one <= "~" else "?" for one in expected)[:400]
    assert not re.search(r"\$\w|\{\w+\}", hint.replace("{account}", "")), "a placeholder that is not filled in"
    for secret in ("BEARER", "SESSION", "EXPIRED_BEARER", "EXPIRED_SESSION", "REVOKED"):
        assert values[secret][:12] not in hint
    assert SECRET not in hint


@pytest.mark.parametrize("row", REJECTED, ids=lambda row: f"{row.code} {row.method} {row.path} {row.body[:40]}")
def test_a_wrong_request_gets_its_hint(lenient: Api, values: dict[str, str], row: Row) -> None:
    answer = send(lenient, row, values)
    assert_rejected(row, answer)
    assert_hint(row, answer, values)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: f"{row.method} {row.path} {row.body[:40]}")
def test_an_ignored_name_gets_a_hint_and_strict_rejects_it(
    lenient: Api, strict: Api, values: dict[str, str], row: Row
) -> None:
    taken, refused = send(lenient, row, values), send(strict, row, values)
    assert taken.status_code == 200, taken.text
    assert_rejected(row, refused)
    for answer in (taken, refused):
        assert_hint(row, answer, values)
    asked = lenient.control("GET", "/requests?limit=1000").json()["requests"][-1]
    assert asked["hints"][0] == row.hint


def test_strict_takes_what_the_operations_take(strict: Api) -> None:
    answer = strict.call("GET", f"/v3/licenses/{ACCOUNT}?lastSeenDeviceId=0")
    assert (answer.status_code, answer.headers.get("x-fotapool-hint")) == (200, None)
    body = {"addOrRemoveDevice": [{"Type": "append", "deviceList": ["990000000000000"]}]}
    unknown = strict.call("PUT", f"/v3/campaigns/{ACCOUNT}/60b5d639-ccdc-4db8-8824-069bd94c95bf", body)
    assert unknown.json()["errorMessage"] == "Invalid campaignId"


def test_every_error_is_in_the_tables_twice_for_each_api_or_cannot_occur() -> None:
    found = Counter((row.api, row.code) for row in [*REJECTED, *NAMES])
    for api, never in NEVER.items():
        for code in ErrorCode:
            if code.name in ("IDEMPOTENCY_KEY_IN_USE", "RATE_LIMITED", "BUSY", "STORE_UNAVAILABLE", "INTERNAL"):
                assert STATE
            elif code.name in never:
                assert not found[api, code.name], f"{code.name} occurs in {api}"
            else:
                assert found[api, code.name] >= 2, f"{code.name} in {api}"
    assert found.total() >= 150


def test_rejected_requests_of_no_account_are_listed(start: Callable[..., Api]) -> None:
    """Wrong secret, password, path and account; neither what succeeded nor what an account's request did wrong."""
    api = start()
    api.control("DELETE", "/requests")
    api.get_bearer(secret="wrong")
    api.log_in(password="wrong")
    api.call("GET", f"/v3/licences/{ACCOUNT}")
    api.call("GET", "/v3/licenses/242078689-1")
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {})
    api.call("GET", f"/v3/licenses/{ACCOUNT}")
    found = api.control("GET", "/requests?nobody=true").json()["requests"]
    assert [one["status"] for one in found] == [401, 400, 400, 400]
    assert all(one["hints"] for one in found)
