"""Campaigns, statements, callbacks and the ledger in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from campaigning import FLEET, PACKAGE, schedule, status_of
from playwright.sync_api import expect

from support.helpers import ACCOUNT, Api, device

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE = f"/accounts/{ACCOUNT}"


@pytest.fixture
def world(start: Callable[..., Api]) -> Api:
    """A campaign that has ended, one that waits, and callbacks that nobody takes."""
    api = start(FLEET)
    api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": "http://127.0.0.1:1/nobody"})
    schedule(api, "North plants")
    api.advance("PT9H")
    api.sign_in()
    schedule(api, "South plants", range(20, 22), "2026-03-12", "2026-03-13")
    return api


def test_a_campaign_shows_its_chart_and_failures_and_leads_to_the_devices_that_failed(
    world: Api, open_console: Callable[..., Any]
) -> None:
    page = open_console(world, f"{HERE}/campaigns")
    page.get_by_role("link", name="North plants").click()
    page.locator("#course .plot > svg").wait_for()
    page.get_by_role("link", name="installation failed").click()
    page.wait_for_url("**reason=install_failed*")
    expect(page.locator("table[aria-label], #devices ~ .scrolling tbody tr")).to_have_count(5)


def test_a_campaign_is_put_off_and_canceled_in_the_browser(world: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(world, f"{HERE}/campaigns")
    page.get_by_role("link", name="South plants").click()
    page.locator("summary", has_text="Change dates").click()
    page.fill("#end", "2026-03-15")
    page.get_by_role("button", name="Change dates").click()
    expect(page.get_by_role("status").first).to_contain_text("to 2026-03-15")
    page.locator("summary", has_text="Cancel campaign").click()
    page.get_by_role("button", name="Cancel campaign").click()
    expect(page.get_by_role("status").first).to_contain_text("Campaign canceled.")
    assert status_of(world, page.url.rpartition("/")[2]) == "CampaignCancelled"


def test_a_campaign_is_scheduled_in_the_browser(world: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(world, f"{HERE}/campaigns")
    page.get_by_role("link", name="Schedule campaign").click()
    page.fill("#name", "East plants")
    page.fill("#devices", device(23))
    page.get_by_role("button", name="Schedule campaign").click()
    page.get_by_role("heading", name="East plants").wait_for()
    expect(page.get_by_role("status").first).to_contain_text("Campaign accepted.")


def test_a_large_campaign_is_counted_while_its_page_is_there_already(
    world: Api, open_console: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.services.campaigns.campaign_views.MAX_UNCACHED", 10)
    monkeypatch.setattr("fotapool.console.campaigns.campaigns.COUNTED_IN_LIST", 10)
    page = open_console(world, f"{HERE}/campaigns")
    page.get_by_text("20 completed, 5 failed").wait_for()
    page.get_by_role("link", name="North plants").click()
    page.locator("#progress .legend").wait_for()


def test_callbacks_are_looked_at_signed_and_sent_again(
    world: Api, open_console: Callable[..., Any], accessible: Callable[[Any], None]
) -> None:
    page = open_console(world, f"{HERE}/callbacks?state=failed")
    page.locator("tbody th a").first.click()
    page.get_by_role("button", name="Redeliver").click()
    expect(page.get_by_role("status").first).to_contain_text("Redelivery queued")
    page.goto(f"/console{HERE}/callbacks")
    page.get_by_text("Turn signing on").click()
    page.get_by_role("button", name="Create secret").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    accessible(page)
    page.get_by_role("link", name="Done").click()
    page.locator("summary", has_text="Remove listener v3").click()
    page.get_by_role("button", name="Remove listener v3").click()
    expect(page.get_by_role("status").first).to_contain_text("Listener v3 removed.")


def test_statements_and_the_ledger_are_read_and_filtered(world: Api, open_console: Callable[..., Any]) -> None:
    world.subscribe(20)
    world.advance("P40D")
    page = open_console(world, f"{HERE}/statements")
    page.locator(".plot > svg").wait_for()
    page.get_by_role("link", name="2026-03", exact=True).click()
    page.wait_for_url("**/statements/2026-03")
    page.goto(f"/console{HERE}/ledger")
    page.select_option("#what", "reclaimed")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**what=reclaimed*")
    expect(page.locator("tbody tr")).to_have_count(5)
    page.get_by_role("link", name="By request").click()
    page.wait_for_url("**/ledger/changes*")


def test_content_of_a_package_is_uploaded(world: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(world, "/overview")
    page.get_by_role("link", name="Firmware").click()
    page.get_by_role("link", name=PACKAGE).click()
    page.get_by_text("Upload content").click()
    page.set_input_files("#content", files=[{"name": "a.bin", "mimeType": "text/plain", "buffer": b"firmware"}])
    page.get_by_role("button", name="Upload").click()
    page.get_by_text("Content of 8 bytes uploaded.").wait_for()
