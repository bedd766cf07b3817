"""The operator API: users, clients and operators: secrets shown once, and what deleting ends."""

from __future__ import annotations

from typing import Any

import pytest

from support.helpers import ACCOUNT, KEY, OPERATOR, OTHER, PASSWORD, SECRET, USER, Api

SECRETS = {"password", "secret", "key"}


def test_a_user_gets_a_password_that_is_shown_once(api: Api) -> None:
    created = api.control("POST", "/users", {"username": "ford", "accounts": [OTHER]})
    assert created.status_code == 201
    user = created.json()
    assert set(user) == {"username", "password", "accounts"}
    assert len(user["password"]) >= 32
    listed = api.control("GET", "/users").json()["users"]
    assert listed == [
        {"username": "ford", "accounts": [OTHER], "locked": False},
        {"username": USER, "accounts": [ACCOUNT], "locked": False},
    ]
    assert user["password"] not in api.control("GET", "/users").text
    api.session = api.log_in("ford", user["password"]).json()["sessionToken"]
    assert api.call("GET", f"/v3/licenses/{OTHER}").status_code == 200
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 400


def test_a_user_may_be_given_a_password_and_several_accounts(api: Api) -> None:
    body = {"username": "ford", "password": "towel é", "accounts": [OTHER, ACCOUNT, OTHER]}
    assert api.control("POST", "/users", body).json()["password"] == "towel é"
    assert api.control("GET", "/users").json()["users"][0]["accounts"] == [ACCOUNT, OTHER]
    assert api.log_in("ford", "towel é").status_code == 200


def test_a_client_gets_key_and_secret_that_are_shown_once(api: Api) -> None:
    created = api.control("POST", "/clients", {})
    assert created.status_code == 201
    client = created.json()
    assert set(client) == {"key", "secret", "createTime"}
    listed = api.control("GET", "/clients")
    assert client["secret"] not in listed.text
    members = {"key", "createTime", "lastTokenTime", "oldSecret"}
    assert all(set(one) == members for one in listed.json()["clients"])
    assert {one["key"] for one in listed.json()["clients"]} == {KEY, client["key"]}
    assert api.get_bearer(client["key"], client["secret"]).status_code == 200


def test_a_client_may_be_given_key_and_secret(api: Api) -> None:
    given = {"key": "k", "secret": "s"}
    created = {**given, "createTime": "2026-03-10T12:00:00.000Z"}
    assert api.control("POST", "/clients", given).json() == created
    assert api.get_bearer("k", "s").status_code == 200


def test_an_operator_s_key_works_until_it_is_taken_away_and_its_name_stands_in_the_ledger(api: Api) -> None:
    created = api.control("POST", "/operators", {"name": "Zaphod É"})
    assert created.status_code == 201
    key = created.json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert key not in api.control("GET", "/operators", headers=headers).text
    api.assign(0)
    assert api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 0}, headers=headers).is_success
    assert api.ledger()[-1]["actor"] == "Zaphod É"
    assert api.control("DELETE", "/operators/Zaphod É").status_code == 204
    assert api.control("GET", "/operators", headers=headers).status_code == 401
    assert api.control("GET", "/operators").json() == {"operators": [], "hasMoreData": False}


def test_deleting_a_user_ends_its_sessions_at_once(api: Api) -> None:
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    assert api.control("DELETE", f"/users/{USER}").status_code == 204
    ended = api.call("GET", f"/v3/licenses/{ACCOUNT}")
    assert ended.json()["errorMessage"] == "UWS verification failure (Session token is not valid.)"
    assert api.log_in(USER, PASSWORD).status_code == 400


def test_deleting_a_client_ends_its_token_at_once(api: Api) -> None:
    assert api.control("DELETE", f"/clients/{KEY}").status_code == 204
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 401
    assert api.get_bearer(KEY, SECRET).status_code == 401


def test_a_user_who_comes_again_after_being_deleted_has_none_of_the_old_accounts(api: Api) -> None:
    api.control("DELETE", f"/users/{USER}")
    api.control("POST", "/users", {"username": USER, "password": PASSWORD})
    api.session = api.log_in().json()["sessionToken"]
    assert "Could not find account" in api.call("GET", f"/v3/licenses/{ACCOUNT}").json()["errorMessage"]


