"""Lists to assign and remove by, candidates and subscriptions in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from fotapool.services.context import Context
from fotapool.services.licenses.bulk_jobs import step_running_job
from support.helpers import ACCOUNT, Api, device, devices

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HERE = f"/accounts/{ACCOUNT}"
Check = Callable[[Any], None]
Take = Callable[[Any, str], None]


def on_list(api: Api) -> list[str]:
    found: list[str] = api.call("GET", f"/v2/licenses/{ACCOUNT}/cancel").json()["deviceList"]
    return found


def shown(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all("#order tbody tr", "rows => rows.map(row => row.dataset.device)")
    return found


def test_a_list_is_pasted_checked_and_assigned(
    api: Api, open_console: Callable[..., Any], accessible: Check, screenshot: Take
) -> None:
    api.assign(0)
    page = open_console(api, f"{HERE}/licenses")
    page.fill("#list", "\n".join([*devices(0, 1, 2, 3, 4, 5), "123456789012345", "nonsense"]))
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Show 4 devices").first.click()
    accessible(page)
    screenshot(page, "license-check")
    page.get_by_role("button", name="Assign 4 licenses").click()
    page.get_by_text("Completed at").wait_for()
    accessible(page)
    screenshot(page, "license-result")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download result").click()
    assert download.value.suggested_filename.startswith(f"assign-{ACCOUNT}")
    assert api.licensed() == devices(0, 1, 2, 3, 4)


def test_a_long_list_shows_its_progress_and_ends_by_itself(
    start: Callable[..., Api], open_console: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, accessible: Check
) -> None:
    seen = threading.Event()

    async def step_when_seen(context: Context) -> bool:
        return seen.is_set() and await step_running_job(context)

    monkeypatch.setattr("fotapool.services.licenses.bulk_jobs.STEP_DEVICES", 2)
    monkeypatch.setattr("fotapool.worker.bulk_jobs.TICK_S", 0.05)
    monkeypatch.setattr("fotapool.worker.bulk_jobs.step_running_job", step_when_seen)
    monkeypatch.setattr("fotapool.console.licenses.licenses.CHECKED_AT_ONCE", 2)
    api = start()
    page = open_console(api, f"{HERE}/licenses")
    text = "deviceId\n" + "\n".join(devices(*range(10)))
    page.set_input_files("#file", files=[{"name": "some.csv", "mimeType": "text/csv", "buffer": text.encode()}])
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Assign 5 licenses").click()
    page.get_by_label("of 10 done").wait_for()
    accessible(page)
    seen.set()
    page.get_by_text("Completed at").wait_for()
    expect(page.get_by_label("of 10 done")).to_have_count(0)
    assert len(api.licensed()) == 5


def test_candidates_are_moved_by_keyboard_and_drag_and_saved_together(
    api: Api, open_console: Callable[..., Any], screenshot: Take
) -> None:
    api.assign(0, 1, 2, 3)
    api.candidates(0, 1, 2, 3, 4)
    page = open_console(api, f"{HERE}/candidates?total=2")
    page.get_by_role("button", name=f"Move {device(0)} down").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert shown(page) == devices(1, 2, 0, 3, 4)
    expect(page.locator("#moved")).to_have_text(f"{device(0)} moved to 3 of 5. Not saved yet.")
    page.get_by_role("button", name=f"Remove {device(2)} from list").press("Enter")
    grips = page.locator(".grip")
    grips.nth(3).drag_to(grips.nth(0))
    assert shown(page) == devices(4, 1, 0, 3)
    assert on_list(api) == devices(0, 1, 2, 3, 4)
    screenshot(page, "candidates")
    page.get_by_role("button", name="Save order").click()
    page.get_by_text("Order saved.").wait_for()
    assert shown(page) == on_list(api) == devices(4, 1, 0, 3)


def test_devices_are_put_on_the_list_and_all_taken_off_in_two_steps(api: Api, open_console: Callable[..., Any]) -> None:
    page = open_console(api, f"{HERE}/candidates")
    page.fill("#list", "\n".join(devices(1, 2)))
    page.get_by_role("button", name="Add to list").click()
    page.get_by_text("2 removal candidates").wait_for()
    assert on_list(api) == devices(1, 2)
    page.locator("summary", has_text="Clear list").click()
    page.get_by_role("button", name="Clear list").click()
    page.get_by_text("0 removal candidates").wait_for()
    assert on_list(api) == []


def test_a_reduction_is_previewed_and_confirmed_by_the_account_s_name(
    api: Api, open_console: Callable[..., Any]
) -> None:
    api.assign(0, 1, 2, 3, 4)
    api.candidates(3)
    api.upgrade(0, "scheduled", "inProgress")
    page = open_console(api, f"{HERE}/subscription")
    page.fill("#total", "2")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("3 licenses to remove").wait_for()
    page.fill("#confirm", ACCOUNT)
    page.get_by_role("button", name="Reduce to 2 licenses").click()
    page.get_by_text("Subscription changed to 2 licenses.").wait_for()
    assert api.pool()["licenseCount"] == 2
    assert api.licensed() == devices(0, 2, 4)
