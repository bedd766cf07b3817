"""What clients call of the Connectivity Management API: the list of devices, the account, and everything else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.conftest import DEVICES, FOREIGN, FOREIGN_DEVICE, STRANGER, SUSPENDED, Own
from support.helpers import PASSWORD, USER, Api

LIST = "/api/m2m/v1/devices/actions/list"
CREATED = "2026-03-10T12:00:00.000Z"


def asked(api: Api, body: dict[str, Any], **options: Any) -> httpx.Response:
    return api.http.post(LIST, json=body, headers=api.tokens, **options)


def found(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [device["deviceIds"][0]["id"] for device in response.json()["devices"]]


def refused(response: httpx.Response) -> str:
    """The code of a refusal, without the name of the service."""
    assert response.status_code == 400, response.text
    body = response.json()
    assert list(body) == ["errorCode", "errorMessage"]
    service, _, code = body["errorCode"].partition(".")
    assert service == "UnifiedWebService"
    return str(code)


def new_user(api: Api, name: str, *accounts: str) -> Api:
    """A user of these accounts, logged in."""
    user = {"username": name, "password": PASSWORD, "accounts": list(accounts)}
    assert api.control("POST", "/users", user).status_code == 201
    user_api = Api(api.http, api.server)
    user_api.bearer = api.bearer
    user_api.session = api.log_in(name).json()["sessionToken"]
    return user_api


def test_a_device_has_what_is_known_of_it_and_nothing_else(own: Own) -> None:
    line = {"deviceId": own.device(0), "mdn": "5551234567", "status": "Suspended"}
    assert own.api.control("POST", f"/accounts/{own.account}/devices", [line]).status_code == 200
    response = asked(own.api, {"accountName": own.account})
    body = response.json()
    assert (response.status_code, list(body), body["hasMoreData"]) == (200, ["hasMoreData", "devices"], False)
    assert len(body["devices"]) == DEVICES
    assert body["devices"][0] == {
        "accountName": own.account,
        "carrierInformations": [{"state": "suspended"}],
        "createdAt": CREATED,
        "deviceIds": [{"id": own.device(0), "kind": "imei"}, {"id": "5551234567", "kind": "mdn"}],
        "extendedAttributes": [{"key": "DeviceId", "value": str(own.first)}],
    }
    assert body["devices"][1] == {
        "accountName": own.account,
        "carrierInformations": [{"state": "active"}],
        "createdAt": CREATED,
        "deviceIds": [{"id": own.device(1), "kind": "imei"}],
        "extendedAttributes": [{"key": "DeviceId", "value": str(own.first + 1)}],
    }


def test_a_device_is_found_by_its_imei_or_mdn(own: Own) -> None:
    lines = [{"deviceId": own.device(number), "mdn": f"555{own.first}"[:13]} for number in (3, 4)]
    assert own.api.control("POST", f"/accounts/{own.account}/devices", lines).status_code == 200
    for kind in ("imei", "IMEI", "Imei"):
        identifier = {"id": own.device(3), "kind": kind}
        assert found(asked(own.api, {"accountName": own.account, "deviceId": identifier})) == own.devices(3)
    for kind in ("mdn", "MDN"):
        identifier = {"id": lines[0]["mdn"], "kind": kind}
        assert found(asked(own.api, {"accountName": own.account, "deviceId": identifier})) == own.devices(3, 4)
    for identifier in ({"id": FOREIGN_DEVICE, "kind": "imei"}, {"id": "1", "kind": "mdn"}):
        response = asked(own.api, {"accountName": own.account, "deviceId": identifier})
        assert response.json() == {"hasMoreData": False, "devices": []}


def test_pages_follow_the_device_id_of_the_last_device(own: Own) -> None:
    first = 710_000_000_000_000 + own.first % 1_000_000 * 10_000
    lines = [{"deviceId": f"{first + number:015d}"} for number in range(1_200)]
    assert own.api.control("POST", f"/accounts/{own.account}/devices", lines).status_code == 200
    pages: list[list[str]] = []
    cursor: int | str = 0
    more = True
    while more:
        body = {"accountName": own.account, "maxNumberOfDevices": 500, "largestDeviceIdSeen": cursor}
        response = asked(own.api, body)
        pages.append(found(response))
        more = response.json()["hasMoreData"]
        (attribute,) = response.json()["devices"][-1]["extendedAttributes"]
        cursor = int(attribute["value"]) if len(pages) == 1 else attribute["value"]  # clients send either
    assert [len(page) for page in pages] == [500, 500, 220]
    everything = [device for page in pages for device in page]
    assert everything == [*own.devices(*range(DEVICES)), *(line["deviceId"] for line in lines)]
    assert found(asked(own.api, {"accountName": own.account})) == everything
    for beyond in (cursor, 10**15, "9" * 18):
        answer = asked(own.api, {"accountName": own.account, "largestDeviceIdSeen": beyond}).json()
        assert answer == {"hasMoreData": False, "devices": []}


def test_a_full_last_page_says_that_there_is_no_more(own: Own) -> None:
    first = 720_000_000_000_000 + own.first % 1_000_000 * 10_000
    lines = [{"deviceId": f"{first + number:015d}"} for number in range(500 - DEVICES)]
    assert own.api.control("POST", f"/accounts/{own.account}/devices", lines).status_code == 200
    answer = asked(own.api, {"accountName": own.account, "maxNumberOfDevices": 500}).json()
    assert (len(answer["devices"]), answer["hasMoreData"]) == (500, False)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"maxNumberOfDevices": 499}, "DeserializationFailed"),
    ({"maxNumberOfDevices": 2001}, "DeserializationFailed"),
    ({"maxNumberOfDevices": "500"}, "DeserializationFailed"),
    ({"largestDeviceIdSeen": -1}, "DeserializationFailed"),
    ({"largestDeviceIdSeen": "x"}, "DeserializationFailed"),
    ({"deviceId": "990003425730535"}, "DeserializationFailed"),
    ({"deviceId": {"id": "990003425730535"}}, "DeserializationFailed"),
    ({"deviceId": {"id": "12345", "kind": "imei"}}, "INPUT_INVALID.Device.Identifier.Invalid"),
    ({"deviceId": {"id": "5\x00", "kind": "mdn"}}, "INPUT_INVALID.Device.Identifier.Invalid"),
    ({"deviceId": {"id": "89148000000800139708", "kind": "iccid"}}, "REQUEST_FAILED.NotEmulated"),
    ({"filter": {"deviceIdentifierFilters": []}}, "REQUEST_FAILED.NotEmulated"),
    ({"currentState": "active"}, "REQUEST_FAILED.NotEmulated"),
    ({"customFields": [{"key": "a", "value": "b"}]}, "REQUEST_FAILED.NotEmulated"),
    ({"earliest": "2026-03-10T12:00:00Z"}, "REQUEST_FAILED.NotEmulated"),
    ({"latest": "2026-03-10T12:00:00Z"}, "REQUEST_FAILED.NotEmulated"),
    ({"groupName": "trucks"}, "REQUEST_FAILED.NotEmulated"),
    ({"servicePlan": "m2m4G"}, "REQUEST_FAILED.NotEmulated"),
]


@pytest.mark.parametrize(("member", "code"), WRONG)
def test_what_cannot_be_answered_is_refused(own: Own, member: dict[str, Any], code: str) -> None:
    assert refused(asked(own.api, {"accountName": own.account, **member})) == code


def test_a_refusal_names_what_is_not_emulated(own: Own) -> None:
    by_iccid = {"accountName": own.account, "deviceId": {"id": "1", "kind": "{iccid}" * 20}}
    message = asked(own.api, by_iccid).json()["errorMessage"]
    assert message == f"An identifier of the kind {('{iccid}' * 20)[:40]} is not emulated here."
    in_group = {"accountName": own.account, "groupName": "trucks"}
    assert asked(own.api, in_group).json()["errorMessage"] == "The filter groupName is not emulated here."
    for nothing in ({"groupName": None}, {"deviceId": None}, {"maxNumberOfDevices": None, "more": 1}):
        assert len(found(asked(own.api, {"accountName": own.account, **nothing}))) == DEVICES


def test_without_a_name_the_account_is_the_only_one_or_that_of_the_device(own: Own, shared: Api) -> None:
    single = new_user(shared, f"single-{own.account}", own.account)
    assert found(asked(single, {})) == own.devices(*range(DEVICES))
    assert found(asked(single, {"deviceId": {"id": own.device(2), "kind": "imei"}})) == own.devices(2)
    assert found(asked(single, {"deviceId": {"id": FOREIGN_DEVICE, "kind": "imei"}})) == []
    assert found(asked(own.api, {"deviceId": {"id": own.device(2), "kind": "imei"}})) == own.devices(2)
    assert found(asked(own.api, {"deviceId": {"id": FOREIGN_DEVICE, "kind": "imei"}})) == [], "of another user"
    for body in ({}, {"accountName": None}, {"accountName": ""}, {"maxNumberOfDevices": 500}):
        assert refused(asked(own.api, body)) == "INPUT_INVALID.Account.NotDefined", "the user has many accounts"


def test_the_account_is_checked_as_in_the_other_apis(own: Own) -> None:
    for account, code in (
        (FOREIGN, "REQUEST_FAILED.AccountNotFound"),
        ("0000000000-00000", "REQUEST_FAILED.AccountNotFound"),
        ("no account", "INPUT_INVALID.Account.NotDefined"),
        (SUSPENDED, "REQUEST_FAILED.AccountInactive"),
    ):
        assert refused(asked(own.api, {"accountName": account})) == code
        for path in (f"/accounts/{account}", f"/callbacks/{account}"):
            assert refused(own.api.http.get(f"/api/m2m/v1{path}", headers=own.api.tokens)) == code


def test_both_tokens_are_needed(own: Own) -> None:
    calls = [
        ("POST", "/devices/actions/list"),
        ("GET", f"/accounts/{own.account}"),
        ("GET", f"/callbacks/{own.account}"),
        ("POST", f"/callbacks/{own.account}"),
        ("DELETE", f"/callbacks/{own.account}/name/DeviceService"),
    ]
    for method, path in calls:
        url = f"/api/m2m/v1{path}"
        for headers in ({}, {"Authorization": "Bearer wrong", "VZ-M2M-Token": own.api.session}):
            response = own.api.http.request(method, url, headers=headers, json={})
            fault = response.json()["fault"]
            assert (response.status_code, fault["description"].count("/m2m/v1") <= 1) == (401, True)
        bearer = {"Authorization": f"Bearer {own.api.bearer}"}
        missing = own.api.http.request(method, url, headers=bearer, json={})
        assert refused(missing) == "REQUEST_FAILED.SessionToken.Format"
        wrong = own.api.http.request(method, url, headers={**bearer, "VZ-M2M-Token": "x"}, json={})
        assert refused(wrong) == "INPUT_INVALID.SessionToken.Invalid"


def test_the_account_says_its_name_and_leaves_out_what_is_not_known(own: Own) -> None:
    response = own.api.http.get(f"/api/m2m/v1/accounts/{own.account}", headers=own.api.tokens)
    assert response.json() == {"accountName": own.account, "accountNumber": own.account}


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"accountName": 5}', b"\xff"])
def test_a_body_that_is_no_request(own: Own, content: bytes) -> None:
    response = own.api.http.post(LIST, content=content, headers=own.api.tokens)
    assert refused(response) == "DeserializationFailed"


OTHERS = [
    ("POST", "/api/m2m/v1/devices/actions/suspend"),
    ("POST", "/api/m2m/v1/session/refresh"),
    ("GET", "/api/m2m/v1/devices"),
    ("GET", "/api/m2m/v1/leads/0242078689-00001"),
    ("POST", "/api/m2m/v1/devices/actions/list/"),
    ("POST", "/api/m2m/v2/devices/actions/list"),
    ("GET", "/api/m2m/v1"),
    ("GET", "/api/m2m/"),
]


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_all_other_operations_are_not_emulated_and_say_so(shared: Api, method: str, path: str) -> None:
    response = shared.http.request(method, path)
    assert refused(response) == "REQUEST_FAILED.NotEmulated"
    assert response.json()["errorMessage"] == "This operation is not emulated here."


def test_the_hint_of_an_operation_that_is_not_emulated_suggests_no_other_api(shared: Api) -> None:
    for method, path in OTHERS:
        hint = shared.http.request(method, path).headers.get("x-fotapool-hint", "")
        if path.endswith("list/"):
            assert hint == "Leave out the slash at the end of the path: /api/m2m/v1/devices/actions/list."
        elif path != "/api/m2m/v1":
            assert hint.startswith("This operation of the Connectivity Management API is not emulated."), path
            assert "/api/fota" not in hint
    wrong_method = shared.http.get(LIST)
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "OPTIONS, POST")
    assert wrong_method.headers["x-fotapool-hint"] == f"{LIST} takes POST, not GET."


def test_hints_of_refusals_name_the_member(own: Own) -> None:
    def hint(body: dict[str, Any]) -> str:
        return str(asked(own.api, {"accountName": own.account, **body}).headers["x-fotapool-hint"])

    assert "`deviceId`" in hint({"deviceId": "990003425730535"})
    assert "`maxNumberOfDevices`" in hint({"maxNumberOfDevices": 20})
    assert hint({"groupName": "trucks"}).startswith("Leave this filter out, and name a device by its IMEI or MDN")


def test_users_see_only_their_own_accounts(own: Own, shared: Api) -> None:
    stranger = Api(shared.http, shared.server)
    stranger.bearer, stranger.session = shared.bearer, shared.log_in(STRANGER).json()["sessionToken"]
    assert refused(asked(stranger, {"accountName": own.account})) == "REQUEST_FAILED.AccountNotFound"
    assert found(asked(stranger, {})) == [f"{int(FOREIGN_DEVICE) + number}" for number in range(5)]
    assert USER != STRANGER
