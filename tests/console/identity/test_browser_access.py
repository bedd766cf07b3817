"""Users, clients, operators and device keys in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from support.helpers import ACCOUNT, USER, Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_user_is_created_and_deleted_and_its_password_is_copied(
    api: Api, open_console: Callable[..., Any], accessible: Callable[[Any], None]
) -> None:
    page = open_console(api, "/access")
    page.locator("summary", has_text="Create API user").click()
    page.fill("#username", "trillian")
    page.fill("#accounts", ACCOUNT)
    page.get_by_role("button", name="Create API user").click()
    password = page.locator("#secret").inner_text()
    accessible(page)
    assert api.log_in("trillian", password).status_code == 200
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    page.get_by_role("link", name="Done").click()
    page.get_by_text(f"Delete {USER}").first.click()
    page.get_by_role("button", name=f"Delete {USER}").click()
    expect(page.get_by_role("status").first).to_contain_text(f"User {USER} deleted.")


def test_clients_operators_and_device_keys_are_made(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api, "/access/clients")
    page.locator("summary", has_text="Create API client").click()
    page.get_by_role("button", name="Create API client").click()
    page.locator("#secret").wait_for()
    page.goto("/console/access/operators")
    page.locator("summary", has_text="Create operator").click()
    page.fill("#name", "ford")
    page.select_option("#role", "viewer")
    page.get_by_role("button", name="Create operator").click()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("rowheader", name="ford")).to_be_visible()
    page.goto(f"/console/accounts/{ACCOUNT}/device-keys")
    page.fill("#name", "factory")
    page.get_by_role("button", name="Create key").click()
    page.locator("#secret").wait_for()
