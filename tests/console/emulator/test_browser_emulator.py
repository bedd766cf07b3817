"""The emulator's pages in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.campaigning import CAMPAIGN_SEED, schedule
from support.helpers import ACCOUNT, Api, devices

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Check = Callable[[Any], None]
Take = Callable[[Any, str], None]


def test_the_clock_is_moved_watched_and_reset(
    start: Callable[..., Api], open_console: Callable[..., Any], accessible: Check, screenshot: Take
) -> None:
    api = start(seed=CAMPAIGN_SEED)
    schedule(api, 3)
    page = open_console(api, "/emulator/clock")
    page.get_by_role("button", name="1 day").click()
    page.get_by_text("Clock advanced to 2026-03-11 12:00:00.").wait_for()
    accessible(page)
    screenshot(page, "clock")
    page.fill("#by", "P12D")
    page.keyboard.press("Enter")
    page.get_by_text("From 2026-03-11 12:00:00 to 2026-03-23 12:00:00").wait_for()
    page.get_by_text("Reset to the seed").click()
    page.check("#sure")
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("Emulator reset to the seed").wait_for()
    assert api.control("GET", "/clock").json()["aheadSeconds"] == 0


def test_requests_are_found_while_typing_and_copied(api: Api, open_console: Callable[..., Any]) -> None:
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"devceList": devices(0)})
    page = open_console(api, "/emulator/requests", permissions=["clipboard-read", "clipboard-write"])
    page.fill("#path", "assign")
    page.wait_for_url("**path=assign*")
    page.locator("#requests tbody tr").and_(page.locator("tr:only-child")).wait_for()
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url))
    page.locator("#path").blur()  # as a click on a row does: a search then would replace the row that is clicked
    page.evaluate("1")  # until the browser has told of them
    assert searches == []
    page.locator("#requests tbody a").first.click()
    page.get_by_text("`devceList` is a misprint").wait_for()
    page.get_by_text("As a curl command").click()
    page.locator("[data-copy=curl]").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert "curl -sS -i -X POST" in page.evaluate("navigator.clipboard.readText()")
    page.goto("/console/emulator/requests")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete all requests").click()
    page.get_by_text("No requests yet").wait_for()


def test_a_fault_begins_with_an_example_and_is_deleted(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api, "/emulator/faults")
    page.get_by_role("link", name="Refuse every tenth call").click()
    page.get_by_label("Every nth match").fill("1")
    page.get_by_role("button", name="Add rule").click()
    page.get_by_text("Rule 1 added.").wait_for()
    refused = api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(0)})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    page.reload()
    page.get_by_text("is answered 429 and not handled").wait_for()
    page.get_by_role("button", name="Delete rule 1").click()
    page.get_by_text("No rules.").wait_for()
    assert api.control("GET", "/faults").json()["faults"] == []


def test_simulated_devices_are_looked_at(start: Callable[..., Api], open_console: Callable[..., Any]) -> None:
    page = open_console(start(seed=CAMPAIGN_SEED), f"/accounts/{ACCOUNT}/fleet")
    page.get_by_label("Device", exact=True).fill("990000000000003")
    page.keyboard.press("Enter")
    page.get_by_text("reachable").wait_for()


def test_a_snapshot_is_downloaded_put_back_and_an_account_copied(
    api: Api, open_console: Callable[..., Any], tmp_path: Path
) -> None:
    api.assign(0, 1)
    page = open_console(api, "/emulator/snapshots", accept_downloads=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download snapshot").click()
    file = tmp_path / "before.json"
    download.value.save_as(file)
    api.assign(2)
    page.set_input_files("#file", file)
    page.check("#sure")
    page.get_by_role("button", name="Replace everything").click()
    page.get_by_text("before.json restored").wait_for()
    assert api.pool()["licenseUsedCount"] == 2
    page.get_by_label("Account", exact=True).fill(ACCOUNT)
    page.get_by_label("Name of the copy").fill("copy-1")
    page.get_by_role("button", name="Copy account").click()
    page.get_by_text(f"copy-1 is a copy of {ACCOUNT}.").wait_for()
    assert api.pool("copy-1")["licenseUsedCount"] == 2
