"""The page of the subscription schedules changes, shows them with what they would do now, edits and cancels them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, Api, device, devices

PAGE = f"/accounts/{ACCOUNT}/subscription"
MRC = "TS-HFOTA-MRC"


def save(console: Browser, page: str, due: str, name: str = ACCOUNT, status: int = 200) -> str:
    """Sends the form that schedules or saves the previewed change."""
    form = page[page.index(f'action="/console{PAGE}/scheduled-changes') :]
    action = re.findall(r'action="/console([^"]*)"', form)[0]
    fields = dict(re.findall(r'name="(total|purchaseType)" value="([^"]*)"', form[: form.index("</form>")]))
    return console.post(action, {**fields, "dueTime": due, "confirm": name}, status)


def changes(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.control("GET", f"{PAGE}/scheduled-changes").json()["scheduledChanges"]
    return rows


def test_a_change_is_scheduled_previewed_edited_and_done(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2)
    assert "No scheduled changes. To schedule one, preview a new subscription." in words_of(console.get(PAGE))
    page = save(console, console.get(f"{PAGE}?total=1&purchaseType={MRC}"), "")
    assert notice_of(page) == "Change scheduled for 2026-04-01 00:00:00 UTC."
    assert f"2026-04-01 00:00:00 in 21 days 1 license, {MRC} operator Preview and edit" in words_of(page)
    (made,) = changes(api)
    overview = words_of(console.get(f"/accounts/{ACCOUNT}"))
    assert "Next change 2026-04-01 00:00:00 : 1 license" in overview
    page = console.get(f"{PAGE}?change={made['id']}")
    words = words_of(page)
    assert "Edit scheduled change of 2026-04-01 00:00:00" in words
    assert "2 devices lose their licenses now" in words
    assert f"2 {device(1)} subscription reduced; first assigned, first out" in words
    assert 'value="2026-04-01T00:00:00"' in page
    assert "Reduce to" not in words
    page = console.get(f"{PAGE}?change={made['id']}&total=2&purchaseType={MRC}")
    page = save(console, page, "2026-04-05T06:00:00")
    assert notice_of(page) == "Scheduled change saved. It is due at 2026-04-05 06:00:00 UTC."
    api.advance("P60D")
    (done,) = changes(api)
    assert (done["state"], done["endTime"], done["licenseCount"]) == ("done", "2026-04-05T06:00:00.000Z", 2)
    page = Browser(api).get(PAGE)
    assert f"done: change {done['change']}" in words_of(page)
    assert f'/ledger/changes?request={done["requestId"]}"' in page
    actions = [one["action"] for one in api.control("GET", f"/audit-log?target={done['id']}").json()["entries"]]
    assert actions == ["carryOutScheduledChange", "editScheduledChange", "scheduleSubscriptionChange"]
    api.assert_consistent()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_wrong_with_a_plan_is_said_on_the_page_and_nothing_is_scheduled(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    page = console.get(f"{PAGE}?total=1&purchaseType={MRC}")
    refused = save(console, page, "2026-04-05T06:00", name="", status=400)
    assert f"Nothing was scheduled. To confirm, type the account's name: {ACCOUNT}." in words_of(refused)
    assert 'value="2026-04-05T06:00"' in refused
    assert "DueTime is in the past" in words_of(save(console, page, "2026-03-01T00:00", status=400))
    save(console, page, "")
    assert "is due at that time: edit or cancel it." in words_of(save(console, page, "", status=409))
    assert [one["licenseCount"] for one in changes(api)] == [1]
    assert api.licensed() == devices(0, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_canceled_change_is_never_done_and_viewers_cannot_cancel(console: Browser, api: Api) -> None:
    save(console, console.get(f"{PAGE}?total=9&purchaseType={MRC}"), "")
    (made,) = changes(api)
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    viewer = Browser(api, key)
    words = words_of(viewer.get(PAGE))
    assert "2026-04-01 00:00:00 in 21 days 9 licenses" in words
    assert "Cancel change" not in words
    cancel = f"{PAGE}/scheduled-changes/{made['id']}/cancel"
    viewer.post(cancel, {}, 403)
    page = console.post(cancel, {})
    assert notice_of(page) == "Scheduled change of 2026-04-01 00:00:00 UTC canceled."
    assert "No scheduled changes." in words_of(page)
    console.post(cancel, {}, 409)
    console.get(f"{PAGE}?change={made['id']}", 409)
    console.get(f"{PAGE}?change=999", 404)
    api.advance("P60D")
    assert [one["state"] for one in changes(api)] == ["canceled"]
    assert api.pool()["licenseCount"] == 5
