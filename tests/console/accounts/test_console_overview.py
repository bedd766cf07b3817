"""The overview, the landing page, and the campaigns of all accounts."""

from __future__ import annotations

from collections.abc import Callable

from console_helpers import Browser, words_of

from api.campaigning import CAMPAIGN_SEED, HTTP, LWM2M, TODAY, imeis, schedule
from support.helpers import ACCOUNT, Api


def test_the_overview_is_the_first_page_and_shows_issues_figures_pools_campaigns_and_changes(
    start: Callable[..., Api],
) -> None:
    api = start(seed=CAMPAIGN_SEED)
    console = Browser(api)
    assert "Nothing needs attention." in words_of(console.get("/overview"))
    assert str(console.http.get("/console").url).endswith("/console/overview")
    schedule(api, 2, startDate="2026-03-11", endDate="2026-03-15", deviceList=imeis(HTTP, 3), campaignName="Winter")
    api.advance("P1D")
    api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 15})
    words = words_of(console.get("/overview"))
    assert "1 issue needs attention." in words
    assert f"Critical 1 account has no licenses left . {ACCOUNT}. View accounts" in words
    assert "Licenses assigned 15 75.0% of 20 subscribed" in words
    assert "Licenses available 5 1 account has none" in words
    assert f"Winter {ACCOUNT} · 3 devices 0% in" in words
    assert f"operator : change subscription, account {ACCOUNT}" in words


def test_campaigns_of_all_accounts_show_progress_and_failures(start: Callable[..., Api]) -> None:
    api = start(seed=CAMPAIGN_SEED)
    console = Browser(api)
    assert "No campaigns yet." in words_of(console.get("/campaigns"))
    schedule(api, 3, startDate=TODAY, deviceList=imeis(LWM2M, 2) + imeis(HTTP, 1), campaignName="First")
    schedule(api, 2, startDate="2026-03-11", endDate="2026-03-15", deviceList=imeis(HTTP, 4), campaignName="Second")
    api.advance("P1DT1H")
    for imei, status in zip(imeis(HTTP, 2), ("completed", "failed"), strict=True):
        for one in ("inProgress", status):
            api.control("PUT", f"/accounts/{ACCOUNT}/devices/{imei}/upgrade", {"status": one})
    page = words_of(console.get("/campaigns"))
    assert f"Second {ACCOUNT} Running SW-H 4 50% 50.0%" in page
    assert page.index("Second") < page.index("First")
    assert "First" not in words_of(console.get("/campaigns?show=running"))
    assert "No campaigns match." in words_of(console.get("/campaigns?show=scheduled"))
    assert "Show must be one of" in words_of(console.get("/campaigns?show=odd", status=400))
    api.assert_consistent()
