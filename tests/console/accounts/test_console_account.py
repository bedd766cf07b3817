"""The overview of an account: license usage, history, forecast, rejected requests, suspending it."""

from __future__ import annotations

import csv
import io
import re

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, Api

PAGE = f"/accounts/{ACCOUNT}"


def later(api: Api, duration: str) -> None:
    api.advance(duration)
    api.sign_in()


def part(page: str, words: str) -> int:
    legend = words_of(page[page.index('<ul class="legend') :])
    found = re.search(rf"\b{words} ([\d,]+)", legend)
    assert found, legend
    return int(found[1].replace(",", ""))


def test_the_parts_of_the_pool_add_up_to_the_total(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2, 3, 4)
    api.upgrade(0, "scheduled", "inProgress", "completed")
    api.upgrade(1, "scheduled", "inProgress")
    api.upgrade(2, "scheduled", "inProgress")
    api.candidates(2)
    api.subscribe(4)
    page = console.get(PAGE)
    names = ["unused", "upgrading", "used", "pending removal", "available"]
    assert [part(page, name) for name in names] == [2, 1, 1, 1, 0]
    assert "Assigned 5 125.0% of 4 subscribed Available 0" in words_of(page)
    assert "Over limit until the pending removals are complete." in words_of(page)


def test_a_large_pool_is_counted_only_when_asked(console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fotapool.services.accounts.pools.COUNTED_AT_ONCE", 1)
    api.assign(0, 1)
    page = console.get(PAGE)
    assert "Counting the use of the assigned licenses" in words_of(page)
    assert part(page, "assigned") == 2
    assert part(console.get(f"{PAGE}?count=1"), "unused") == 2


def history(console: Browser, days: int = 90) -> list[list[str]]:
    return list(csv.reader(io.StringIO(console.get(f"{PAGE}/history.csv?days={days}"))))


def test_the_history_has_each_change_of_the_last_days_and_marks_reductions_and_statements(
    console: Browser, api: Api
) -> None:
    api.assign(0, 1, 2, 3)
    api.advance("P30D")
    api.subscribe(2)
    header, *rows = history(console)
    assert header == ["time", "assigned", "pending removal", "subscribed", "event"]
    assert [row[1:] for row in rows] == [
        ["4", "0", "5", ""],
        ["4", "0", "5", "statement 2026-03"],
        ["2", "0", "2", "reduced to 2"],
    ]
    page = console.get(f"{PAGE}?days=30")
    assert "statement 2026-03" in words_of(page)
    assert "5 years" in words_of(page)


def test_days_that_are_long_past_are_shown_as_they_ended(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    later(api, "P1D")
    api.assign(2)
    api.remove(0, 1)
    api.advance("P10D")
    used = {row[0][:10]: row[1] for row in history(console)[1:]}
    assert used == {"2026-03-10": "2", "2026-03-11": "1", "2026-03-21": "1"}
    assert history(console, 3)[1][:2] == ["2026-03-19T00:00:00.000Z", "1"]


def test_the_forecast_says_when_the_licenses_run_out_and_what_it_is_based_on(console: Browser, api: Api) -> None:
    assert "No forecast yet: it needs one day of history." in words_of(console.get(PAGE))
    later(api, "P2D")
    assert "No growth (0 in the last 2 days)." in words_of(console.get(PAGE))
    api.assign(0, 1)
    page = words_of(console.get(PAGE))
    assert "Available licenses run out about 2026-03-15 , in" in page
    assert "(+2 in the last 2 days)" in page
    api.assign(2, 3, 4)
    assert "No licenses available. Raise the subscription" in words_of(console.get(PAGE))


def test_rejections_are_counted_by_reason_for_requests_and_devices(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2, 3, 4, 5, 6)
    api.remove(7)
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": ["1"]})
    page = words_of(console.get(PAGE))
    assert "no license is free single devices 2" in page
    assert "has no license single devices 1" in page
    assert "not a 15-digit IMEI whole requests 1" in page
    api.advance("P30D")
    assert "No rejected API requests." in words_of(console.get(PAGE))


def test_requests_without_a_right_to_the_account_are_not_counted(console: Browser, api: Api) -> None:
    api.call("GET", f"/v3/licenses/{ACCOUNT}", headers={"VZ-M2M-Token": "wrong"})
    assert "No rejected API requests." in words_of(console.get(PAGE))
    console.post(f"{PAGE}/status", {"status": "suspended"})
    api.call("GET", f"/v3/licenses/{ACCOUNT}")
    assert "account is suspended or closed whole requests 1" in words_of(console.get(PAGE))


def test_an_account_is_suspended_and_made_active_again(console: Browser, api: Api) -> None:
    page = console.post(f"{PAGE}/status", {"status": "suspended"})
    assert notice_of(page).startswith("Account suspended. The API rejects its requests.")
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 400
    assert notice_of(console.post(f"{PAGE}/status", {"status": "active"})) == "Account activated."
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    rejected = words_of(console.post(f"{PAGE}/status", {"status": "gone"}, status=400))
    assert "Status must be active or suspended" in rejected


def test_an_empty_account_says_what_to_do_next(console: Browser, api: Api) -> None:
    api.control("POST", "/accounts", {"name": "empty"})
    page = words_of(console.get("/accounts/empty"))
    assert "Import devices from a file." in page
    assert "Create an API user." in page
    api.control("POST", "/accounts/empty/devices", [{"deviceId": "490154203237518"}])
    assert "Subscribe to licenses." in words_of(console.get("/accounts/empty"))
    api.subscribe(3, account="empty")
    assert "No licenses are assigned. Assign licenses to devices" in words_of(console.get("/accounts/empty"))


def test_an_account_that_pays_for_each_upgrade_needs_no_forecast(console: Browser, api: Api) -> None:
    api.control("POST", "/accounts", {"name": "events", "purchaseType": "TS-HFOTA-EVNT"})
    assert "pays per upgrade and needs no licenses" in words_of(console.get("/accounts/events"))


def test_a_range_that_makes_no_sense_is_refused(console: Browser) -> None:
    assert "must be a whole number from 1" in words_of(console.get(f"{PAGE}?days=0", status=400))
