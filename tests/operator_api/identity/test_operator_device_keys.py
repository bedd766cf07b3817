"""Device keys: shown once, listed by name, taken away."""

from __future__ import annotations

import pytest

from support.helpers import ACCOUNT, OTHER, Api, device

KEYS = f"/accounts/{ACCOUNT}/device-keys"


def test_a_key_is_shown_once_and_then_listed_by_its_name(api: Api) -> None:
    made = api.control("POST", KEYS, {"name": "one", "deviceId": device(3)})
    assert made.status_code == 201
    assert len(made.json()["key"]) == 48
    api.control("POST", KEYS, {"name": "all"})
    response = api.control("GET", KEYS)
    created = "2026-03-10T12:00:00.000Z"
    rows = response.json()["deviceKeys"]
    assert [(row["name"], row["deviceId"], row["createTime"], row["oldKey"]) for row in rows] == [
        ("all", None, created, None),
        ("one", device(3), created, None),
    ]
    key = {"prefix": made.json()["key"][:6], "createTime": created, "lastUseTime": None, "expireTime": None}
    assert rows[1]["key"] == key
    assert made.json()["key"] not in response.text
    assert api.control("GET", f"/accounts/{OTHER}/device-keys").json()["deviceKeys"] == []


def test_the_list_comes_in_pages(api: Api) -> None:
    for name in ("c", "a", "b"):
        api.control("POST", KEYS, {"name": name})
    first = api.control("GET", f"{KEYS}?limit=2").json()
    assert ([key["name"] for key in first["deviceKeys"]], first["hasMoreData"]) == (["a", "b"], True)
    rest = api.control("GET", f"{KEYS}?limit=2&after=b").json()
    assert ([key["name"] for key in rest["deviceKeys"]], rest["hasMoreData"]) == (["c"], False)


def test_a_name_is_taken_once_an_account_and_free_again_after(api: Api) -> None:
    assert api.control("POST", KEYS, {"name": "one"}).status_code == 201
    assert api.control("POST", KEYS, {"name": "one"}).status_code == 409
    assert api.control("POST", f"/accounts/{OTHER}/device-keys", {"name": "one"}).status_code == 201
    assert api.control("DELETE", f"{KEYS}/one").status_code == 204
    assert api.control("DELETE", f"{KEYS}/one").status_code == 404
    assert api.control("POST", KEYS, {"name": "one"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "a/b"}, 400),
        ({"name": "a\0b"}, 400),
        ({"name": "a" * 201}, 400),
        ({"name": "x", "deviceId": "1"}, 400),
        ({"name": "x", "more": 1}, 400),
        ({"name": "x", "deviceId": "880000000000000"}, 404),
        ({"name": "x", "deviceId": "123456789012345"}, 404),
    ],
)
def test_a_key_that_cannot_be_made_is_refused(api: Api, body: dict[str, object], status: int) -> None:
    assert api.control("POST", KEYS, body).status_code == status
    assert api.control("GET", KEYS).json()["deviceKeys"] == []


def test_keys_of_an_account_that_there_is_not_are_not_found(api: Api) -> None:
    assert api.control("GET", "/accounts/none/device-keys").status_code == 404
    assert api.control("POST", "/accounts/none/device-keys", {"name": "x"}).status_code == 404
    assert api.control("DELETE", f"{KEYS}/%00").status_code == 404
