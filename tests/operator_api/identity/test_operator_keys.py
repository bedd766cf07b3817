"""Keys of operators and devices are replaced with an overlap, show their last use, and the start key is retired."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from fotapool.domain.identity import KEY_USE_MS
from fotapool.services.identity.keys.uses import MAX_WRITTEN, KeyUses
from support.helpers import ACCOUNT, NOW_MS, OPERATOR, Api, device
from support.processes import NO_AUTHORITIES

KEYS = f"/accounts/{ACCOUNT}/device-keys"
WAIT_S = 300
START_TIME, A_DAY_LATER = "2026-03-10T12:00:00.000Z", "2026-03-11T12:00:00.000Z"


def as_operator(api: Api, key: str) -> int:
    """The status of a request with the key."""
    return api.control("GET", "/operators", headers={"Authorization": f"Bearer {key}"}).status_code


def as_device(api: Api, key: str) -> int:
    """The status of a check-in, and that of a request without a change, which are the same."""
    headers = {"Authorization": f"Bearer {key}"}
    changed = api.http.post(f"/device/v1/{device(0)}/check-in", headers=headers, json={}).status_code
    logs = api.http.post(f"/device/v1/{device(0)}/logs", headers=headers, json={"entries": []}).status_code
    assert (changed == 401) == (logs == 401)
    return changed


CASES: list[tuple[str, str, Callable[[Api, str], int]]] = [
    ("/operators", "operators", as_operator),
    (KEYS, "deviceKeys", as_device),
]
of_both_kinds = pytest.mark.parametrize(("path", "member", "status_of"), CASES, ids=["operator", "device"])


@of_both_kinds
def test_an_old_key_is_valid_as_long_as_asked_for(
    api: Api, path: str, member: str, status_of: Callable[[Api, str], int]
) -> None:
    old = api.control("POST", path, {"name": "one"}).json()["key"]
    assert status_of(api, old) == 200
    api.advance("PT1H")
    rotated = api.control("POST", f"{path}/one/rotate", {"overlap": "PT23H"}).json()
    new = rotated["key"]
    assert (new == old, len(new), rotated["oldKeyExpireTime"]) == (False, 48, A_DAY_LATER)
    assert (status_of(api, old), status_of(api, new)) == (200, 200)
    (row,) = api.control("GET", path).json()[member]
    assert (row["createTime"], row["key"]["prefix"], row["oldKey"]["prefix"]) == (START_TIME, new[:6], old[:6])
    assert row["key"]["createTime"] == "2026-03-10T13:00:00.000Z"
    assert (row["key"]["expireTime"], row["oldKey"]["expireTime"]) == (None, A_DAY_LATER)
    api.advance("PT22H59M")
    assert (status_of(api, old), status_of(api, new)) == (200, 200)
    api.advance("PT1M")
    assert (status_of(api, old), status_of(api, new)) == (401, 200)
    assert api.control("GET", path).json()[member][0]["oldKey"] is None


@of_both_kinds
def test_an_old_key_ends_at_once_by_no_overlap_a_second_rotation_and_deletion(
    api: Api, path: str, member: str, status_of: Callable[[Api, str], int]
) -> None:
    first = api.control("POST", path, {"name": "one"}).json()["key"]
    second = api.control("POST", f"{path}/one/rotate", {}).json()["key"]
    assert (status_of(api, first), status_of(api, second)) == (200, 200)
    third = api.control("POST", f"{path}/one/rotate", {"overlap": "P90D"}).json()["key"]
    assert [status_of(api, key) for key in (first, second, third)] == [401, 200, 200]
    fourth = api.control("POST", f"{path}/one/rotate", {"overlap": "PT0S"}).json()
    assert fourth["oldKeyExpireTime"] is None
    assert [status_of(api, key) for key in (second, third, fourth["key"])] == [401, 401, 200]
    fifth = api.control("POST", f"{path}/one/rotate", {}).json()["key"]
    assert api.control("DELETE", f"{path}/one").status_code == 204
    assert [status_of(api, key) for key in (fourth["key"], fifth)] == [401, 401]
    assert api.control("GET", path).json()[member] == []


@of_both_kinds
def test_the_last_use_of_each_key_is_shown(
    api: Api, path: str, member: str, status_of: Callable[[Api, str], int]
) -> None:
    old = api.control("POST", path, {"name": "one"}).json()["key"]
    new = api.control("POST", f"{path}/one/rotate", {}).json()["key"]
    assert status_of(api, old) == 200
    api.advance("PT30M")
    assert status_of(api, new) == 200
    until = time.monotonic() + WAIT_S
    uses: list[Any] = []
    while uses != ["2026-03-10T12:30:00.000Z", START_TIME]:
        assert time.monotonic() < until, uses
        (row,) = api.control("GET", path).json()[member]
        uses = [row["key"]["lastUseTime"], row["oldKey"]["lastUseTime"]]


def test_a_use_is_noted_once_a_minute_and_their_number_is_bounded() -> None:
    uses = KeyUses()
    for late_ms in (0, 1, KEY_USE_MS - 1):
        uses.note("operator_key", b"a", NOW_MS + late_ms)
    assert uses.drain() == {"operator_key": {b"a": NOW_MS}}
    uses.note("operator_key", b"a", NOW_MS + KEY_USE_MS - 1)
    assert uses.drain() == {}
    uses.note("operator_key", b"a", NOW_MS + KEY_USE_MS)
    uses.note("device_key", b"b", NOW_MS)
    assert uses.drain() == {"operator_key": {b"a": NOW_MS + KEY_USE_MS}, "device_key": {b"b": NOW_MS}}
    uses.note("operator_key", b"a", NOW_MS)  # the clock was reset
    assert uses.drain() == {"operator_key": {b"a": NOW_MS}}
    for number in range(MAX_WRITTEN + 5):
        uses.note("device_key", b"%d" % number, NOW_MS)
    assert len(uses.drain()["device_key"]) == MAX_WRITTEN


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/operators/nobody/rotate", {}, 404, "operator nobody does not exist"),
        ("/operators/%00/rotate", {}, 404, "does not exist"),
        ("/operators/operator/rotate", {}, 409, "--operator-key"),
        ("/operators/a/rotate", {"overlap": "P91D"}, 400, "at most 90 days"),
        ("/operators/a/rotate", {"overlap": "1 day"}, 400, "overlap must be an ISO 8601 duration"),
        ("/operators/a/rotate", {"key": "x"}, 400, "`key`"),
        (f"{KEYS}/nobody/rotate", {}, 404, "device key nobody does not exist"),
        (f"{KEYS}/%00/rotate", {}, 404, "does not exist"),
        ("/accounts/nobody/device-keys/a/rotate", {}, 404, "account nobody does not exist"),
    ],
)
def test_a_rotation_that_cannot_be_made_is_refused(
    shared: Api, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    response = shared.control("POST", path, body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]


@contextlib.contextmanager
def sign_in(api: Api, key: str) -> Iterator[httpx.Client]:
    """A browser that is signed in to the console with the key."""
    with httpx.Client(base_url=str(api.http.base_url), timeout=300, verify=NO_AUTHORITIES) as browser:
        assert browser.post("/console/sign-in", data={"key": key}).status_code == 303
        assert is_signed_in(browser)
        yield browser


def is_signed_in(browser: httpx.Client) -> bool:
    return browser.get("/console/pools").status_code == 200


def test_a_console_session_ends_with_the_key_that_began_it(api: Api) -> None:
    old = api.control("POST", "/operators", {"name": "one"}).json()["key"]
    with sign_in(api, old) as before:
        new = api.control("POST", "/operators/one/rotate", {"overlap": "PT1H"}).json()["key"]
        with sign_in(api, old) as during, sign_in(api, new) as after:
            assert is_signed_in(before)
            api.advance("PT1H")
            assert [is_signed_in(one) for one in (before, during, after)] == [False, False, True]
            api.control("POST", "/operators/one/rotate", {"overlap": "PT0S"})
            assert not is_signed_in(after)


def test_the_start_key_is_retired_and_refused_after_a_restart_until_another_is_given(
    start: Callable[..., Api],
) -> None:
    api = start(emulator=False)
    assert api.control("GET", "/start-key").json()["state"] == "valid"
    refused = api.control("DELETE", "/start-key")
    assert (refused.status_code, "create an operator with the role admin" in refused.text) == (409, True)
    api.control("POST", "/operators", {"name": "guest", "role": "viewer"})
    assert api.control("DELETE", "/start-key").status_code == 409
    key = api.control("POST", "/operators", {"name": "one"}).json()["key"]
    with sign_in(api, OPERATOR) as browser:
        assert api.control("DELETE", "/start-key").status_code == 204
        assert as_operator(api, OPERATOR) == 401
        assert not is_signed_in(browser)
    again = start(emulator=False, seed=None)
    assert (as_operator(again, OPERATOR), as_operator(again, key)) == (401, 200)
    own = {"Authorization": f"Bearer {key}"}
    shown = again.control("GET", "/start-key", headers=own).json()
    assert (shown["state"], shown["prefix"], shown["retireTime"]) == ("retired", "", START_TIME)
    assert again.control("DELETE", "/start-key", headers=own).status_code == 409
    other = start(emulator=False, seed=None, operator_key="another-operator-key")
    assert (as_operator(other, OPERATOR), as_operator(other, "another-operator-key")) == (401, 200)
    without = start(emulator=False, seed=None, operator_key=None)
    assert as_operator(without, key) == 200
    assert without.control("GET", "/start-key", headers=own).json()["state"] == "none"
    assert without.control("DELETE", "/start-key", headers=own).status_code == 404


def test_the_last_administrator_is_deleted_only_while_the_start_key_is_valid(start: Callable[..., Api]) -> None:
    api = start(emulator=False)
    for _ in range(2):  # the key of the start is valid: one can be left without stored administrators
        key = api.control("POST", "/operators", {"name": "one"}).json()["key"]
        assert api.control("DELETE", "/operators/one").status_code == 204
    own = {"Authorization": f"Bearer {api.control('POST', '/operators', {'name': 'one'}).json()['key']}"}
    api.control("POST", "/operators", {"name": "guest", "role": "editor"})
    assert api.control("DELETE", "/start-key").status_code == 204
    for server in (api, start(emulator=False, seed=None, operator_key=None)):
        refused = server.control("DELETE", "/operators/one", headers=own)
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "one is the last operator with the role admin: create another one first, or restart the server with"
            " --operator-key",
        )
    assert api.control("DELETE", "/operators/guest", headers=own).status_code == 204
    key = api.control("POST", "/operators", {"name": "two"}, headers=own).json()["key"]
    assert api.control("DELETE", "/operators/one", headers=own).status_code == 204
    assert (as_operator(api, own["Authorization"].removeprefix("Bearer ")), as_operator(api, key)) == (401, 200)


def test_two_administrators_that_delete_each_other_through_two_servers_are_never_both_gone(
    start: Callable[..., Api],
) -> None:
    servers = start(emulator=False), start(emulator=False, seed=None)
    keys = [servers[0].control("POST", "/operators", {"name": name}).json()["key"] for name in "ab"]
    servers[0].control("DELETE", "/start-key")
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            deletions = [
                pool.submit(server.control, "DELETE", f"/operators/{name}", headers={"Authorization": f"Bearer {key}"})
                for server, key, name in zip(servers, keys, "ba", strict=True)
            ]
        statuses = [one.result().status_code for one in deletions]
        assert statuses.count(204) == 1, statuses
        gone = statuses.index(204) ^ 1
        left = {"Authorization": f"Bearer {keys[gone ^ 1]}"}
        again = servers[0].control("POST", "/operators", {"name": "ab"[gone]}, headers=left)
        keys[gone] = again.json()["key"]


def test_the_audit_log_says_who_replaced_and_retired_keys(api: Api) -> None:
    api.control("POST", "/operators", {"name": "one"})
    key = api.control("POST", "/operators/one/rotate", {}).json()["key"]
    api.control("POST", KEYS, {"name": "factory"})
    api.control("POST", f"{KEYS}/factory/rotate", {"overlap": "PT0S"})
    api.control("DELETE", "/start-key")
    log = api.control("GET", "/audit-log?limit=5", headers={"Authorization": f"Bearer {key}"})
    assert key not in log.text
    found = {entry["action"]: (entry["target"], entry["before"], entry["after"]) for entry in log.json()["entries"]}
    assert found["rotateOperatorKey"] == ("one", None, {"key": "***", "oldKeyExpires": A_DAY_LATER})
    assert found["rotateDeviceKey"] == ("factory", None, {"key": "***", "oldKeyExpires": None})
    assert found["retireStartKey"] == ("operator", {"key": "***"}, None)
