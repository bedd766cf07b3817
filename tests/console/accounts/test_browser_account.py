"""The pages of an account, its devices and one device in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from campaigning import FLEET, schedule
from playwright.sync_api import expect

from support.helpers import ACCOUNT, Api, device

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_account_s_page_draws_its_history_and_suspends_after_a_question(
    api: Api, open_console: Callable[..., Any]
) -> None:
    api.assign(0, 1, 2, 3, 4, 5)
    api.upgrade(0, "inProgress")
    api.subscribe(3)
    api.advance("P30D")
    page = open_console(api, f"/accounts/{ACCOUNT}")
    page.wait_for_selector(".plot > svg")
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("cell", name="reduced to 3")).to_be_visible()
    page.get_by_role("link", name="1 year").click()
    page.wait_for_url("**days=365")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Suspend account").click()
    expect(page.locator(".notice").first).to_contain_text("suspended")
    page.get_by_role("button", name="Activate account").click()
    expect(page.locator(".notice").first).to_have_text("Account activated.")


def test_times_are_local_where_that_is_chosen(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api, f"/accounts/{ACCOUNT}/ledger", timezone_id="America/New_York")
    api.assign(0)
    page.reload()
    shown, zone = page.locator("tbody time"), page.locator("#zone")
    utc = datetime.fromisoformat(shown.get_attribute("datetime"))
    expect(shown).to_have_text(f"{utc:%Y-%m-%d %H:%M:%S}")
    page.locator(".user > summary").click()
    page.get_by_text("Local", exact=True).click()
    local = f"{utc.astimezone(ZoneInfo('America/New_York')):%Y-%m-%d %H:%M:%S}"
    for _ in range(2):
        expect(shown).to_have_text(local)
        expect(zone).to_contain_text("America/New_York")
        page.reload()
    page.locator(".user > summary").click()
    page.get_by_text("UTC", exact=True).click()
    expect(shown).to_have_text(f"{utc:%Y-%m-%d %H:%M:%S}")
    expect(zone).to_have_text("All times UTC")


def test_a_key_opens_the_menu_of_the_last_accounts(
    api: Api, open_console: Callable[..., Any], accessible: Callable[[Any], None]
) -> None:
    assert api.control("POST", "/accounts", {"name": "0000000009-00001"}).status_code == 201
    page = open_console(api, f"/accounts/{ACCOUNT}")
    page.goto("/console/accounts/0000000009-00001/ledger")
    page.keyboard.press("s")
    accessible(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/accounts/{ACCOUNT}")
    page.keyboard.press("s")
    page.keyboard.type("00009")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pools?search=00009")


def test_a_large_pool_is_counted_after_its_page_is_there(
    api: Api, open_console: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.services.accounts.pools.COUNTED_AT_ONCE", 0)
    api.assign(0, 1)
    page = open_console(api, f"/accounts/{ACCOUNT}")
    page.locator(".legend li", has_text="unused 2").wait_for()


def test_devices_are_found_while_typing_imported_and_looked_at(
    start: Callable[..., Api],
    open_console: Callable[..., Any],
    accessible: Callable[[Any], None],
    screenshot: Callable[[Any, str], None],
) -> None:
    api = start(FLEET)
    schedule(api)
    api.advance("P3D")
    page = open_console(api, f"/accounts/{ACCOUNT}/devices")
    page.fill("#imei", device(7))
    page.wait_for_url(f"**imei={device(7)}*")
    expect(page.locator("#found tbody th")).to_have_text([device(7)])
    page.select_option("#license", "unlicensed")
    page.get_by_text("No device matches.").wait_for()

    page.locator("summary", has_text="Import devices").click()
    content = b"deviceId,make\n490154203237518,New\n12,New\n"
    page.set_input_files("#file", {"name": "new.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Import devices").click()
    expect(page.get_by_role("cell", name="has 2 digits; an IMEI has 15")).to_be_visible()
    accessible(page)
    screenshot(page, "device-import")

    page.goto(f"/console/accounts/{ACCOUNT}/devices/{device(7)}")
    page.get_by_text("Override upgrade status").click()
    page.select_option("#status", "scheduled")
    page.get_by_role("button", name="Set status").click()
    expect(page.locator(".notice")).to_have_text("Upgrade status set to scheduled.")
