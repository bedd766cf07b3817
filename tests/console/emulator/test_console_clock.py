"""The clock page of the emulator."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from console_helpers import Browser, notice_of, words_of

from api.campaigning import CAMPAIGN_SEED, schedule
from fotapool.console.emulator import clock
from fotapool.console.emulator.clock_events import describe_event
from support.helpers import ACCOUNT, Api
from support.receivers import Reply, running_receiver

CLOCK = "/emulator/clock"


@pytest.mark.parametrize(
    ("form", "now"),
    [
        ({"by": "PT20M"}, "2026-03-10 12:20:00"),
        ({"by": "P1DT6H"}, "2026-03-11 18:00:00"),
        ({"to": "2026-03-12T08:30"}, "2026-03-12 08:30:00"),
        ({"to": "2026-03-12T08:30:00+01:00"}, "2026-03-12 07:30:00"),
    ],
)
def test_the_clock_is_moved_by_a_duration_and_to_a_moment(console: Browser, form: dict[str, str], now: str) -> None:
    page = console.post(CLOCK, form)
    assert notice_of(page) == f"Clock advanced to {now}. 0 events."
    assert f"Now {now}" in words_of(page)
    assert "no events" in words_of(page)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "choose a duration"),
        ({"by": "20 minutes"}, "duration must be an ISO 8601 duration"),
        ({"to": "2026-03-10T11:59"}, "the clock only moves forward"),
        ({"to": "tomorrow"}, "to must be a time"),
        ({"by": "P999999D"}, "a century at most"),
    ],
)
def test_a_move_that_cannot_be_says_why_and_keeps_what_was_typed(
    console: Browser, form: dict[str, str], words: str
) -> None:
    page = console.post(CLOCK, form, status=400)
    assert words in notice_of(page)
    assert all(f'value="{typed}"' in page for typed in form.values())
    assert "Now 2026-03-10 12:00:00" in words_of(page)


def test_without_anything_due_the_next_thing_cannot_be_reached(console: Browser) -> None:
    assert "Next due nothing" in words_of(console.get(CLOCK))
    assert notice_of(console.post(CLOCK, {"next": "1"})) == "Nothing is due. The clock was not advanced."


def test_what_happened_is_told_in_order_with_links(start: Callable[..., Api]) -> None:
    api = start(seed=CAMPAIGN_SEED)
    campaign = schedule(api, 3)
    console = Browser(api)
    page = console.post(CLOCK, {"by": "P12D"})
    told = re.findall(r"<li><time[^>]*>[^<]*</time>\s*(.*?)\s*Account", page, re.DOTALL)
    assert told[:4] == [
        "Campaign accepted: its last 2 devices checked.",
        "Campaign prescheduled: the network looks for its devices.",
        "Campaign started.",
        "2 devices scheduled.",
    ]
    assert told[-1] == "1 device attempted or reported."
    assert f'href="/console/accounts/{ACCOUNT}/campaigns/{campaign}"' in page
    assert f'href="/console/accounts/{ACCOUNT}/devices/990000000000000"' in page
    times = re.findall(r'<li><time datetime="([^"]+)"', page)
    assert times == sorted(times)


def test_the_next_thing_due_is_named_and_reached(start: Callable[..., Api]) -> None:
    api = start(seed=CAMPAIGN_SEED)
    schedule(api, 3)
    api.advance("PT1M")
    due = api.control("GET", "/clock").json()["nextDue"]
    console = Browser(api)
    assert f"Next due {due[:10]} {due[11:19]}" in words_of(console.get(CLOCK))
    console.post(CLOCK, {"next": "1"})
    assert api.control("GET", "/clock").json()["now"] == due


def test_a_long_move_is_watched_and_no_other_begins_meanwhile(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "MAX_WAIT_S", 0.1)
    api = start(seed=CAMPAIGN_SEED)
    console = Browser(api)
    released = threading.Event()
    with running_receiver() as receiver:
        registered = api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": receiver.url})
        assert registered.status_code == 200, registered.text
        schedule(api, 3)
        api.advance("PT1M")
        receiver.replies.append(Reply(wait=released))
        page = console.post(CLOCK, {"by": "P12D"})
        assert "Advancing to 2026-03-22 12:01:00" in words_of(page)
        assert 'hx-trigger="every 2s"' in page
        assert "Advance the clock" not in page
        assert "he clock is on its way; wait" in words_of(console.post(CLOCK, {"by": "PT1H"}, status=409))
        console.post(f"{CLOCK}/reset", {"sure": "1"}, status=409)
        released.set()
        while 'hx-trigger="every 2s"' in page:
            page = console.get(CLOCK)
        assert "callbacks delivered" in words_of(page) or "1 callback delivered" in words_of(page)
        assert "Now 2026-03-22 12:01:00" in words_of(page)


def test_a_reset_goes_back_to_the_seed_if_it_is_meant(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    api.advance("P1D")
    assert "tick the box" in notice_of(console.post(f"{CLOCK}/reset", {}, status=400))
    assert api.pool()["licenseUsedCount"] == 2
    page = console.post(f"{CLOCK}/reset", {"sure": "1"})
    assert "reset to the seed" in notice_of(page)
    assert "Now 2026-03-10 12:00:00" in words_of(page)
    assert "Events" not in words_of(page)
    assert api.pool()["licenseUsedCount"] == 0


def test_whoever_may_only_look_cannot_move_the_clock(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    ford = Browser(api, key)
    page = ford.get(CLOCK)
    assert "Advance the clock" not in page
    assert "Reset to the seed" not in page
    ford.post(CLOCK, {"by": "PT1M"}, status=403)
    ford.post(f"{CLOCK}/reset", {"sure": "1"}, status=403)


@pytest.mark.parametrize(
    ("what", "count", "words"),
    [
        ("devices acted", 1, "1 device attempted or reported."),
        ("devices acted", 1200, "1,200 devices attempted or reported."),
        ("notice ended", 2, "Notice ended, license removed: 2 devices."),
        ("something new", 3, "Something new: 3 devices."),
        ("something new", 0, "Something new."),
    ],
)
def test_what_the_engine_does_is_said_in_a_sentence(what: str, count: int, words: str) -> None:
    assert describe_event(what, count) == words
