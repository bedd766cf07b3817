"""The operator reads campaigns, and devices with their timelines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.campaigning import CAMPAIGN_SEED, HTTP, LWM2M, NOWHERE, TODAY, advance, imeis, schedule
from support.helpers import ACCOUNT, OTHER, Api

PATH = f"/accounts/{ACCOUNT}/campaigns"


@pytest.fixture
def scheduled(start: Callable[..., Api]) -> Api:
    return start(seed=CAMPAIGN_SEED)


def test_campaigns_are_listed_newest_first_page_by_page(scheduled: Api) -> None:
    ids = [schedule(scheduled, 3, deviceList=[imei]) for imei in imeis(LWM2M, 3)]
    ids.append(schedule(scheduled, 2))
    first = scheduled.control("GET", f"{PATH}?limit=3").json()
    assert [one["id"] for one in first["campaigns"]] == ids[:0:-1]
    last = scheduled.control("GET", f"{PATH}?limit=3&before={first['next']}").json()
    assert [one["id"] for one in last["campaigns"]] == ids[:1]
    assert last["next"] is None
    found = first["campaigns"][0]
    assert (found["delivery"], found["status"], found["package"], found["devices"]) == ("pull", "pending", "SW-H", 2)
    assert scheduled.control("GET", f"/accounts/{OTHER}/campaigns").json() == {"campaigns": [], "next": None}


def test_campaigns_are_filtered_by_state(scheduled: Api) -> None:
    ended = schedule(scheduled, 3, startDate=TODAY)
    advance(scheduled, "P11D")
    waiting = schedule(scheduled, 2, startDate="2026-03-22", endDate="2026-03-30")
    for status, expected in (("ended", [ended]), ("pending", [waiting]), ("failed", [])):
        found = scheduled.control("GET", f"{PATH}?status={status}").json()["campaigns"]
        assert [one["id"] for one in found] == expected
    refused = scheduled.control("GET", f"{PATH}?status=done")
    assert refused.status_code == 400
    assert "status must be pending, rejected" in refused.json()["detail"]


def test_the_campaigns_of_all_accounts_are_listed_running_ones_first_with_their_devices(scheduled: Api) -> None:
    over = schedule(scheduled, 3, startDate=TODAY, deviceList=imeis(LWM2M, 2) + imeis(HTTP, 1))
    advance(scheduled, "P11D")
    running = schedule(scheduled, 2, startDate="2026-03-21", endDate="2026-03-25")
    advance(scheduled, "PT2H")
    waiting = schedule(scheduled, 3, startDate="2026-03-25", endDate="2026-03-28", deviceList=imeis(LWM2M + 2, 1))
    found = scheduled.control("GET", "/campaigns").json()
    assert [one["campaign"]["id"] for one in found["campaigns"]] == [running, waiting, over]
    assert [one["account"] for one in found["campaigns"]] == [ACCOUNT] * 3
    last = found["campaigns"][2]
    assert (last["completed"], last["rejected"], last["failed"], last["failedPercent"]) == (2, 1, 0, 0)
    assert found["campaigns"][1]["failedPercent"] is None
    pages: list[str] = []
    after = 0
    while True:
        page = scheduled.control("GET", f"/campaigns?limit=1&after={after}").json()
        pages += [one["campaign"]["id"] for one in page["campaigns"]]
        after = page["campaigns"][-1]["position"]
        if not page["hasMoreData"]:
            break
    assert pages == [running, waiting, over]
    ended = scheduled.control("GET", "/campaigns?status=ended").json()["campaigns"]
    assert [one["campaign"]["id"] for one in ended] == [over]
    scheduled.assert_consistent()


def test_a_campaign_says_how_its_devices_did_and_what_is_next(scheduled: Api) -> None:
    uuid = schedule(scheduled, 3, deviceList=imeis(LWM2M, 2) + imeis(HTTP, 1))
    before = scheduled.control("GET", f"{PATH}/{uuid}").json()
    assert before["upgrades"] == [{"status": "pending", "devices": 3}]
    assert before["next"]["what"] == "its devices are checked"
    scheduled.advance("P12D")
    after = scheduled.control("GET", f"{PATH}/{uuid.upper()}").json()
    assert after["campaign"]["status"] == "ended"
    assert after["campaign"]["endTime"] is not None
    assert sorted((one["status"], one["devices"]) for one in after["upgrades"]) == [("completed", 2), ("rejected", 1)]
    assert after["reasons"] == [{"status": "rejected", "reason": "protocol does not match the package", "devices": 1}]
    assert after["next"] is None


def test_a_campaign_of_another_account_does_not_exist(scheduled: Api) -> None:
    uuid = schedule(scheduled, 3)
    for path in (f"/accounts/{OTHER}/campaigns/{uuid}", f"{PATH}/{NOWHERE}", f"{PATH}/x%00y"):
        refused = scheduled.control("GET", path)
        assert refused.status_code == 404
        assert "has no campaign" in refused.json()["detail"]


def test_a_device_is_read_with_its_timeline(scheduled: Api) -> None:
    imei = imeis(HTTP, 1)[0]
    uuid = schedule(scheduled, 2, deviceList=[imei], startDate=TODAY)
    advance(scheduled, "PT2H")
    path = f"/accounts/{ACCOUNT}/devices/{imei}"
    headers = {"X-Request-Id": "reduction"}
    scheduled.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 0}, headers=headers)
    found = scheduled.control("GET", path).json()
    assert found["device"]["deviceId"] == imei
    assert found["device"]["licensed"] is False
    assert (found["candidatePlace"], found["complete"], found["checkIns"]) == (None, True, [])
    events = {one["event"]: one for one in found["timeline"]}
    assert events["scheduled"]["campaign"] == uuid
    assert events["upgrade canceled"]["text"].endswith("license reclaimed by a subscription reduction")
    assert (events["reclaimed"]["actor"], events["reclaimed"]["requestId"]) == ("operator", "reduction")
    assert found["timeline"][-1]["event"] in ("added", "licensed")
    assert scheduled.control("GET", f"/accounts/{OTHER}/devices/{imei}").status_code == 404
    assert scheduled.control("GET", f"/accounts/{ACCOUNT}/devices/12").status_code == 400
