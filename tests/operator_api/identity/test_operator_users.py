"""The operator API: a user's accounts and password are changed, and what that ends at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from support.helpers import ACCOUNT, OTHER, PASSWORD, USER, Api

NOT_VALID = "UWS verification failure (Session token is not valid.)"


def see(api: Api, account: str) -> str:
    """ "seen", or the words of the refusal."""
    response = api.call("GET", f"/v3/licenses/{account}")
    return "seen" if response.status_code == 200 else str(response.json()["errorMessage"])


def change(api: Api, **body: Any) -> dict[str, Any]:
    response = api.control("PATCH", f"/users/{USER}", body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert answer == api.control("GET", f"/users/{USER}").json()
    return answer


def test_accounts_are_added_removed_and_replaced(api: Api) -> None:
    assert "Could not find account" in see(api, OTHER)
    assert change(api, add=[OTHER, OTHER])["accounts"] == [ACCOUNT, OTHER]
    assert (see(api, ACCOUNT), see(api, OTHER)) == ("seen", "seen")
    assert change(api, remove=[ACCOUNT])["accounts"] == [OTHER]
    assert change(api, remove=[ACCOUNT])["accounts"] == [OTHER]
    assert "Could not find account" in see(api, ACCOUNT)
    assert see(api, OTHER) == "seen"
    assert change(api, accounts=[ACCOUNT], add=[OTHER], remove=[ACCOUNT])["accounts"] == [OTHER]
    assert change(api, accounts=[ACCOUNT])["accounts"] == [ACCOUNT]
    assert see(api, ACCOUNT) == "seen"


def test_a_user_without_accounts_is_logged_out(api: Api) -> None:
    assert see(api, ACCOUNT) == "seen"
    assert change(api, accounts=[])["accounts"] == []
    assert change(api, add=[ACCOUNT])["accounts"] == [ACCOUNT]
    assert see(api, ACCOUNT) == NOT_VALID
    api.session = api.log_in().json()["sessionToken"]
    assert see(api, ACCOUNT) == "seen"


def test_a_new_password_ends_the_sessions_and_unlocks(api: Api) -> None:
    for _ in range(5):
        api.log_in(USER, "wrong")
    answer = api.control("POST", f"/users/{USER}/password", {}).json()
    assert set(answer) == {"username", "password"}
    assert see(api, ACCOUNT) == NOT_VALID
    assert api.log_in(USER, PASSWORD).status_code == 400
    assert api.log_in(USER, answer["password"]).status_code == 200
    given = api.control("POST", f"/users/{USER}/password", {"password": "towel é"})
    assert given.json()["password"] == "towel é"
    assert api.log_in(USER, "towel é").status_code == 200


def test_the_audit_log_has_the_accounts_before_and_after_and_no_password(api: Api) -> None:
    change(api, add=[OTHER])
    api.control("POST", f"/users/{USER}/password", {"password": "towel-42"})
    response = api.control("GET", f"/audit-log?target={USER}")
    assert "towel-42" not in response.text
    newest, change_of_accounts = response.json()["entries"]
    assert (newest["action"], newest["after"]) == ("setUserPassword", {"password": "***"})
    assert change_of_accounts["action"] == "changeUser"
    assert change_of_accounts["before"] == {"accounts": [ACCOUNT]}
    assert change_of_accounts["after"] == {"accounts": [ACCOUNT, OTHER]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("PATCH", USER, {}, 409, "nothing to change"),
        ("PATCH", USER, {"add": ["nobody"]}, 404, "account nobody does not exist"),
        ("PATCH", USER, {"remove": ["nobody"]}, 404, "account nobody does not exist"),
        ("PATCH", USER, {"accounts": [ACCOUNT] * 1001}, 400, "at most 1000"),
        ("PATCH", USER, {"account": ACCOUNT}, 400, "`account`"),
        ("PATCH", "nobody", {"add": [ACCOUNT]}, 404, "user nobody does not exist"),
        ("GET", "%00", None, 404, "does not exist"),
        ("POST", f"{USER}/password", {"password": ""}, 400, "password must be"),
        ("POST", "nobody/password", {}, 404, "user nobody does not exist"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(
    shared: Api, method: str, path: str, body: Any, status: int, words: str
) -> None:
    before = shared.control("GET", "/users").json()
    response = shared.control(method, f"/users/{path}", body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]
    assert shared.control("GET", "/users").json() == before


def test_two_operators_add_accounts_at_once(api: Api) -> None:
    names = [f"race-{number}" for number in range(6)]
    for name in names:
        assert api.control("POST", "/accounts", {"name": name, "licenseCount": 1}).status_code == 201
    threads = [threading.Thread(target=change_alone, args=(api, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.control("GET", f"/users/{USER}").json()["accounts"] == sorted([ACCOUNT, *names])


def change_alone(api: Api, name: str) -> None:
    assert api.control("PATCH", f"/users/{USER}", {"add": [name]}).status_code == 200
