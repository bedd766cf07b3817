"""One story on one server, through HTTP alone: whatever has to do with time follows the test clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.campaigning import CAMPAIGN_SEED, LATER, LWM2M, TODAY, error_message, imeis, schedule, status
from fotapool.testing.inbox import Inbox, Receiver
from support.helpers import ACCOUNT, Api

EXPIRED = "UWS verification failure (The Session has expired.)"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A listener whose server is down at first."""
    receiver = Receiver()
    found = receiver.inbox(ACCOUNT)
    found.status = 503
    yield found
    receiver.stop()


def look(api: Api) -> Any:
    return api.call("GET", f"/v3/subscriptions/{ACCOUNT}")


def deliveries(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.control("GET", f"/deliveries?account={ACCOUNT}").json()["deliveries"]
    return found


def test_everything_follows_the_clock(start: Callable[..., Api], inbox: Inbox) -> None:
    api = start(CAMPAIGN_SEED)

    # Sessions end after 20 minutes without use, bearer tokens an hour after they were issued.
    api.advance("PT19M59S")
    assert look(api).status_code == 200
    api.advance("PT20M")
    assert error_message(look(api)) == EXPIRED
    api.session = api.log_in().json()["sessionToken"]
    api.advance("PT19M59S")
    assert look(api).status_code == 200
    api.advance("PT2S")
    assert look(api).status_code == 401
    api.sign_in()

    # Logging is on for seven days.
    logging = f"/v2/logging/{ACCOUNT}/devices"
    assert api.call("PUT", f"{logging}/{imeis(LWM2M, 1)[0]}").json()["expiryDate"] == "2026-03-17"

    # A campaign runs, its simulated devices act, and callbacks are tried again, in the order of their times.
    api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": f"{inbox.url}/v3"})
    campaign = schedule(api, 3, startDate=TODAY, endDate=LATER)
    first = api.control("POST", "/clock", {"next": True}).json()
    assert first["happened"]
    assert first["nextDue"] > first["now"]
    events = first["happened"] + api.advance("PT6H")["happened"]
    times = [one["time"] for one in events]
    assert times == sorted(times)
    assert {one["campaign"] for one in events if one["what"].startswith("device")} <= {campaign}
    failed = [one["time"] for one in events if one["what"] == "callback failed"]
    assert [time[11:19] for time in failed[:4]] == ["13:00:05", "13:05:05", "13:10:05", "13:15:05"], "every 5 minutes"
    api.sign_in()
    assert status(api, 3, campaign) == "CampaignEnded"
    inbox.status = 200
    api.advance("P1D")
    assert all(one["state"] != "waiting" for one in deliveries(api))
    assert deliveries(api), "they are kept for 30 days"

    # A license whose device is upgrading when the subscription shrinks is kept for a billing month.
    device = imeis(LWM2M, 5)[4]
    for state in ("scheduled", "inProgress"):
        path = f"/accounts/{ACCOUNT}/devices/{device}/upgrade"
        assert api.control("PUT", path, {"status": state}).status_code == 200
    shrunk = api.subscribe(0)
    assert shrunk["notice"], shrunk
    assert api.pool()["underNotice"] == 1
    assert api.control("PUT", path, {"status": "failed"}).status_code == 200
    events = api.advance("P61D")["happened"]
    assert [one["time"] for one in events if one["what"] == "notice ended"] == ["2026-05-01T00:00:00.000Z"]

    # By then logging is off, statements of the months are there, and the archive of callbacks is empty.
    api.sign_in()
    assert api.call("GET", logging).json() == []
    months = [one["month"] for one in api.control("GET", f"/accounts/{ACCOUNT}/statements").json()["statements"]]
    assert {"2026-03", "2026-04"} <= set(months)
    assert deliveries(api) == []
    api.assert_consistent()


def test_after_a_restart_the_clock_stands_where_the_data_ends(start: Callable[..., Api]) -> None:
    api = start()
    api.advance("P10D")
    api.sign_in()
    api.assign(0)
    again = start()
    moved = again.control("GET", "/clock").json()
    assert (moved["now"], moved["aheadSeconds"]) == ("2026-03-20T12:00:00.000Z", 864000.0)
    again.assign(1)
    assert [entry["deviceId"][-1] for entry in again.ledger()] == ["0", "1"]
    assert again.control("POST", "/reset").status_code == 204
    assert again.control("GET", "/clock").json()["now"] == "2026-03-10T12:00:00.000Z"


def test_an_empty_database_leaves_the_clock_where_it_is(start: Callable[..., Api]) -> None:
    assert start(None).control("GET", "/clock").json()["aheadSeconds"] == 0
