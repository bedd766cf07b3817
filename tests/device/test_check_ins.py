"""Devices check in: who may, what is recorded of it, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fotapool.domain.campaigns.campaigns import CampaignStatus, Flow
from support.device_helpers import PACKAGE, SEED_HTTP, Device, calling, make_key, refused, schedule
from support.helpers import ACCOUNT, OTHER, Api, device

NOBODY = (404, "there is no such device, or the key is not for it")
NO_KEY = (401, "send the device key as Authorization: Bearer KEY")


def shown(api: Api, number: int = 0) -> dict[str, Any]:
    """The device as the operator sees it."""
    found: dict[str, Any] = api.control("GET", f"/accounts/{ACCOUNT}/devices").json()["devices"][number]
    assert found["deviceId"] == device(number)
    return found


def history(api: Api, number: int = 0) -> list[dict[str, Any]]:
    response = api.call("GET", f"/v2/logging/{ACCOUNT}/devices/{device(number)}/checkInHistory")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


def test_a_device_checks_in_and_has_nothing_to_do(api: Api) -> None:
    assert calling(api).check_in() == {"deviceId": device(0), "time": "2026-03-10T12:00:00.000Z", "upgrade": None}


def test_a_key_is_for_one_device_or_for_all_of_its_account(api: Api) -> None:
    everybody, only_first = make_key(api), make_key(api, "first", deviceId=device(0))
    for number in (0, 1):
        assert Device(api, everybody, device(number)).call("POST", "/check-in", {}).status_code == 200
    assert Device(api, only_first, device(0)).call("POST", "/check-in", {}).status_code == 200
    assert refused(Device(api, only_first, device(1)).call("POST", "/check-in", {})) == NOBODY


def test_devices_of_other_accounts_unknown_and_malformed_ones_are_refused_alike(api: Api) -> None:
    key = make_key(api)
    for other in ("880000000000000", "123456789012345", "12345", "x" * 40, "%00"):
        assert refused(Device(api, key, other).call("POST", "/check-in", {})) == NOBODY
    theirs = make_key(api, account=OTHER)
    assert refused(Device(api, theirs, device(0)).call("POST", "/check-in", {})) == NOBODY
    assert history(api) == []


def test_without_a_key_or_with_a_wrong_or_deleted_one_nothing_is_reported(api: Api) -> None:
    key = make_key(api)
    for authorization in ("", "Bearer", "Bearer nonsense", f"Basic {key}", "Bearer \xff"):
        response = api.http.post(
            f"/device/v1/{device(0)}/check-in", json={}, headers={"Authorization": authorization.encode("latin-1")}
        )
        assert refused(response) == NO_KEY
        assert response.headers["www-authenticate"] == 'Bearer realm="fotapool device"'
    assert api.control("DELETE", f"/accounts/{ACCOUNT}/device-keys/all").status_code == 204
    assert refused(Device(api, key, device(0)).call("POST", "/check-in", {})) == NO_KEY
    assert history(api) == []


def test_a_key_that_was_good_before_is_not_remembered_for_longer_than_it_is(api: Api) -> None:
    one = Device(api, make_key(api), device(0))
    one.check_in()
    api.control("DELETE", f"/accounts/{ACCOUNT}/device-keys/all")
    assert refused(one.call("POST", "/check-in", {})) == NO_KEY
    assert refused(one.call("POST", "/logs", {})) == NO_KEY
    assert len(history(api)) == 1


def test_a_key_that_has_gone_over_to_another_device_is_looked_up_again(api: Api) -> None:
    key = make_key(api)
    for number in (0, 1):
        assert Device(api, key, device(number)).check_in()["deviceId"] == device(number)
    connection = api.server.database.connect()
    connection.begin()
    connection.execute("UPDATE device_key SET account_id = 2")
    connection.commit()
    connection.close()
    assert refused(Device(api, key, device(0)).call("POST", "/check-in", {})) == NOBODY
    assert Device(api, key, "880000000000000").check_in()["upgrade"] is None


def test_the_users_tokens_and_the_operators_key_are_no_device_keys(api: Api) -> None:
    for token in (api.bearer, api.session, "test-operator-key"):
        assert refused(Device(api, token, device(0)).call("POST", "/check-in", {})) == NO_KEY


def test_a_reported_firmware_replaces_the_one_on_record(api: Api) -> None:
    first = calling(api)
    assert shown(api)["firmware"] == "1"
    first.check_in()
    first.check_in(firmware="1")
    assert shown(api)["firmware"] == "1"
    first.check_in(firmware="2")
    assert shown(api)["firmware"] == "2"
    assert shown(api, 1)["firmware"] == "1"


def test_check_ins_are_the_devices_history_newest_first(api: Api) -> None:
    first = calling(api)
    first.check_in(clientType="LWM2M")
    api.advance("PT1H")
    first.check_in()
    first.check_in()
    api.sign_in()
    found = history(api)
    assert [(entry["clientType"], entry["result"], entry["failureType"]) for entry in found] == [
        ("HTTP", "CheckInSuccess", ""),
        ("HTTP", "CheckInSuccess", ""),
        ("LWM2M", "CheckInSuccess", ""),
    ]
    assert {entry["deviceId"] for entry in found} == {device(0)}
    assert history(api, 1) == []


def test_a_check_in_answers_the_report_that_the_account_asked_for(api: Api) -> None:
    response = api.call("PUT", f"/v3/firmware/{ACCOUNT}/async/{device(0)}")
    assert response.status_code == 200, response.text
    request_id = response.json()["requestId"]
    assert "reportRequestId" not in calling(api, 1).check_in(firmware="1")
    first = calling(api)
    assert first.check_in(firmware="7")["reportRequestId"] == request_id
    assert "reportRequestId" not in first.check_in(firmware="7")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"\xff",
        b"{" * 100_000,
        b'{"firmware": 5}',
        b'{"firmware": ""}',
        b'{"firmware": "a\\nb"}',
        b'{"firmware": "a\\u0000b"}',
        b'{"clientType": ["LWM2M"]}',
        b'{"firmware": "' + b"x" * 201 + b'"}',
        b'{"clientType": "' + b"x" * 41 + b'"}',
    ],
)
def test_a_body_that_is_none_is_refused_and_leaves_no_trace(api: Api, body: bytes) -> None:
    status, _ = refused(calling(api).call("POST", "/check-in", content=body))
    assert status == (413 if len(body) > 16_384 else 400)
    assert history(api) == []


def test_members_that_are_not_known_are_ignored(api: Api) -> None:
    calling(api).check_in(battery="80 %")


def test_many_devices_check_in_at_once_and_each_is_recorded_once(api: Api) -> None:
    key = make_key(api)
    callers = [Device(api, key, device(number)) for number in range(20)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda one: one.check_in(firmware="3"), callers * 5))
    assert sorted(answer["deviceId"] for answer in answers) == sorted([device(number) for number in range(20)] * 5)
    for number in (0, 7, 19):
        assert len(history(api, number)) == 5
        assert shown(api, number)["firmware"] == "3"


def test_paths_and_methods_that_there_are_not_are_refused_in_the_same_way(api: Api) -> None:
    first = calling(api)
    assert refused(first.call("GET", "/check-in")) == (405, "this resource takes OPTIONS, POST")
    assert refused(first.call("POST", "/nonsense"))[0] == 404
    assert refused(api.http.get("/device/v1/"))[0] == 404
    assert first.call("OPTIONS", "/check-in").headers["allow"] == "OPTIONS, POST"


def test_a_suspended_accounts_devices_still_check_in(start: Callable[..., Api]) -> None:
    api = start()
    first = calling(api)
    api.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "suspended"})
    first.check_in()


def rows(api: Api, sql: str) -> list[Any]:
    connection = api.server.database.connect()
    found = connection.fetch(sql)
    connection.close()
    return found


def campaigning(start: Callable[..., Api], purchase_type: str = "TS-HFOTA-MRC", **campaign: Any) -> Device:
    """The first device of a campaign that the engine has checked."""
    account = {**SEED_HTTP["accounts"][0], "purchaseType": purchase_type}
    if purchase_type == "TS-HFOTA-EVNT":
        account |= {"licenseCount": 0, "devices": [{**account["devices"][0], "licensed": 0}]}
    seed = {**SEED_HTTP, "accounts": [account]}
    seed["users"] = [{**SEED_HTTP["users"][0], "accounts": [ACCOUNT]}]
    api = start(seed=seed)
    schedule(api, 0, 1, **campaign)
    return calling(api)


@pytest.mark.parametrize("reports", [[], ["downloading"], ["downloading", "downloaded", "installing"]])
def test_a_check_in_with_the_new_version_completes_the_upgrade(start: Callable[..., Api], reports: list[str]) -> None:
    one = campaigning(start, "TS-HFOTA-EVNT,TS-HFOTA-MRC")
    number = one.check_in(firmware="1")["upgrade"]["id"]
    for step in reports:
        assert one.report(number, step).status_code == 200
    assert one.check_in(firmware="1.5")["upgrade"]["id"] == number
    for _ in range(2):
        assert one.check_in(firmware="2")["upgrade"] is None
    found = shown(one.api)
    assert (found["firmware"], found["usedByUpgrade"], found["openUpgrade"]) == ("2", True, None)
    assert found["upgradedAt"] == "2026-03-10T12:00:10.000Z"
    package = one.api.control("GET", f"/firmware/{PACKAGE['firmwareName']}").json()
    assert (package["succeeded"], package["failed"]) == (1, 0)
    assert one.report(number, "installed").json()["state"] == "installed"
    assert refused(one.report(number, "failed"))[0] == 409
    one.api.assert_consistent()


def test_an_upgrade_completed_by_a_check_in_is_charged_as_any_other(start: Callable[..., Api]) -> None:
    one = campaigning(start, "TS-HFOTA-EVNT")
    one.check_in(firmware="2")
    charged = rows(one.api, "SELECT imei FROM upgrade WHERE charged_ms IS NOT NULL")
    assert charged == [(int(device(0)),)]
    one.api.assert_consistent()


def test_the_last_device_that_checks_in_with_the_new_version_ends_the_campaign(start: Callable[..., Api]) -> None:
    one = campaigning(start)
    one.check_in(firmware="2")
    calling(one.api, 1).check_in(firmware="2")
    status, *_ = rows(one.api, "SELECT status, ended_ms IS NOT NULL FROM campaign")
    assert tuple(map(int, status)) == (CampaignStatus.ENDED, 1)
    one.api.assert_consistent()


def test_a_device_that_had_the_new_version_before_the_campaign_began_is_not_upgraded_to_it(
    start: Callable[..., Api],
) -> None:
    one = campaigning(start, start_date="2026-03-11")
    assert one.check_in(firmware="2")["upgrade"] is None
    assert shown(one.api)["openUpgrade"] == "scheduled"
    one.api.advance("P1D")
    assert one.check_in()["upgrade"] is None
    assert shown(one.api)["openUpgrade"] is None
    one.api.assert_consistent()


def test_a_campaign_of_today_is_not_reported_before_it_has_begun(start: Callable[..., Api]) -> None:
    one = campaigning(start, flow=Flow.NETWORK_AWARE)
    for _ in range(2):
        assert one.check_in()["upgrade"] is None
        number = rows(one.api, "SELECT id FROM upgrade ORDER BY imei")[0][0]
        assert refused(one.report(str(number), "downloading"))[0] == 409
        one.api.advance("PT20S")
    one.api.advance("PT1M")
    found = one.check_in()["upgrade"]
    assert (found["downloadAllowed"], found["nextWindow"]) == (True, None)
    assert one.report(found["id"], "downloading").status_code == 200
