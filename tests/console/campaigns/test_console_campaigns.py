"""The pages of campaigns: the list, progress, failures, devices, dates, canceling."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest
from campaigning import FLEET, PACKAGE, schedule, status_of
from console_helpers import Browser, notice_of, words_of

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.services.campaigns import campaign_views
from fotapool.services.campaigns.campaign_views import ProgressPoint, progress_points
from support.helpers import ACCOUNT, OTHER, Api, device, devices

LIST = f"/accounts/{ACCOUNT}/campaigns"


@pytest.fixture
def world(start: Callable[..., Api]) -> Api:
    return start(FLEET)


@pytest.fixture
def console(world: Api) -> Browser:
    return Browser(world)


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+/campaigns/[^"]+">([^<]+)</a>', page)


def shown(page: str) -> list[str]:
    return re.findall(r'/devices/(\d{15})">', page)


def test_campaigns_are_listed_newest_first_with_what_became_of_their_devices(world: Api, console: Browser) -> None:
    assert "No campaigns yet." in words_of(console.get(LIST))
    schedule(world, "North")
    world.advance("PT9H")
    world.sign_in()
    schedule(world, "South", range(20, 22), "2026-03-12", "2026-03-13")
    page = console.get(LIST)
    assert names(page) == ["South", "North"]
    assert (
        f"{PACKAGE} network-aware push 2026-03-10 2026-03-12 ended 30 20 completed, 5 failed, 5 rejected"
        in words_of(page)
    )
    assert names(console.get(LIST + "?status=ended")) == ["North"]
    assert "No campaigns match." in words_of(console.get(LIST + "?status=aborted"))
    assert "Status must be one of" in words_of(console.get(LIST + "?status=odd", status=400))


def test_a_list_goes_on_where_the_page_before_has_looked(
    world: Api, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_views, "SCAN_CAMPAIGNS", 2)
    for number in range(3):
        schedule(world, f"c{number}", range(number, number + 1))
    page = console.get(LIST + "?status=aborted")
    assert "No match in the 2 campaigns searched. Search more" in words_of(page)
    rest = re.search(r'href="(\?[^"]+)" rel="next"', page)
    assert rest is not None
    assert "No more campaigns match." in words_of(console.get(LIST + rest[1].replace("&amp;", "&")))


def test_one_campaign_shows_its_devices_by_state_and_why_they_failed(world: Api, console: Browser) -> None:
    campaign = f"{LIST}/{schedule(world)}"
    before = words_of(console.get(campaign))
    assert "Next: its devices are checked at 2026-03-10 12:00:05 (in 5 s)." in before
    world.advance("PT9H")
    page = console.get(campaign)
    words = words_of(page)
    assert "completed 20 failed 5 rejected 5" in words
    assert "failed installation failed 5" in words
    assert "rejected no license 5" in words
    assert "The campaign has ended and can't be changed." in words
    assert len(shown(page)) == 30
    failed = console.get(campaign + "?status=failed&reason=install_failed")
    assert shown(failed) == [device(number) for number in range(20, 25)]
    assert "No devices match." in words_of(console.get(campaign + "?status=canceled"))
    rows = list(csv.reader(io.StringIO(console.get(campaign + "/devices.csv?status=rejected"))))
    assert [row[:3] for row in rows[1:]] == [[device(number), "rejected", "no license"] for number in range(25, 30)]


def test_the_devices_are_paged_and_a_page_says_how_far_it_has_looked(
    world: Api, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.console.campaigns.campaigns.DEVICES", 20)
    monkeypatch.setattr(campaign_views, "SCAN_DEVICES", 25)
    campaign = f"{LIST}/{schedule(world)}"
    world.advance("PT9H")
    page = console.get(campaign)
    assert len(shown(page)) == 20
    assert f"?after={device(19)}#devices" in page
    assert len(shown(console.get(f"{campaign}?after={device(19)}"))) == 10
    page = console.get(campaign + "?status=rejected")
    assert "No match in the 25 devices searched. Search more" in words_of(page)
    assert len(shown(console.get(f"{campaign}?status=rejected&after={device(24)}"))) == 5


def test_the_course_over_time_is_a_chart_a_table_and_a_file(world: Api, console: Browser) -> None:
    campaign = f"{LIST}/{schedule(world)}"
    assert "No device has started yet." in words_of(console.get(campaign + "/course"))
    world.advance("PT9H")
    assert 'id="chart-course"' in console.get(campaign + "/course")
    rows = list(csv.reader(io.StringIO(console.get(campaign + "/course.csv"))))
    assert rows[0] == ["time", "Completed", "Failed", "Canceled or rejected", "In progress"]
    assert rows[1][1:] == ["0", "0", "0", "0"]
    assert rows[-1][1:] == ["20", "5", "5", "0"]
    assert max(int(row[4]) for row in rows[1:]) > 0
    assert len(rows) <= campaign_views.STEPS + 1


def test_the_course_sums_up_what_began_and_ended() -> None:
    ended = [
        (1, UpgradeStatus.COMPLETED, True, 2),
        (2, UpgradeStatus.FAILED, True, 1),
        (2, UpgradeStatus.CANCELED, False, 7),
    ]
    points = progress_points(from_ms=1000, steps=3, step_ms=10, began=[(0, 4), (1, 1)], ended=ended)
    assert points == [
        ProgressPoint(at_ms=1000, in_progress=0, completed=0, failed=0, canceled=0),
        ProgressPoint(at_ms=1010, in_progress=4, completed=0, failed=0, canceled=0),
        ProgressPoint(at_ms=1020, in_progress=3, completed=2, failed=0, canceled=0),
        ProgressPoint(at_ms=1030, in_progress=2, completed=2, failed=1, canceled=7),
    ]


def test_a_large_campaign_is_counted_after_its_page_and_the_count_is_kept(
    world: Api, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_views, "MAX_UNCACHED", 10)
    monkeypatch.setattr("fotapool.console.campaigns.campaigns.COUNTED_IN_LIST", 10)
    campaign = f"{LIST}/{schedule(world)}"
    world.advance("PT9H")
    page = console.get(campaign)
    assert "Show the 30 devices by state" in words_of(page)
    assert 'hx-trigger="load"' in page
    assert "Show progress" in words_of(console.get(LIST))
    assert "20 completed" in words_of(console.get(campaign + "/bar"))
    connection = world.server.database.connect(writes=True)
    connection.begin()
    connection.execute("UPDATE upgrade SET status = 4 WHERE status = 3")
    connection.commit()
    connection.close()
    assert "completed 20 failed 5" in words_of(console.get(campaign + "?counted=1"))


def test_a_campaign_is_canceled_before_its_start_and_aborted_while_it_runs(world: Api, console: Browser) -> None:
    waiting = schedule(world, "later", range(5), "2026-03-12", "2026-03-13")
    running = schedule(world, "now", range(5, 10))
    world.advance("PT2M")
    page = words_of(console.get(f"{LIST}/{waiting}"))
    assert "The API has no pause." in page
    assert "None of the 5 devices will be upgraded." in page
    assert "Upgrades in progress continue; all others are canceled." in words_of(console.get(f"{LIST}/{running}"))
    assert notice_of(console.post(f"{LIST}/{waiting}/cancel", {})).startswith("Campaign canceled.")
    assert notice_of(console.post(f"{LIST}/{running}/cancel", {})).startswith("Campaign stopped.")
    assert status_of(world, waiting) == "CampaignCancelled"
    assert status_of(world, running) == "CampaignAborted"
    refused = words_of(console.post(f"{LIST}/{waiting}/cancel", {}, status=409))
    assert "The campaign has already ended. Nothing was changed." in refused
    assert "operator" in words_of(console.get(f"/accounts/{ACCOUNT}/ledger/changes"))


def test_a_form_that_cancels_a_campaign_does_not_stop_one_that_has_started(world: Api, console: Browser) -> None:
    campaign = schedule(world, "later", range(5), "2026-03-12", "2026-03-13")
    page = console.get(f"{LIST}/{campaign}")
    fields = dict(re.findall(r'name="(becomes)" value="([^"]*)"', page))
    world.advance("P1DT12H2M")
    world.sign_in()
    refused = console.post(f"{LIST}/{campaign}/cancel", fields, status=409)
    assert "The campaign has started or ended since the page was loaded." in words_of(refused)
    assert status_of(world, campaign) == "CampaignScheduled"
    fields = dict(re.findall(r'name="(becomes)" value="([^"]*)"', refused))
    assert notice_of(console.post(f"{LIST}/{campaign}/cancel", fields)).startswith("Campaign stopped.")


def test_dates_are_changed_before_the_start_and_then_only_the_end(world: Api, console: Browser) -> None:
    campaign = f"{LIST}/{schedule(world, 'later', range(5), '2026-03-12', '2026-03-13')}"
    world.advance("PT1M")
    page = console.post(campaign + "/dates", {"start": "2026-03-11", "end": "2026-03-14"})
    assert notice_of(page) == "The campaign now runs from 2026-03-11 to 2026-03-14."
    refused = console.post(campaign + "/dates", {"start": "2026-03-01", "end": "2026-03-14"}, status=409)
    assert "The start date must be between today and" in words_of(refused)
    assert 'value="2026-03-01"' in refused
    world.advance("PT12H1M")
    assert "The campaign has started. Its end date must be at least 24 hours from now." in words_of(
        console.get(campaign)
    )
    assert notice_of(console.post(campaign + "/dates", {"end": "2026-03-20"})).endswith("to 2026-03-20.")
    refused = console.post(campaign + "/dates", {"end": "2026-03-11"}, status=409)
    assert "at least 24 hours from now" in words_of(refused)


def new(**form: str) -> dict[str, str]:
    """A form that schedules a network-aware campaign of five devices."""
    listed = "\n".join(devices(*range(5)))
    return {
        "kind": "v3",
        "package": PACKAGE,
        "name": "From here",
        "start": "2026-03-10",
        "end": "2026-03-12",
        "devices": listed,
        **form,
    }


def test_a_campaign_is_scheduled_from_a_list_of_devices(world: Api, console: Browser) -> None:
    form = console.get(LIST + "/new")
    assert f'<option value="{PACKAGE}"' in form
    assert 'value="2026-03-13"' in form
    page = console.post(LIST + "/new", new(assign="1"))
    assert notice_of(page).startswith("Campaign accepted.")
    assert "assigned to devices without one" in words_of(page)
    world.advance("PT9H")
    assert names(console.get(LIST + "?status=ended")) == ["From here"]
    console.post(LIST + "/new", new(kind="v1", end="", devices=device(7)))
    assert "push 2026-03-10 2026-03-13" in words_of(console.get(LIST))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"start": "2026-03-01"}, "The start date must be between today and"),
        ({"end": "2026-03-01"}, "The end date must not be before the start date"),
        ({"kind": "v2", "end": ""}, "This delivery requires an end date."),
        ({"kind": "v2", "add": "1"}, "Only network-aware campaigns assign licenses and add new devices."),
        ({"kind": "v9"}, "The delivery must be one of v3, v2, v1."),
        ({"package": "none"}, "The package no longer exists."),
        ({"devices": ""}, "Paste the IMEI of at least one device."),
        ({"devices": "990000000000000\n12"}, "line 2: '12' has 2 digits; an IMEI has 15."),
        ({"name": "x" * 201}, "The name may have at most 200 characters."),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_campaign_that_makes_no_sense_is_refused_and_what_was_typed_stays(
    console: Browser, form: dict[str, str], words: str
) -> None:
    page = console.post(LIST + "/new", new(**form), status=400)
    assert words in words_of(page)
    assert "No campaign was scheduled." in words_of(page)
    typed = new(**form)["devices"]
    assert f">{typed}</textarea>" in page.replace("\r\n", "\n")


def test_without_a_package_that_fits_the_form_says_what_is_missing(api: Api) -> None:
    assert "No package matches a device of this account" in words_of(Browser(api).get(LIST + "/new"))


def test_a_viewer_can_neither_cancel_nor_change(world: Api) -> None:
    key = world.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    ford, campaign = Browser(world, key), f"{LIST}/{schedule(world)}"
    assert "Cancel campaign" not in words_of(ford.get(campaign))
    ford.post(campaign + "/cancel", {}, status=403)


def test_an_unknown_campaign_is_not_found(api: Api) -> None:
    console, campaign = Browser(api), "e3a8d88a-04c6-4ef3-b039-89b62f91e962"
    page = console.get(f"/accounts/{OTHER}/campaigns/{campaign}", status=404)
    assert f"Account {OTHER} has no campaign {campaign}." in words_of(page)
