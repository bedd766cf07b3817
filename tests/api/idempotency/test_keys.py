"""A change that is sent again with its Idempotency-Key is answered as before and not repeated."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest

from api.campaigning import CAMPAIGN_SEED, DEVICES, HTTP, answered, imeis, schedule
from api.idempotency.changes import CHANGES, UNUSED, URL, Prepared, file_campaign
from fotapool.api.m2m import routes as m2m
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.store.db.factory import open_database
from support.helpers import ACCOUNT, OTHER, PASSWORD, USER, Api
from support.processes import wait_until

STRANGER = "trillian"
SEED: dict[str, Any] = {
    **CAMPAIGN_SEED,
    "users": [*CAMPAIGN_SEED["users"], {"username": STRANGER, "password": PASSWORD, "accounts": [ACCOUNT]}],
}
OPERATIONS = [one for routes in (v1, v2, v3, m2m) for one in routes.OPERATIONS]
CHANGING = [one.id for one in OPERATIONS if one.changes]
REPLAYED = "idempotency-replayed"
KEY = "a-key"
ASSIGN = CHANGES["V3-3"]
PREFIX = "UnifiedWebService."


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(SEED)


def prepared(api: Api, operation: str) -> Prepared:
    return file_campaign(api) if operation == "V2-10" else CHANGES[operation].prepare(api)


def state(api: Api) -> dict[str, Any]:
    """All rows and contents of the server, without the counts of rejections."""
    document: dict[str, Any] = api.control("GET", "/snapshot").json()
    document["state"].pop("rejection_day", None)
    return document


def kept(api: Api) -> list[list[Any]]:
    """The rows of the kept answers."""
    rows: list[list[Any]] = state(api)["state"].get("idempotency_key", {"rows": []})["rows"]
    return rows


def assert_rejected(response: httpx.Response, status: int, code: str, retry_after: str | None = None) -> None:
    assert (response.status_code, response.json()["errorCode"]) == (status, code), response.text
    assert response.headers.get("retry-after") == retry_after
    assert REPLAYED not in response.headers


def test_every_change_is_made_once_and_its_answer_is_given_again(api: Api) -> None:
    assert set(CHANGES) | {"V2-10"} == set(CHANGING)
    for place, operation in enumerate(CHANGING):
        request, key = prepared(api, operation), f"key-{place}"
        first = request.send(api, key)
        assert first.status_code == 200, (operation, first.text)
        assert REPLAYED not in first.headers, operation
        before = state(api)
        again = request.send(api, key)
        assert (again.status_code, again.content) == (200, first.content), operation
        assert again.headers[REPLAYED] == "true", operation
        assert again.headers["content-type"] == first.headers["content-type"]
        other = request.send(api, key, query="&x=1" if "?" in request.path else "?x=1")
        reused = f"{PREFIX}INPUT_INVALID.IdempotencyKey.Reused" if operation[0] == "M" else "INVALID_PARAMETER"
        assert_rejected(other, 422, reused)
        assert state(api) == before, operation
    api.assert_consistent()


def test_without_a_key_or_with_another_one_a_change_is_made_again(api: Api) -> None:
    request = CHANGES["V3-5"].prepare(api)
    answers = [answered(request.send(api, key))["id"] for key in (None, None, "a", "b", "a")]
    assert len(set(answers)) == 4
    assert answers[4] == answers[2]
    assert len(kept(api)) == 2


@pytest.mark.parametrize("operation", [one.id for one in OPERATIONS if not one.changes and one.method != "GET"])
def test_what_reads_with_post_takes_no_key(api: Api, operation: str) -> None:
    path, body = {
        "V3-21": (f"/api/fota/v3/devices/{ACCOUNT}", {"deviceList": UNUSED}),
        "M2M-1": ("/api/m2m/v1/devices/actions/list", {"accountName": ACCOUNT}),
    }[operation]
    request = Prepared("POST", path, {"json": body})
    for key in (KEY, KEY, "x" * 256):
        response = request.send(api, key)
        assert response.status_code == 200
        assert REPLAYED not in response.headers
    assert kept(api) == []


def test_a_get_takes_no_key(api: Api) -> None:
    request = Prepared("GET", f"/api/fota/v3/licenses/{ACCOUNT}", {})
    assert [request.send(api, key).status_code for key in (KEY, "", "a b")] == [200] * 3


@pytest.mark.parametrize("operation", ["V1-3", "V2-3", "V2-25", "V3-3", "M2M-4"])
def test_a_key_is_1_to_255_visible_characters(api: Api, operation: str) -> None:
    request = CHANGES[operation].prepare(api)
    before = state(api)
    code = f"{PREFIX}INPUT_INVALID.IdempotencyKey.Format" if operation[0] == "M" else "INVALID_PARAMETER"
    for key in ("", "a b", "x" * 256, "tab\there", "é".encode()):
        assert_rejected(request.send(api, key), 400, code)
    twice = [*api.tokens.items(), ("Idempotency-Key", "a1"), ("Idempotency-Key", "a2")]
    assert_rejected(request.send(api, None, headers=twice), 400, code)
    assert state(api) == before
    for key in ("x", "~" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}"):
        assert request.send(api, key).status_code == (400 if operation == "V2-25" and key != "x" else 200)


def test_a_key_with_another_body_method_or_path_is_refused_and_changes_nothing(api: Api) -> None:
    request = ASSIGN.prepare(api)
    assert request.send(api, KEY).status_code == 200
    before = state(api)
    others = [
        request.send(api, KEY, json={"deviceList": UNUSED[:1]}),
        request.send(api, KEY, content=json.dumps(ASSIGN.json, indent=1).encode(), json=None),
        Prepared("POST", request.path.replace("/v3/", "/v2/"), request.options).send(api, KEY),
        Prepared("POST", request.path.replace("/v3/", "/v3/firmware/"), request.options).send(api, KEY),
        CHANGES["V3-12"].prepare(api).send(api, KEY),
        CHANGES["V3-13"].prepare(api).send(api, KEY),
    ]
    for response in others:
        assert_rejected(response, 422, "INVALID_PARAMETER")
        assert response.json()["errorMessage"] == "Idempotency-Key was used with another request"
    assert state(api) == before


def test_keys_of_other_accounts_and_users_have_nothing_to_do_with_each_other(api: Api) -> None:
    request = CHANGES["V3-11"].prepare(api)
    elsewhere = Prepared("POST", f"/api/fota/v3/callbacks/{OTHER}", {"json": {"url": f"{URL}/other"}})
    assert [one.send(api, KEY).json() for one in (request, elsewhere)] == [{"url": URL}, {"url": f"{URL}/other"}]
    stranger = Api(api.http)
    stranger.bearer, stranger.session = api.bearer, api.log_in(STRANGER).json()["sessionToken"]
    first = request.send(stranger, KEY)
    assert (first.status_code, first.headers.get(REPLAYED)) == (200, None)
    assert sorted(row[2:4] for row in kept(api)) == [[STRANGER, KEY], [USER, KEY], [USER, KEY]]


def test_an_answer_is_kept_for_24_hours_of_the_test_clock(api: Api) -> None:
    request = ASSIGN.prepare(api)
    first = request.send(api, KEY)
    api.advance("PT23H59M59S")
    api.sign_in()
    again = request.send(api, KEY)
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    api.advance("PT1S")  # too short to delete what is old: the key is taken again
    api.sign_in()
    anew = request.send(api, KEY)
    assert REPLAYED not in anew.headers
    assert {row["resultReason"] for row in anew.json()["deviceList"]} == {"Device license preexisting"}
    assert request.send(api, KEY).content == anew.content
    assert len(kept(api)) == 1
    api.advance("P1D")
    assert kept(api) == []


def test_a_refusal_is_not_kept(api: Api) -> None:
    request = ASSIGN.prepare(api)
    bad = request.send(api, KEY, json={"deviceList": ["x"]})
    assert bad.status_code == 400
    assert request.send(api, KEY, headers={"Idempotency-Key": KEY}).status_code == 401
    running = schedule(api, 3)
    change = Prepared("PUT", "/api/fota" + DEVICES[3] % running, {"json": {"type": "append", "deviceList": ["x" * 15]}})
    assert change.send(api, KEY).status_code == 400
    unknown = Prepared("DELETE", f"/api/fota/v3/campaigns/{ACCOUNT}/60b5d639-ccdc-4db8-8824-069bd94c95bf", {})
    for _ in range(2):  # decided in the transaction
        assert unknown.send(api, KEY).json()["errorMessage"] == "Invalid campaignId"
    assert kept(api) == []
    good = request.send(api, KEY)
    assert (good.status_code, good.headers.get(REPLAYED)) == (200, None)


def test_a_refusal_that_depends_on_the_state_is_decided_anew(api: Api) -> None:
    upload = CHANGES["V2-25"].prepare(api)
    assert upload.send(api, "first").status_code == 200
    for _ in range(2):
        exists = upload.send(api, KEY)
        assert (exists.status_code, exists.json()["errorMessage"]) == (400, "File version already exists")
    newer = CHANGES["V2-25"].prepare(api)
    assert newer.send(api, KEY).status_code == 200


def test_devices_that_got_no_license_are_part_of_the_answer_that_is_kept(api: Api) -> None:
    api.subscribe(15)
    request = ASSIGN.prepare(api)
    first = request.send(api, KEY)
    assert {row["resultReason"] for row in first.json()["deviceList"]} == {"No unused license available."}
    api.subscribe(30)
    assert request.send(api, KEY).content == first.content
    assert {row["resultReason"] for row in request.send(api, "new").json()["deviceList"]} == {"Success"}


def test_an_upload_is_the_same_whatever_its_boundary(api: Api) -> None:
    first = CHANGES["V2-25"].prepare(api)
    made = first.send(api, KEY)
    before = state(api)
    again = first.send(api, KEY)  # httpx makes up a boundary for each request
    assert made.request.headers["content-type"] != again.request.headers["content-type"]
    assert (again.content, again.headers[REPLAYED]) == (made.content, "true")
    assert_rejected(first.send(api, KEY, files={"fileupload": ("f", b"another")}), 422, "INVALID_PARAMETER")
    assert_rejected(first.send(api, KEY, files={"fileupload": ("g", b"content")}), 422, "INVALID_PARAMETER")
    assert state(api) == before


def test_while_the_first_request_is_handled_the_second_is_answered_409(api: Api, database_url: str) -> None:
    request, answers = ASSIGN.prepare(api), []
    account_id = state(api)["accounts"][0]["id"]
    with closing(open_database(database_url, durable=False).connect(writes=True)) as blocker:
        blocker.begin()
        blocker.lock_pools([account_id])
        thread = threading.Thread(target=lambda: answers.append(request.send(api, KEY)))
        thread.start()
        wait_until(lambda: (account_id, USER, KEY) in api.server.context.keys_in_use, "the first request is handled")
        second = request.send(api, KEY)
        blocker.rollback()
    thread.join()
    assert_rejected(second, 409, "REQUEST_IN_PROGRESS", retry_after="2")
    assert answers[0].status_code == 200
    assert request.send(api, KEY).content == answers[0].content


@pytest.mark.parametrize("operation", ["V1-3", "V2-3", "V2-25", "V3-3", "M2M-4"])
def test_409_has_the_shape_of_its_api(api: Api, operation: str) -> None:
    account_id = state(api)["accounts"][0]["id"]
    request, in_use = CHANGES[operation].prepare(api), api.server.context.keys_in_use
    in_use.add((account_id, USER, KEY))
    code = f"{PREFIX}REQUEST_FAILED.IdempotencyKey.InUse" if operation[0] == "M" else "REQUEST_IN_PROGRESS"
    assert_rejected(request.send(api, KEY), 409, code, retry_after="2")
    in_use.clear()
    assert request.send(api, KEY).status_code == 200
    assert in_use == set()


def test_a_sign_in_that_has_ended_gets_no_answer_again(api: Api) -> None:
    request = ASSIGN.prepare(api)
    assert request.send(api, KEY).status_code == 200
    api.http.post("/api/m2m/v1/session/logout", headers=api.tokens)
    response = request.send(api, KEY)
    assert (response.status_code, REPLAYED in response.headers) == (400, False)


def test_a_large_answer_is_given_again_byte_for_byte(start: Callable[..., Api]) -> None:
    seed = {
        **SEED,
        "accounts": [{"name": ACCOUNT, "licenseCount": 10_000, "devices": [{"first": "1" * 15, "count": 10_000}]}],
    }
    seed["users"] = [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT]}]
    api = start({**seed, "firmware": []})
    request = Prepared(
        "POST", f"/api/fota/v3/licenses/{ACCOUNT}/assign", {"json": {"deviceList": imeis(111111111111111, 10_000)}}
    )
    first, again = request.send(api, KEY), request.send(api, KEY)
    assert len(first.content) > 1_000_000
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")


def test_a_restored_snapshot_has_the_answers_of_its_time(api: Api) -> None:
    request = ASSIGN.prepare(api)
    first = request.send(api, KEY)
    snapshot = api.control("GET", "/snapshot").content
    assert request.send(api, "later").status_code == 200
    assert api.control("PUT", "/snapshot", content=snapshot).status_code == 204
    api.sign_in()
    assert request.send(api, KEY).content == first.content
    assert REPLAYED not in request.send(api, "later").headers
    assert api.control("POST", "/reset").status_code == 204
    api.sign_in()
    assert REPLAYED not in request.send(api, KEY).headers


def test_a_copied_account_has_no_answers_of_its_source(api: Api) -> None:
    request = ASSIGN.prepare(api)
    assert request.send(api, KEY).status_code == 200
    copied = api.control("POST", f"/accounts/{ACCOUNT}/copies", {"name": "copy", "users": True})
    assert copied.status_code == 201, copied.text
    api.sign_in()
    on_copy = Prepared("POST", request.path.replace(ACCOUNT, "copy"), request.options).send(api, KEY)
    assert (on_copy.status_code, on_copy.headers.get(REPLAYED)) == (200, None)


def test_the_hint_says_what_to_do(api: Api) -> None:
    request = ASSIGN.prepare(api)
    request.send(api, KEY)
    request.send(api, KEY, json={"deviceList": imeis(HTTP, 1)})
    request.send(api, "a b")
    shown = api.control("GET", "/requests").json()["requests"][-2:]
    assert [one["hints"][0].split(":")[0] for one in shown] == [
        "Send a new key with each change",
        "Send 1 to 255 visible ASCII characters, for example a new UUID for each change, or leave the header out",
    ]
