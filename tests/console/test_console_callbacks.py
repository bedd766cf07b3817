"""The pages of callbacks: lists with filters, one delivery, redelivery, listeners, signatures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest
from console_helpers import Browser, notice_of, words_of

from fotapool.domain.callbacks import Event, FirmwareReported
from fotapool.services.callbacks import deliveries
from fotapool.services.commands import DirectCommand
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.db.factory import open_database
from fotapool.store.db.writer import Writer
from support.helpers import ACCOUNT, NOW_MS, OTHER, Api

URL = "https://receiver.invalid/hook"
PAGE = f"/accounts/{ACCOUNT}/callbacks"


def record_firmware_reports(api: Api, count: int) -> None:
    """Records this number of events of the account."""
    events: list[Event] = [
        FirmwareReported(account_name=ACCOUNT, imei=number, firmware="1", request_id=f"id-{number}", at_ms=NOW_MS)
        for number in range(count)
    ]

    async def play() -> None:
        writer = Writer(open_database(api.server.settings.database, durable=False), lambda: NOW_MS)
        try:
            await writer.submit(DirectCommand(lambda connection, _: record_events(connection, 1, events, NOW_MS), (1,)))
        finally:
            await writer.stop()

    asyncio.run(play())


@pytest.fixture
def listening(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> Api:
    """An account with listeners of v1 and v3 that nobody can reach, and two deliveries to each."""
    monkeypatch.setattr("fotapool.worker.callbacks.deliveries.POLL_S", 3600)  # only an advance delivers
    api = start(callback_private_targets=False)
    body = {"name": "Fota", "url": URL, "username": "me", "password": "very-secret"}
    assert api.call("POST", f"/v1/callbacks/{ACCOUNT}", body).status_code == 200
    assert api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": URL}).status_code == 200
    record_firmware_reports(api, 2)
    return api


def shown(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'href="/console/callbacks/(\d+)"', page)]


def test_without_listeners_the_pages_say_how_to_register_one(console: Browser) -> None:
    assert "No deliveries yet." in words_of(console.get("/callbacks"))
    page = words_of(console.get(PAGE))
    assert "No listener registered" in page
    assert "Callbacks of this account are not signed." in page


def test_deliveries_are_listed_newest_first_by_state_listener_and_event(
    listening: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Browser(listening)
    ids = shown(console.get("/callbacks"))
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)
    assert shown(console.get(PAGE + "?state=waiting")) == ids
    assert shown(console.get(f"/accounts/{OTHER}/callbacks")) == []
    page = words_of(console.get("/callbacks?listener=v3&event=firmware+reported"))
    assert page.count("firmware reported v3") == 2
    assert "No deliveries match. Show all" in words_of(console.get("/callbacks?state=delivered"))
    assert "State must be one of" in words_of(console.get("/callbacks?state=odd", status=400))
    monkeypatch.setattr("fotapool.console.callbacks.ROWS", 3)
    assert f'?before={ids[2]}" rel="next"' in console.get("/callbacks")
    assert shown(console.get(f"/callbacks?before={ids[2]}")) == ids[3:]
    monkeypatch.setattr(deliveries, "SCAN_LIMIT", 2)
    page = words_of(console.get("/callbacks?state=failed"))
    assert "No match in the 2 deliveries searched. Search more" in page


def test_a_delivery_shows_attempts_and_body_without_the_password_and_is_sent_again(listening: Api) -> None:
    console = Browser(listening)
    first = min(shown(console.get("/callbacks")))
    assert "Retry now" in words_of(console.get(f"/callbacks/{first + 1}"))
    waiting = notice_of(console.post(f"/callbacks/{first + 1}/redeliver", {}))
    assert waiting == "Its listener is tried now; this delivery follows in order."
    listening.advance("PT1H")
    page = console.get(f"/callbacks/{first}")
    words = words_of(page)
    assert "failed firmware reported, listener v1" in words
    assert words.count(URL) == 4
    assert "very-secret" not in page
    assert "(not shown)" in page
    page = console.post(f"/callbacks/{first}/redeliver", {})
    assert notice_of(page).startswith("Redelivery queued")
    assert "queued firmware reported, listener v1" in words_of(page)
    assert "Delivery 99999 does not exist." in words_of(console.get("/callbacks/99999", status=404))


def test_failing_listeners_have_a_panel_and_are_tried_now(listening: Api) -> None:
    console = Browser(listening)
    page = words_of(console.get("/callbacks"))
    assert "Events are posted to 2 listeners of 1 account. None is failing." in page
    assert f"{ACCOUNT} v3 Delivering {URL} 2" in page
    listening.advance("PT15M")
    page = console.get("/callbacks")
    words = words_of(page)
    assert "2 listeners are failing." in words
    assert "Attempt 1 of 4, next in 5 min Waiting 1 delivery , in order, oldest 15 min ago Failed 1 since then" in words
    assert page.count("Retry now") == 4
    assert "very-secret" not in page
    path = f"/accounts/{ACCOUNT}/callbacks"
    assert notice_of(console.post(f"{path}/retry", {"listener": "v3"})) == "Listener v3 is tried now: 1 waiting."
    words = words_of(console.get(path))
    assert f"v3 Failing {URL} 1" in words
    assert notice_of(console.post(f"{path}/redeliver", {"listener": "v1"})) == "1 failed deliveries queued again."
    console.post(f"{path}/redeliver", {"since": "monday"}, status=400)
    assert "v2" not in words_of(console.get(f"/callbacks?after={ACCOUNT}/v1#listeners")).partition("Deliveries")[0]
    listening.advance("PT2H")
    assert notice_of(console.post(f"{path}/retry", {"listener": "v3"})) == "Not retried: nothing waits for listener v3."
    listening.control("DELETE", f"/accounts/{ACCOUNT}/listeners/v1")
    notice = notice_of(console.post(f"{path}/redeliver", {}))
    assert notice == "2 failed deliveries queued again. 2 stay failed: their listener is gone."


def test_removing_a_listener_fails_its_queued_deliveries(listening: Api) -> None:
    console = Browser(listening)
    page = console.get(PAGE)
    assert URL in page
    assert "very-secret" not in page
    page = console.post(PAGE + "/deregister", {"listener": "v1"})
    assert notice_of(page).startswith("Listener v1 removed")
    assert len(shown(console.get(PAGE + "?listener=v1&state=failed"))) == 2
    refused = console.post(PAGE + "/deregister", {"listener": "v1"}, status=404)
    assert "has no listener v1" in words_of(refused)


def test_a_signing_secret_is_shown_once_and_never_in_an_address_or_cookie(listening: Api) -> None:
    console = Browser(listening)
    page = console.post(PAGE + "/signing", {})
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
    assert secret is not None
    assert "it won't be shown again" in words_of(page)
    assert secret[0] not in str(console.http.cookies)
    page = console.get(PAGE)
    assert secret[0] not in page
    assert "Callbacks of this account are signed (Standard Webhooks)." in words_of(page)
    assert notice_of(console.post(PAGE + "/signing/off", {})) == "Signing turned off."
    assert listening.control("GET", f"/accounts/{ACCOUNT}/listeners").json()["signing"] is False
