"""Operators' roles: viewer, editor, admin."""

from __future__ import annotations

import pytest

from fotapool.domain.identity import Role
from fotapool.operator_api.routes import OPERATIONS
from fotapool.web.operations import Operation
from support.helpers import ACCOUNT, Api


def key_of(api: Api, role: str) -> dict[str, str]:
    key = api.control("POST", "/operators", {"name": role, "role": role}).json()["key"]
    return {"Authorization": f"Bearer {key}"}


def test_a_viewer_sees_everything_and_changes_nothing(api: Api) -> None:
    headers = key_of(api, "viewer")
    assert api.control("GET", f"/accounts/{ACCOUNT}", headers=headers).status_code == 200
    assert api.control("GET", "/users", headers=headers).status_code == 200
    refused = api.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "suspended"}, headers=headers)
    assert refused.status_code == 403
    assert refused.json()["detail"] == "this needs the role editor; operator viewer has the role viewer"
    assert api.control("GET", f"/accounts/{ACCOUNT}").json()["status"] == "active"


def test_an_editor_does_not_manage_credentials(api: Api) -> None:
    headers = key_of(api, "editor")
    status = api.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": "suspended"}, headers=headers)
    assert status.status_code == 200
    for path, body in (("/users", {"username": "ford"}), ("/operators", {"name": "ford"}), ("/clients", {})):
        refused = api.control("POST", path, body, headers=headers)
        assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert [one["username"] for one in api.control("GET", "/users").json()["users"]] == ["zbeeblebrox"]


def test_an_operator_is_given_the_role_admin_if_no_other_is_named(api: Api) -> None:
    created = api.control("POST", "/operators", {"name": "zaphod"}).json()
    headers = {"Authorization": f"Bearer {created['key']}"}
    assert created["role"] == "admin"
    assert api.control("POST", "/operators", {"name": "ford", "role": "viewer"}, headers=headers).status_code == 201
    listed = api.control("GET", "/operators").json()["operators"]
    assert [(one["name"], one["role"]) for one in listed] == [("ford", "viewer"), ("zaphod", "admin")]


def test_a_role_that_does_not_exist_is_refused(api: Api) -> None:
    assert api.control("POST", "/operators", {"name": "ford", "role": "rule"}).status_code == 400


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_only_reading_is_open_to_viewers(operation: Operation) -> None:
    assert (operation.needed_role is Role.VIEWER) == (not operation.changes)
