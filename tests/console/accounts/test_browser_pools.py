"""The page of all pools in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from support.helpers import ACCOUNT, Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_pools_are_searched_while_typing_and_sorted_by_their_headings(
    api: Api, open_console: Callable[..., Any]
) -> None:
    page = open_console(api)
    page.fill("#search", ACCOUNT)
    page.wait_for_url(f"**search={ACCOUNT}*")
    expect(page.locator("tbody th")).to_have_text([ACCOUNT])
    page.get_by_role("link", name="Available").click()
    expect(page.locator("th[aria-sort]")).to_contain_text("Available")


def test_an_account_is_created_with_the_keyboard_alone(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api)
    page.locator("main summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("0000000009-00001")
    page.locator("#licenseCount").fill("25")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/0000000009-00001")
    assert api.control("GET", "/accounts/0000000009-00001").json()["licenseCount"] == 25
