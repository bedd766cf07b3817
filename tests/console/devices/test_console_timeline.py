"""The page of one device: what is known of it, and its timeline in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from campaigning import FLEET, schedule
from console_helpers import Browser, notice_of, words_of

from support.device_helpers import calling
from support.helpers import ACCOUNT, OTHER, Api, device


def page_of(console: Browser, number: int, account: str = ACCOUNT) -> str:
    return console.get(f"/accounts/{account}/devices/{device(number)}")


def told(page: str) -> list[str]:
    """The entries of the timeline, newest first, without who and by which request."""
    lists = re.search(r'<ol class="timeline">(.*?)</ol>', page, re.DOTALL)
    assert lists
    items = re.findall(r"<li>(.*?)</li>", lists[1], re.DOTALL)
    return [words_of(re.sub(r"<small>.*?</small>|<time.*?</time>", "", item, flags=re.DOTALL)) for item in items]


def test_a_reclaimed_license_tells_why_with_its_place_in_line(console: Browser, api: Api) -> None:
    api.assign(3, 1, 0, 2)
    api.candidates(2)
    api.subscribe(1)
    page = page_of(console, 1)
    assert told(page) == [
        "reclaimed subscription reduced from 5 to 1, 3rd in line, not on the candidate list, assigned 2026-03-10",
        "licensed as requested",
        "added to the account",
    ]
    assert "by operator" in words_of(page)
    assert "by zbeeblebrox , request" in words_of(page).replace("zbeeblebrox,", "zbeeblebrox ,")
    assert told(page_of(console, 2))[0] == (
        "reclaimed subscription reduced from 5 to 1, 1st in line, on the candidate list, assigned 2026-03-10"
    )
    assert [entry["deviceId"] for entry in api.ledger() if entry["what"] == "reclaimed"][2] == device(1)


def test_a_restored_license_keeps_its_assignment_time_also_when_it_is_lost_again(console: Browser, api: Api) -> None:
    api.assign(0)
    api.advance("PT30M")
    for _ in range(2):
        api.subscribe(0)
        change = api.ledger()[-1]["change"]
        api.subscribe(5)
        api.advance("P1D")
        api.control("POST", f"/accounts/{ACCOUNT}/ledger/changes/{change}/undo")
    restored, lost, before = told(page_of(console, 0))[:3]
    assert f"change {change}, which had taken it, was undone, assigned 2026-03-10" in restored
    assert "assigned 2026-03-10" in lost
    assert "was undone, assigned 2026-03-10" in before


def test_places_are_counted_within_their_own_reduction(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2, 3, 4)
    api.subscribe(4)
    api.subscribe(2)
    places = [re.search(r"(\d\w\w) in line", told(page_of(console, number))[0]) for number in (0, 1, 2)]
    assert [place and place[1] for place in places] == ["1st", "1st", "2nd"]


def test_a_notice_is_given_withdrawn_and_ended(console: Browser, api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "inProgress")
    api.advance("PT1M")
    api.subscribe(0)
    page = page_of(console, 0)
    assert "removed on 2026-05-01 00:00:00" in words_of(page)
    assert told(page)[0].startswith("marked for removal on 2026-05-01 subscription reduced from 5 to 0, 1st in line")
    api.advance("PT1M")
    api.subscribe(3)
    assert told(page_of(console, 0))[0] == (
        "removal canceled subscription raised from 0 to 3; the device keeps its license"
    )
    api.advance("P1D")
    api.subscribe(0)
    api.upgrade(0, "failed")
    api.advance("P90D")
    page = page_of(console, 0)
    assert told(page)[0] == ("reclaimed the pending removal of an earlier reduction took effect, assigned 2026-03-10")
    assert "by the server" in words_of(page)


def test_an_imported_license_tells_since_when_as_far_as_that_is_known(console: Browser, api: Api) -> None:
    lines = [
        {"deviceId": device(0), "licensedAt": "2017-11-29T20:15:42Z"},
        {"deviceId": device(1), "licensedAt": "unknown"},
        {"deviceId": device(2), "licensed": True},
    ]
    api.control("POST", f"/accounts/{ACCOUNT}/devices", lines)
    assert told(page_of(console, 0))[0] == "licensed imported as licensed, assigned 2017-11-29"
    assert told(page_of(console, 1))[0] == "licensed imported as licensed, assigned at an unknown time"
    assert told(page_of(console, 2))[0] == "licensed imported as licensed"
    assert "since an unknown time" in words_of(page_of(console, 1))
    api.subscribe(2)
    assert told(page_of(console, 1))[0].endswith("not on the candidate list, imported as licensed 2026-03-10")


def test_upgrades_of_campaigns_and_of_the_operator_are_in_the_timeline(start: Callable[..., Api]) -> None:
    api = start(FLEET)
    console = Browser(api)
    campaign = schedule(api)
    assert told(page_of(console, 0))[0].startswith("named for an upgrade, to be checked: campaign North, FOTA_Make")
    api.advance("P3D")
    page = page_of(console, 0)
    versions = "campaign North, FOTA_Make_Model_1To2 (firmware 1 to 2)"
    assert told(page)[:3] == [f"upgraded {versions}", f"upgrade began {versions}", f"scheduled {versions}"]
    assert f"/campaigns/{campaign}" in page
    assert told(page_of(console, 20))[0] == f"upgrade failed {versions}; installation failed"
    assert told(page_of(console, 26))[0].startswith(f"rejected by the checks of an upgrade: {versions}; ")
    assert "used by a completed upgrade (can't be removed by the account)" in words_of(page)
    assert "Last 20 check-ins within 30 days." in words_of(page)


def test_the_operator_sets_the_upgrade_and_is_offered_what_may_come_next(console: Browser, api: Api) -> None:
    api.assign(0)
    path = f"/accounts/{ACCOUNT}/devices/{device(0)}/upgrade"
    assert notice_of(console.post(path, {"status": "inProgress"})) == "Upgrade status set to in progress."
    page = page_of(console, 0)
    assert re.findall(r'<option value="(\w+)"', page) == ["completed", "failed"]
    assert told(page)[0] == "upgrade began set by the operator, outside of any campaign"
    refused = words_of(console.post(path, {"status": "scheduled"}, status=409))
    assert "The device's open upgrade is inProgress; it cannot become scheduled." in refused
    assert "state must be one of" in words_of(console.post(path, {"status": "gone"}, status=400))
    console.post(path, {"status": "completed"})
    assert told(page_of(console, 0))[0] == "upgraded set by the operator, outside of any campaign"


def test_contacts_of_a_real_device_are_listed(console: Browser, api: Api) -> None:
    calling(api, 0).check_in(firmware="7")
    page = words_of(page_of(console, 0))
    assert "2026-03-10 12:00:00 HTTP CheckInSuccess" in page
    assert "Firmware 7" in page


def test_what_is_too_much_is_left_out_and_the_page_says_so(
    console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.services.devices.timelines.MAX_ENTRIES", 2)
    for _ in range(2):
        api.assign(0)
        api.remove(0)
    page = page_of(console, 0)
    assert told(page)[:2] == ["license removed as requested, assigned 2026-03-10", "licensed as requested"]
    assert "Older events are not shown." in words_of(page)


def test_a_device_of_another_account_or_a_wrong_imei_is_not_found(console: Browser) -> None:
    missing = words_of(console.get(f"/accounts/{OTHER}/devices/{device(0)}", status=404))
    assert f"Device {device(0)} is not a device of account {OTHER}." in missing
    assert "15 digits" in words_of(console.get(f"/accounts/{OTHER}/devices/12", status=404))


def test_a_candidate_has_its_place(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    api.candidates(1, 0)
    assert "Removal candidate number 2" in words_of(page_of(console, 0))
