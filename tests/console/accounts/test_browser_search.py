"""The search in a real browser: the key that goes to it, and its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.helpers import ACCOUNT, Api, device

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_key_goes_to_the_search_which_goes_to_the_device(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api)
    page.keyboard.press("/")
    page.keyboard.type(device(0)[:13])
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    page.keyboard.press("/")
    page.keyboard.type(device(7))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/accounts/{ACCOUNT}/devices/{device(7)}")
    page.goto("/console/pools")
    page.fill("#search", "")
    page.press("#search", "/")
    assert page.input_value("#search") == "/"


def test_the_key_can_be_turned_off(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api, "/search")
    page.keyboard.press("?")
    page.uncheck("#keys")
    page.goto("/console/pools")
    page.keyboard.press("/")
    assert not page.evaluate("document.activeElement.matches('.find input')")
    page.keyboard.press("?")
    page.check("#keys")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/audit-log")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('.find input')")