def test_a_locked_user_is_shown_and_can_be_unlocked(api: Api) -> None:
    for _ in range(5):
        api.log_in(USER, "wrong")
    assert api.control("GET", "/users").json()["users"][0]["locked"] is True
    assert api.log_in(USER, PASSWORD).status_code == 400
    assert api.control("POST", f"/users/{USER}/unlock").status_code == 204
    assert api.control("GET", "/users").json()["users"][0]["locked"] is False
    assert api.log_in(USER, PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/users", {"username": USER}, 409, "user zbeeblebrox exists already"),
        ("/users", {"username": "a", "accounts": ["nobody"]}, 404, "account nobody does not exist"),
        ("/users", {"username": "a", "accounts": ["\u0000"]}, 404, "does not exist"),
        ("/users", {"username": "a", "accounts": [ACCOUNT] * 1001}, 400, "accounts must be at most 1000"),
        ("/users", {"username": "a", "accounts": ACCOUNT}, 400, "$.accounts"),
        ("/users", {"username": ""}, 400, "username must be"),
        ("/users", {"username": "a/b"}, 400, "no slash"),
        ("/users", {"username": ".."}, 400, "no dot or space first"),
        ("/users", {"username": "a\u0000"}, 400, "username must be"),
        ("/users", {"username": "a\n"}, 400, "username must be"),
        ("/users", {"username": "a" * 201}, 400, "1 to 200"),
        ("/users", {"username": "a", "password": ""}, 400, "password must be 1 to 1000"),
        ("/users", {"username": "a", "password": "a\u0000"}, 400, "password must be"),
        ("/users", {"username": "a", "password": "a" * 1001}, 400, "password must be 1 to 1000"),
        ("/users", {}, 400, "`username`"),
        ("/users", {"user": "a"}, 400, "`user`"),
        ("/clients", {"key": KEY}, 409, "client demo-key exists already"),
        ("/clients", {"key": "a:b"}, 400, "no colon"),
        ("/clients", {"key": ""}, 400, "key must be"),
        ("/clients", {"secret": ""}, 400, "secret must be"),
        ("/clients", {"key": 1}, 400, "$.key"),
        ("/operators", {"name": "operator"}, 409, "operator operator exists already"),
        ("/operators", {"name": "a\u0000"}, 400, "name must be"),
        ("/operators", {}, 400, "`name`"),
    ],
)
def test_bad_credentials_are_refused_by_naming_the_member(
    shared: Api, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    before = shared.control("GET", path).json()
    response = shared.control("POST", path, body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]
    assert shared.control("GET", path).json() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/users/nobody"),
        ("DELETE", "/users/%00"),
        ("POST", "/users/nobody/unlock"),
        ("POST", "/users/%00/unlock"),
        ("DELETE", "/clients/nobody"),
        ("DELETE", "/clients/%00"),
        ("DELETE", "/operators/nobody"),
        ("DELETE", "/operators/%00"),
        ("DELETE", "/users/a%2Fb"),
    ],
)
def test_who_does_not_exist_is_not_found(shared: Api, method: str, path: str) -> None:
    response = shared.control(method, path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_an_operator_cannot_be_created_twice_nor_the_key_of_the_start_be_taken_away(api: Api) -> None:
    assert api.control("POST", "/operators", {"name": "a"}).status_code == 201
    assert api.control("POST", "/operators", {"name": "a"}).status_code == 409
    taken = api.control("DELETE", "/operators/operator")
    assert taken.status_code == 409
    assert "--operator-key" in taken.json()["detail"]
    assert api.control("GET", "/operators", headers={"Authorization": f"Bearer {OPERATOR}"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "member", "name"), [("/clients", "key", "clients"), ("/operators", "name", "operators")]
)
def test_lists_come_in_pages_by_name(api: Api, path: str, member: str, name: str) -> None:
    for who in ("a", "b", "c"):
        api.control("POST", path, {member: who})
    page = api.control("GET", f"{path}?limit=1&after=a").json()
    assert ([one[member] for one in page[name]], page["hasMoreData"]) == (["b"], True)
    for bad in ("limit=0", "limit=1001", "limit=x", "after=%00"):
        assert api.control("GET", f"{path}?{bad}").status_code == 400


def test_no_list_and_no_read_shows_a_secret(shared: Api) -> None:
    for path in ("/users", "/clients", "/operators"):
        for row in next(iter(shared.control("GET", path).json().values())):
            assert not {"password", "secret", "keyHash", "password_hash"} & set(row)
    for text in (PASSWORD, SECRET, OPERATOR):
        for path in ("/users", "/clients", "/operators", "/accounts"):
            assert text not in shared.control("GET", path).text
