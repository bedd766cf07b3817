"""The pages of users, clients, operators and device keys: what is there, and secrets that are shown once."""

from __future__ import annotations

import re

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, OTHER, SECRET, USER, Api, device

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What these pages ask of the database is tested on both elsewhere."""


def secret_of(page: str) -> str:
    found = re.search(r'id="secret">([^<]+)</p>', page)
    assert found is not None
    assert "it won't be shown again" in words_of(page)
    return found[1]


def test_a_user_is_created_with_a_password_that_is_shown_once(console: Browser, api: Api) -> None:
    page = console.post("/access", {"username": "trillian", "accounts": f"{ACCOUNT}\n{OTHER}, {ACCOUNT}"})
    password = secret_of(page)
    assert password not in str(console.http.cookies)
    listed = console.get("/access")
    assert password not in listed
    assert f"trillian {ACCOUNT} , {OTHER} active" in words_of(listed)
    assert api.log_in("trillian", password).status_code == 200


def test_a_user_may_be_given_a_password_which_is_not_repeated(console: Browser, api: Api) -> None:
    page = console.post("/access", {"username": "marvin", "password": "depressed!", "accounts": ""})
    assert "depressed!" not in page
    assert "The password is the one you entered." in words_of(page)
    assert "none (no access)" in words_of(console.get("/access"))
    assert api.log_in("marvin", "depressed!").status_code == 200


def test_a_form_that_is_refused_keeps_what_was_typed_but_no_secret(console: Browser) -> None:
    form = {"username": "ford", "password": "towel-42", "accounts": "nobody"}
    page = console.post("/access", form, status=400)
    assert "Account nobody does not exist. Nothing was created." in words_of(page)
    assert 'value="ford"' in page
    assert "towel-42" not in page
    page = console.post("/access", {"username": USER}, status=400)
    assert f"User {USER} exists already." in words_of(page)


def test_a_locked_user_is_unlocked(console: Browser, api: Api) -> None:
    assert "locked" not in words_of(console.get("/access")).split("A user is locked")[0]
    for _ in range(5):
        api.log_in(password="wrong")
    assert f"Unlock {USER}" in words_of(console.get("/access"))
    assert notice_of(console.post("/access/unlock", {"name": USER})) == f"User {USER} unlocked."
    assert api.log_in().status_code == 200


def test_a_user_gets_other_accounts_and_another_password(console: Browser, api: Api) -> None:
    path = f"/access/users/{USER}"
    assert f'href="/console{path}"' in console.get("/access")
    assert ACCOUNT in console.get(path)
    page = console.post(path + "/accounts", {"accounts": f"{OTHER}\n{ACCOUNT}"})
    assert notice_of(page) == f"User {USER} has access to 2 accounts."
    assert api.call("GET", f"/v3/licenses/{OTHER}").status_code == 200
    refused = console.post(path + "/accounts", {"accounts": f"{OTHER}\nnobody"}, status=400)
    assert "Account nobody does not exist. Nothing was changed." in words_of(refused)
    assert f"{OTHER}\nnobody</textarea>" in refused
    password = secret_of(console.post(path + "/password", {"password": ""}))
    assert api.call("GET", f"/v3/licenses/{OTHER}").status_code == 400
    assert api.log_in(USER, password).status_code == 200
    key = api.control("POST", "/operators", {"name": "guest", "role": "viewer"}).json()["key"]
    guest = Browser(api, key)
    assert "Change accounts" not in guest.get(path)
    guest.post(path + "/accounts", {"accounts": ""}, status=403)
    guest.post(path + "/password", {"password": "x"}, status=403)


def test_users_are_deleted_and_paged_by_name(console: Browser, api: Api) -> None:
    for number in range(51):
        api.control("POST", "/users", {"username": f"a{number:02d}", "password": "x"})
    page = console.get("/access")
    assert '?after=a49" rel="next"' in page
    assert USER in console.get("/access?after=a49")
    page = console.post("/access/delete", {"name": USER})
    assert notice_of(page) == f"User {USER} deleted. Its sessions have ended."
    assert "No API users after zz." in words_of(console.get("/access?after=zz"))
    assert f"User {USER} does not exist." in words_of(console.post("/access/delete", {"name": USER}, status=404))


def test_clients_are_created_and_deleted(console: Browser, api: Api) -> None:
    secret = secret_of(console.post("/access/clients", {"key": "app-1", "secret": ""}))
    assert api.get_bearer("app-1", secret).status_code == 200
    page = console.get("/access/clients")
    assert "app-1" in page
    assert secret not in page
    refused = console.post("/access/clients", {"key": "app-1", "secret": SECRET}, status=400)
    assert "Client app-1 exists already. Nothing was created." in words_of(refused)
    new = secret_of(console.post("/access/clients/rotate", {"name": "app-1", "overlap": "P1D"}))
    assert [api.get_bearer("app-1", one).status_code for one in (secret, new)] == [200, 200]
    assert "old secret valid until 2026-03-11 12:00:00" in words_of(console.get("/access/clients"))
    console.post("/access/clients/delete", {"name": "app-1"})
    assert api.get_bearer("app-1", secret).status_code == 401


def test_operators_are_created_with_a_role_and_lose_their_key(console: Browser, api: Api) -> None:
    page = console.post("/access/operators", {"name": "ford", "role": "editor"})
    ford = Browser(api, secret_of(page))
    assert "ford editor" in words_of(console.get("/access/operators"))
    assert "Changes require the role admin ." in words_of(ford.get("/access/operators"))
    ford.post("/access/operators", {"name": "x", "role": "viewer"}, status=403)
    refused = console.post("/access/operators", {"name": "x", "role": "rule"}, status=400)
    assert "Role must be one of viewer, editor, admin. Nothing was created." in words_of(refused)
    console.post("/access/operators/delete", {"name": "ford"})
    assert ford.http.get("/console/pools", follow_redirects=False).status_code == 303
    refused = console.post("/access/operators/delete", {"name": "operator"}, status=409)
    assert "restart it with another" in words_of(refused)


def test_operator_keys_and_device_keys_are_replaced_and_the_start_key_retired(console: Browser, api: Api) -> None:
    old = secret_of(console.post("/access/operators", {"name": "ford", "role": "admin"}))
    page = console.post("/access/operators/rotate", {"name": "ford", "overlap": "PT1H"})
    assert "Old key valid until 2026-03-10 13:00:00 UTC" in words_of(page)
    new = secret_of(page)
    listed = words_of(console.get("/access/operators"))
    assert f"ford admin {new[:6]}… 2026-03-10 12:00:00 {old[:6]}… 2026-03-10 12:00:00, valid until" in listed
    console.post("/access/operators/rotate", {"name": "ford", "overlap": "never"}, status=400)
    keys = f"/accounts/{ACCOUNT}/device-keys"
    secret_of(console.post(keys, {"name": "factory", "device": ""}))
    assert "Old key has ended" in words_of(console.post(keys + "/rotate", {"name": "factory", "overlap": "PT0S"}))
    ford = Browser(api, new)
    ford.get("/pools")
    page = ford.post("/access/operators/retire-start-key", {"name": "operator"})
    assert notice_of(page) == "The key of --operator-key is retired."
    assert "operator admin at server start, retired 2026-03-10 12:00:00" in words_of(page)
    last = ford.post("/access/operators/delete", {"name": "ford"}, status=409)
    assert "Ford is the last operator with the role admin: create another one first" in words_of(last)
    assert console.http.get("/console/pools", follow_redirects=False).status_code == 303


def test_sessions_are_listed_and_ended(console: Browser, api: Api) -> None:
    api.log_in()
    page = console.get("/access/sessions")
    assert words_of(page).count("127.0.0.1") == 2
    assert f"name={USER}" in console.get(f"/access/users/{USER}")
    found = re.search(r'name="id" value="(user-\w+)"', page)
    assert found is not None
    form = {"kind": "user", "id": found[1], "shown": ""}
    assert notice_of(console.post("/access/sessions/end", form)) == "Session ended."
    console.post("/access/sessions/end", form, status=404)
    console.post("/access/sessions/end", {**form, "kind": "robot"}, status=400)
    assert f"End all sessions of {USER}" in console.get(f"/access/sessions?kind=user&name={USER}")
    page = console.post("/access/sessions/end-all", {"kind": "user", "name": USER, "shown": USER})
    assert notice_of(page) == f"1 session of {USER} ended."
    assert f"{USER} is not signed in." in words_of(page)
    assert "operator" in words_of(console.get("/access/sessions?kind=console"))
    key = api.control("POST", "/operators", {"name": "guest", "role": "editor"}).json()["key"]
    guest = Browser(api, key)
    assert "/console/access/sessions/end" not in guest.get("/access/sessions?kind=console")
    guest.post("/access/sessions/end", form, status=403)


def test_device_keys_are_made_for_one_device_or_all_and_taken_away(console: Browser, api: Api) -> None:
    path = f"/accounts/{ACCOUNT}/device-keys"
    assert "no real device of the account can check in" in words_of(console.get(path))
    key = secret_of(console.post(path, {"name": "factory", "device": ""}))
    console.post(path, {"name": "one", "device": device(3)})
    page = words_of(console.get(path))
    assert "factory all devices of the account" in page
    assert f"one {device(3)}" in page
    report = {"headers": {"Authorization": f"Bearer {key}"}, "json": {}}
    checked_in = api.http.post(f"/device/v1/{device(0)}/check-in", **report)
    assert checked_in.status_code == 200, checked_in.text
    refused = words_of(console.post(path, {"name": "two", "device": "12"}, status=400))
    assert "Device must be an IMEI of 15 digits, or empty. Nothing was created." in refused
    assert "is not a device of account" in words_of(console.post(path, {"name": "x", "device": "1" * 15}, status=400))
    console.post(path + "/delete", {"name": "factory"})
    assert api.http.post(f"/device/v1/{device(0)}/check-in", **report).status_code == 401
