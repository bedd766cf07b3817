"""What only the emulator has: the test clock, and the way back to the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.helpers import ACCOUNT, OTHER, SEED, Api, device, devices

NOW = "2026-03-10T12:00:00.000Z"


def test_the_clock_is_read_and_moved_by_a_duration(api: Api) -> None:
    assert api.control("GET", "/clock").json() == {
        "now": NOW,
        "aheadSeconds": 0.0,
        "frozen": True,
        "nextDue": None,
        "happened": [],
    }
    moved = api.advance("PT20M")
    assert moved == {
        "now": "2026-03-10T12:20:00.000Z",
        "aheadSeconds": 1200.0,
        "frozen": True,
        "nextDue": None,
        "happened": [],
    }
    assert api.control("GET", "/clock").json() == moved


@pytest.mark.parametrize(
    ("duration", "now"),
    [
        ("P1D", "2026-03-11T12:00:00.000Z"),
        ("P2W", "2026-03-24T12:00:00.000Z"),
        ("P1DT1H1M1.5S", "2026-03-11T13:01:01.500Z"),
        ("PT0S", NOW),
        ("PT90M", "2026-03-10T13:30:00.000Z"),
    ],
)
def test_durations_are_iso_8601(api: Api, duration: str, now: str) -> None:
    assert api.advance(duration)["now"] == now


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "one of advance"),
        ({"advance": "PT1M", "next": True}, "one of advance"),
        ({"next": False}, "one of advance"),
        ({"next": 1}, "$.next"),
        ({"advance": None}, "$.advance"),
        ({"advance": 20}, "$.advance"),
        ({"advance": ""}, "ISO 8601"),
        ({"advance": "P"}, "ISO 8601"),
        ({"advance": "PT"}, "ISO 8601"),
        ({"advance": "P1DT"}, "ISO 8601"),
        ({"advance": "20M"}, "ISO 8601"),
        ({"advance": "-PT20M"}, "ISO 8601"),
        ({"advance": "PT-20M"}, "ISO 8601"),
        ({"advance": "PT1\u0661M"}, "ISO 8601"),
        ({"advance": "P1Y"}, "months and years"),
        ({"advance": "P1M"}, "months and years"),
        ({"advance": "P999999D"}, "a century at most"),
        ({"advance": "P999999W"}, "a century at most"),
        ({"advance": "P" + "9" * 400 + "D"}, "ISO 8601"),
        ({"to": "tomorrow"}, "2026-12-01T00:00:00Z"),
        ({"to": "9999-12-31T23:59:59Z"}, "a century at most"),
        ({"to": "0001-01-01T00:00:00+23:59"}, "only moves forward"),
        ({"to": "2026-03-10T11:59:59Z"}, "only moves forward"),
        ({"advance": "PT1M", "why": "x"}, "`why`"),
    ],
)
def test_a_move_that_cannot_be_is_refused_and_the_clock_stays(shared: Api, body: dict[str, Any], words: str) -> None:
    response = shared.control("POST", "/clock", body)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert words in response.json()["detail"]
    assert shared.control("GET", "/clock").json()["now"] == NOW


@pytest.mark.parametrize(
    ("to", "now"),
    [
        ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00.000Z"),
        ("2026-12-01T01:00:00.5+01:00", "2026-12-01T00:00:00.500Z"),
        ("2026-12-01", "2026-12-01T00:00:00.000Z"),
    ],
)
def test_the_clock_moves_to_a_moment(api: Api, to: str, now: str) -> None:
    assert api.control("POST", "/clock", {"to": to}).json()["now"] == now


def test_next_goes_to_the_next_thing_due_and_nowhere_when_nothing_is(api: Api) -> None:
    assert api.control("POST", "/clock", {"next": True}).json()["now"] == NOW
    api.assign(0, 1)
    api.upgrade(0, "inProgress")
    api.subscribe(1)
    api.candidates(0)
    api.upgrade(0, "completed")
    due = "2026-05-01T00:00:00.000Z"
    assert api.control("GET", "/clock").json()["nextDue"] == due
    moved = api.control("POST", "/clock", {"next": True}).json()
    assert (moved["now"], moved["nextDue"]) == (due, None)
    assert moved["happened"] == [
        {"time": due, "what": "notice ended", "count": 1, "devices": devices(0), "campaign": None}
    ]
    assert api.pool()["licenseUsedCount"] == 1


def test_a_long_move_stops_at_each_thing_due_in_order(api: Api) -> None:
    api.assign(0, 1)
    api.upgrade(0, "inProgress")
    api.upgrade(1, "inProgress")
    api.subscribe(1)
    api.advance("P31D")
    api.subscribe(0)
    api.upgrade(0, "failed")
    api.upgrade(1, "failed")
    events = api.advance("P365D")["happened"]
    assert [(one["time"], one["devices"]) for one in events] == [
        ("2026-05-01T00:00:00.000Z", [device(0)]),
        ("2026-06-01T00:00:00.000Z", [device(1)]),
    ]
    api.assert_consistent()


def test_centuries_ahead_everything_still_answers_until_the_clock_goes_no_further(api: Api) -> None:
    for _ in range(79):
        assert api.control("POST", "/clock", {"advance": "P36600D"}).status_code == 200
    assert api.control("POST", "/clock", {"to": "9997-12-31T23:59:59Z"}).status_code == 200
    assert "not beyond the year 9997" in api.control("POST", "/clock", {"advance": "PT2S"}).json()["detail"]
    api.sign_in()
    api.assign(0)
    api.upgrade(0, "inProgress")
    assert api.subscribe(0)["noticeUntil"] == "9998-02-01T00:00:00.000Z"
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    assert api.pool()["nextBillingMonth"] == "9998-01-01T00:00:00.000Z"


def test_reset_goes_back_to_the_seed_and_to_real_time_and_ends_every_token_but_those_of_operators(api: Api) -> None:
    api.assign(0)
    api.subscribe(9)
    api.control("POST", "/accounts", {"name": "new"})
    key = api.control("POST", "/operators", {"name": "a"}).json()["key"]
    api.advance("PT5M")
    assert api.control("POST", "/reset").status_code == 204
    assert api.control("GET", "/clock").json()["now"] == NOW
    assert [one["name"] for one in api.control("GET", "/accounts").json()["accounts"]] == [ACCOUNT, OTHER]
    assert (api.pool()["licenseCount"], api.pool()["licenseUsedCount"], api.ledger()) == (5, 0, [])
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 401
    assert api.control("GET", "/accounts", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    api.sign_in()
    assert api.assign(0)["licUsedCount"] == 1
    api.assert_consistent()


def test_a_server_without_a_seed_resets_to_nothing(start: Callable[..., Api]) -> None:
    api = start(seed=None)
    api.control("POST", "/accounts", {"name": "new"})
    assert api.control("POST", "/reset").status_code == 204
    assert api.control("GET", "/accounts").json()["accounts"] == []


def test_a_reset_that_cannot_apply_the_seed_changes_nothing(start: Callable[..., Api]) -> None:
    start()
    too_many = {"first": "770000000000000", "count": 9, "licensed": 9}
    broken = {**SEED, "accounts": [SEED["accounts"][0], {**SEED["accounts"][1], "devices": [too_many]}]}
    api = start(seed=broken)
    api.assign(0)
    response = api.control("POST", "/reset")
    assert response.status_code == 400
    assert "no unused license available" in response.json()["detail"]
    assert api.pool()["licenseUsedCount"] == 1
    assert api.pool(OTHER)["licenseUsedCount"] == 2


@pytest.mark.parametrize(("method", "path"), [("GET", "/clock"), ("POST", "/clock"), ("POST", "/reset")])
def test_serve_has_neither_clock_nor_reset(start: Callable[..., Api], method: str, path: str) -> None:
    assert start(emulator=False).control(method, path).status_code == 404
