"""Billing statements: monthly licenses, licenses kept under notice, charged upgrades; the same at every reading."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from fotapool.services.billing import statements
from fotapool.worker import runner
from support.helpers import ACCOUNT, OTHER, Api, device, devices

MARCH, APRIL, MAY, JUNE = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp() * 1000) for month in (3, 4, 5, 6))
"""The servers' clocks stand on 10 March 2026."""
DAY_MS = 86_400_000


def read(api: Api, month: str, query: str = "", account: str = ACCOUNT) -> dict[str, Any]:
    response = api.control("GET", f"/accounts/{account}/statements/{month}{query}")
    assert response.status_code == 200, response.text
    statement: dict[str, Any] = response.json()
    return statement


def lines_of(api: Api, month: str, **options: Any) -> list[list[str]]:
    response = api.control("GET", f"/accounts/{ACCOUNT}/statements/{month}?format=csv", **options)
    assert response.status_code == 200, response.text
    header, *lines = csv.reader(io.StringIO(response.text, newline=""))
    assert header[:2] == ["account", "month"]
    assert all(line[:2] == [ACCOUNT, month] for line in lines)
    return [line[2:] for line in (header, *lines)]


def move_to(api: Api, timestamp: str) -> None:
    response = api.control("POST", "/clock", {"to": timestamp})
    assert response.status_code == 200, response.text


def in_database(api: Api, *changes: str) -> None:
    connection = api.server.database.connect(writes=True)
    for sql in changes:
        connection.begin()
        connection.execute(sql)
        connection.commit()
    connection.close()


def add_events(api: Api, charged: Sequence[tuple[int, int]], campaign_id: int = 0) -> None:
    """Completed upgrades that were charged: (device's number, when in ms)."""
    rows = ", ".join(
        f"((SELECT id FROM account WHERE name = '{ACCOUNT}'), {device(number)}, {campaign_id}, 3, 60, 0,"
        f" {at_ms}, {at_ms}, {at_ms}, {at_ms}, {at_ms})"
        for number, at_ms in charged
    )
    in_database(
        api,
        "INSERT INTO upgrade (account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, started_ms,"
        f" ended_ms, updated_ms, charged_ms) VALUES {rows}",
    )


def keep_under_notice(api: Api, *numbers: int) -> None:
    """Reduces the subscription to nothing while these devices' upgrades run."""
    api.assign(*numbers)
    for number in numbers:
        api.upgrade(number, "inProgress")
    api.subscribe(0)


def test_a_month_is_billed_by_the_most_licenses_that_the_subscription_had(api: Api) -> None:
    api.advance("P1D")
    api.subscribe(9)
    api.advance("P1D")
    api.subscribe(3)
    statement = read(api, "2026-03")
    assert statement == {
        "account": ACCOUNT,
        "month": "2026-03",
        "from": "2026-03-01T00:00:00.000Z",
        "to": "2026-04-01T00:00:00.000Z",
        "complete": False,
        "purchaseType": "TS-HFOTA-MRC",
        "licenses": 9,
        "periods": [
            {
                "from": "2026-03-10T12:00:00.000Z",
                "to": "2026-03-11T12:00:00.000Z",
                "licenseCount": 5,
                "purchaseType": "TS-HFOTA-MRC",
            },
            {
                "from": "2026-03-11T12:00:00.000Z",
                "to": "2026-03-12T12:00:00.000Z",
                "licenseCount": 9,
                "purchaseType": "TS-HFOTA-MRC",
            },
            {"from": "2026-03-12T12:00:00.000Z", "to": None, "licenseCount": 3, "purchaseType": "TS-HFOTA-MRC"},
        ],
        "notice": [],
        "events": [],
        "totals": {"licenses": 9, "noticeLicenses": 0, "events": 0},
        "hasMorePeriods": False,
        "hasMoreNotice": False,
        "hasMoreEvents": False,
    }
    move_to(api, "2026-04-02T00:00:00Z")
    assert read(api, "2026-03")["periods"][-1]["to"] == "2026-04-01T00:00:00.000Z"
    april = read(api, "2026-04")
    assert (april["licenses"], april["periods"][0]["from"]) == (3, "2026-04-01T00:00:00.000Z")


def test_a_subscription_counts_where_the_clock_stands_still_too(api: Api) -> None:
    api.subscribe(900)
    api.subscribe(4)
    statement = read(api, "2026-03")
    assert [period["licenseCount"] for period in statement["periods"]] == [5, 900, 4]
    assert statement["licenses"] == 900


def test_a_change_in_a_months_first_moment_belongs_to_that_month_alone(api: Api) -> None:
    move_to(api, "2026-04-01T00:00:00Z")
    api.subscribe(2)
    assert [read(api, month)["licenses"] for month in ("2026-03", "2026-04")] == [5, 2]


def test_the_purchase_type_is_that_of_the_months_end(api: Api) -> None:
    path = f"/accounts/{ACCOUNT}/subscription"
    api.advance("P1D")
    assert api.control("PUT", path, {"purchaseType": "TS-HFOTA-EVNT,TS-HFOTA-MRC"}).status_code == 200
    move_to(api, "2026-04-05T00:00:00Z")
    assert api.control("PUT", path, {"purchaseType": "TS-HFOTA-EVNT"}).status_code == 200
    march, april = read(api, "2026-03"), read(api, "2026-04")
    assert (march["purchaseType"], march["licenses"]) == ("TS-HFOTA-EVNT,TS-HFOTA-MRC", 5)
    assert (april["purchaseType"], april["licenses"]) == ("TS-HFOTA-EVNT", 5)
    api.assert_consistent()


def test_setting_what_is_set_already_begins_no_period(api: Api) -> None:
    api.advance("P1D")
    api.subscribe(5)
    assert len(read(api, "2026-03")["periods"]) == 1


def test_a_license_kept_under_notice_is_billed_one_month_more(api: Api) -> None:
    keep_under_notice(api, 1, 0)
    for number in (0, 1):
        api.upgrade(number, "completed")
    assert read(api, "2026-03")["totals"] == {"licenses": 5, "noticeLicenses": 0, "events": 0}
    move_to(api, "2026-06-15T00:00:00Z")
    april = read(api, "2026-04")
    assert april["notice"] == [
        {
            "deviceId": device(number),
            "givenAt": "2026-03-10T12:00:00.000Z",
            "until": "2026-05-01T00:00:00.000Z",
            "endedAt": None,
        }
        for number in (0, 1)
    ]
    assert april["totals"] == {"licenses": 0, "noticeLicenses": 2, "events": 0}
    assert [read(api, month)["totals"]["noticeLicenses"] for month in ("2026-03", "2026-05", "2026-06")] == [0, 0, 0]
    api.assert_consistent()


def test_an_upgrade_that_goes_on_is_billed_until_the_month_in_which_it_ends(api: Api) -> None:
    keep_under_notice(api, 0)
    move_to(api, "2026-06-10T08:00:00Z")
    api.upgrade(0, "failed")
    move_to(api, "2026-08-01T00:00:00Z")
    assert [read(api, f"2026-0{month}")["totals"]["noticeLicenses"] for month in range(3, 8)] == [0, 1, 1, 1, 0]
    assert read(api, "2026-05")["notice"][0]["endedAt"] is None
    assert read(api, "2026-06")["notice"][0]["endedAt"] == "2026-06-10T08:00:00.000Z"


def test_a_notice_that_is_withdrawn_within_the_month_is_not_billed_beside_the_raised_subscription(api: Api) -> None:
    keep_under_notice(api, 0, 1)
    move_to(api, "2026-04-10T00:00:00Z")
    assert api.subscribe(1)["withdrawnNotices"] == [device(0)]
    move_to(api, "2026-05-20T00:00:00Z")
    assert api.subscribe(2)["withdrawnNotices"] == [device(1)]
    move_to(api, "2026-06-20T00:00:00Z")
    found = {month: read(api, month) for month in ("2026-03", "2026-04", "2026-05", "2026-06")}
    assert [(one["licenses"], [line["deviceId"] for line in one["notice"]]) for one in found.values()] == [
        (5, []),
        (1, [device(1)]),
        (2, []),
        (2, []),
    ]
    api.assert_consistent()


def test_a_notice_that_comes_and_goes_in_one_moment_leaves_one_period(api: Api) -> None:
    keep_under_notice(api, 0)
    api.subscribe(1)
    api.subscribe(0)
    api.assert_consistent()
    api.subscribe(1)
    api.assert_consistent()
    move_to(api, "2026-04-10T00:00:00Z")
    assert read(api, "2026-04")["notice"] == []


def test_an_unwithdrawn_and_a_later_reduction_are_reported_apart(api: Api) -> None:
    keep_under_notice(api, 0)
    move_to(api, "2026-04-05T00:00:00Z")
    api.subscribe(1)
    move_to(api, "2026-04-06T00:00:00Z")
    api.subscribe(0)
    move_to(api, "2026-05-06T00:00:00Z")
    assert read(api, "2026-04")["notice"] == []
    assert [line["givenAt"] for line in read(api, "2026-05")["notice"]] == ["2026-04-06T00:00:00.000Z"]


def test_a_notice_ends_in_business_time_even_where_the_engine_comes_late(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two devices' upgrades end before and after the notice does; the server does nothing until July."""
    monkeypatch.setattr(runner, "TICK_S", 3600)
    api = start()
    keep_under_notice(api, 0, 1, 2)
    for number, ended_ms in ((0, APRIL + DAY_MS), (1, MAY + 2 * DAY_MS)):
        in_database(
            api, f"UPDATE upgrade SET status = 3, ended_ms = {ended_ms} WHERE imei = {device(number)} AND status = 2"
        )
    months = ("2026-03", "2026-04", "2026-05", "2026-06", "2026-07")
    api.server.clock.move_to(JUNE + 50 * DAY_MS)  # type: ignore[attr-defined]
    early = [read(api, month) for month in months]
    assert [one["totals"]["noticeLicenses"] for one in early] == [0, 3, 2, 1, 1]
    assert [line["endedAt"] for line in early[2]["notice"]] == ["2026-05-03T00:00:00.000Z", None]
    assert len(api.advance("P1D")["happened"]) == 1
    assert [read(api, month) for month in months] == early
    api.assert_consistent()


def test_events_are_reported_in_order_of_time_and_paged_by_their_number(api: Api) -> None:
    add_events(api, [(3, MARCH + 12 * DAY_MS), (1, MARCH + 11 * DAY_MS), (2, MARCH + 12 * DAY_MS), (4, APRIL)])
    whole = read(api, "2026-03")
    assert [(line["deviceId"], line["at"], line["campaignId"], line["name"]) for line in whole["events"]] == [
        (device(1), "2026-03-12T00:00:00.000Z", None, None),
        (device(3), "2026-03-13T00:00:00.000Z", None, None),
        (device(2), "2026-03-13T00:00:00.000Z", None, None),
    ]
    assert (whole["totals"]["events"], whole["hasMoreEvents"]) == (3, False)
    pages, after = [], 0
    for more in (True, False):
        page = read(api, "2026-03", f"?limit=2&after={after}")
        assert (page["hasMoreEvents"], page["totals"]["events"]) == (more, 3)
        pages += page["events"]
        after = page["events"][-1]["number"]
    assert pages == whole["events"]
    refused = api.control("GET", f"/accounts/{ACCOUNT}/statements/2026-03?after={after + 2}")  # one of April
    assert refused.status_code == 404
    assert refused.json()["detail"] == f"2026-03 has no event {after + 2}; after is the number of one, or 0"


def test_notice_lines_are_paged_by_device(api: Api) -> None:
    keep_under_notice(api, 0, 1, 2)
    move_to(api, "2026-04-10T00:00:00Z")
    first = read(api, "2026-04", "?limit=2")
    second = read(api, "2026-04", f"?limit=2&noticeAfter={first['notice'][-1]['deviceId']}")
    assert [line["deviceId"] for line in first["notice"] + second["notice"]] == devices(0, 1, 2)
    assert (first["hasMoreNotice"], second["hasMoreNotice"]) == (True, False)
    assert second["totals"]["noticeLicenses"] == 3


def campaign(api: Api, name: str) -> int:
    """A campaign, with a package of the given name."""
    in_database(
        api,
        "INSERT INTO package (id, name, make, model, from_version, to_version, protocol, platform, release_note,"
        " launched_ms, pilot_passed, succeeded, failed)"
        f" VALUES (7, '{name}', 'm', 'm', '1', '2', 'LWM2M', '', '', 0, 1, 0, 0)",
        "INSERT INTO campaign (id, uuid, account_id, flow, package_id, name, start_date, end_date, start_ms, end_ms,"
        " windows, auto_assign, auto_add, status, devices, created_ms, updated_ms, leased_until_ms) VALUES (7,"
        f" 'e3a8d88a-04c6-4ef3-b039-89b62f91e962', (SELECT id FROM account WHERE name = '{ACCOUNT}'), 1, 7, '',"
        " '2026-03-10', '2026-03-12', 1, 2, '{}', 0, 0, 6, 1, 1, 1, 0)",
    )
    return 7


def test_csv_has_a_line_for_whatever_is_billed(api: Api) -> None:
    keep_under_notice(api, 0, 1)
    move_to(api, "2026-05-10T00:00:00Z")
    api.upgrade(0, "completed")
    api.subscribe(3)
    move_to(api, "2026-06-01T00:00:00Z")
    add_events(api, [(5, MAY + DAY_MS)], campaign(api, "=cmd|' /C calc'!A1".replace("'", "")))
    add_events(api, [(6, MAY + 2 * DAY_MS)])
    assert lines_of(api, "2026-05") == [
        ["kind", "deviceId", "from", "to", "quantity", "campaignId", "name"],
        ["license", "", "2026-05-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z", "3", "", "TS-HFOTA-MRC"],
        ["notice", device(0), "2026-05-01T00:00:00.000Z", "2026-05-10T00:00:00.000Z", "1", "", ""],
        [
            "event",
            device(5),
            "2026-05-02T00:00:00.000Z",
            "2026-05-02T00:00:00.000Z",
            "1",
            "e3a8d88a-04c6-4ef3-b039-89b62f91e962",
            "'=cmd| /C calc!A1",
        ],
        ["event", device(6), "2026-05-03T00:00:00.000Z", "2026-05-03T00:00:00.000Z", "1", "", ""],
    ]
    event = read(api, "2026-05")["events"][0]
    assert (event["campaignId"], event["name"]) == ("e3a8d88a-04c6-4ef3-b039-89b62f91e962", "=cmd| /C calc!A1")


def test_csv_streams_every_line_in_the_order_of_the_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "LINES_PER_READ", 2)
    keep_under_notice(api, 0, 1, 2)
    move_to(api, "2026-04-20T00:00:00Z")
    add_events(api, [(number, APRIL + number // 2) for number in range(5, 12)])
    found = lines_of(api, "2026-04")
    assert [line[1] for line in found if line[0] == "notice"] == devices(0, 1, 2)
    assert [line[1] for line in found if line[0] == "event"] == devices(*range(5, 12))
    totals = read(api, "2026-04")["totals"]
    for kind, name in (("license", "licenses"), ("notice", "noticeLicenses"), ("event", "events")):
        assert sum(int(line[4]) for line in found if line[0] == kind) == totals[name]


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("text/csv", True),
        ("text/csv;q=0.9, application/json;q=0.5", True),
        ("text/*, application/json;q=0.1", True),
        ("TEXT/CSV, */*;q=0.8", True),
        ("*/*", False),
        ("application/json", False),
        ("text/html, */*;q=0.8", False),
        ("text/csv;q=0, */*", False),
        ("text/csv;q=nonsense, application/json", False),
        ("", False),
    ],
)
def test_the_header_accept_chooses_between_json_and_csv(shared: Api, accept: str, is_csv: bool) -> None:
    path = f"/accounts/{ACCOUNT}/statements/2026-03"
    response = shared.control("GET", path, headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/csv" if is_csv else "application/json")
    assert response.headers["vary"] == "Accept" or "Accept" in response.headers["vary"]
    if is_csv:
        name = f'attachment; filename="statement-{ACCOUNT}-2026-03.csv"'
        assert response.headers["content-disposition"] == name
    chosen = shared.control("GET", f"{path}?format=json", headers={"Accept": "text/csv"})
    assert chosen.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"{ACCOUNT}/statements/2026-3", 400, "a month is written as in 2026-03, not '2026-3'"),
        (f"{ACCOUNT}/statements/2026-13", 400, "a month is written as in 2026-03"),
        (f"{ACCOUNT}/statements/march", 400, "a month is written as in 2026-03"),
        (f"{ACCOUNT}/statements/2026-02", 404, "has no statement for 2026-02: its records begin in 2026-03"),
        (f"{ACCOUNT}/statements/0000-01", 404, "has no statement for 0000-01"),
        (f"{ACCOUNT}/statements/2026-04", 404, "2026-04 has not begun yet"),
        (f"{ACCOUNT}/statements/9999-12", 404, "9999-12 has not begun yet"),
        (f"{ACCOUNT}/statements/2026-03?format=xml", 400, "format must be json or csv"),
        (f"{ACCOUNT}/statements/2026-03?limit=0", 400, "limit must be a whole number from 1 to 1000"),
        (f"{ACCOUNT}/statements/2026-03?after=-1", 400, "after must be a whole number"),
        (f"{ACCOUNT}/statements/2026-03?noticeAfter=1", 400, "noticeAfter must be 15 digits"),
        ("nobody/statements/2026-03", 404, "account nobody does not exist"),
        ("nobody/statements", 404, "account nobody does not exist"),
        ("no%00body/statements", 404, "does not exist"),
    ],
)
def test_a_statement_that_is_not_there_is_reported_in_words(shared: Api, path: str, status: int, words: str) -> None:
    response = shared.control("GET", f"/accounts/{path}")
    assert response.status_code == status, response.text
    assert words in response.json()["detail"]


def test_the_list_has_the_last_months_with_their_totals_newest_first(api: Api) -> None:
    keep_under_notice(api, 0)
    add_events(api, [(5, MARCH + 12 * DAY_MS)])
    move_to(api, "2026-05-01T00:00:00Z")
    found = api.control("GET", f"/accounts/{ACCOUNT}/statements").json()
    assert found == {
        "account": ACCOUNT,
        "statements": [
            {
                "month": month,
                "complete": complete,
                "purchaseType": "TS-HFOTA-MRC",
                "totals": {"licenses": licenses, "noticeLicenses": notice, "events": events},
            }
            for month, complete, licenses, notice, events in (
                ("2026-05", False, 0, 1, 0),
                ("2026-04", True, 0, 1, 0),
                ("2026-03", True, 5, 0, 1),
            )
        ],
    }
    for one in found["statements"]:
        assert read(api, one["month"])["totals"] == one["totals"]
    other = api.control("GET", f"/accounts/{OTHER}/statements").json()["statements"]
    assert [one["totals"] for one in other] == [{"licenses": 5, "noticeLicenses": 0, "events": 0}] * 3
    move_to(api, "2029-01-01T00:00:00Z")
    months = [one["month"] for one in api.control("GET", f"/accounts/{ACCOUNT}/statements").json()["statements"]]
    assert (len(months), months[0], months[-1]) == (24, "2029-01", "2027-02")


def test_a_past_months_statement_never_changes(api: Api) -> None:
    """Read as soon as the month has passed, and again after everything that can change has changed."""
    keep_under_notice(api, 0, 1, 2, 3)
    add_events(api, [(7, MARCH + 20 * DAY_MS)])
    kept: dict[str, list[bytes]] = {}

    def keep(*months: str) -> None:
        for month in months:
            for form in ("json", "csv"):
                path = f"/accounts/{ACCOUNT}/statements/{month}?format={form}"
                kept.setdefault(f"{month} {form}", []).append(api.control("GET", path).content)

    move_to(api, "2026-04-01T00:00:00Z")
    keep("2026-03")
    api.upgrade(0, "completed")
    api.subscribe(1)  # withdraws the oldest notice
    move_to(api, "2026-05-01T00:00:00Z")
    keep("2026-03", "2026-04")
    api.subscribe(2)
    api.upgrade(2, "failed")
    add_events(api, [(8, MAY)])
    move_to(api, "2026-06-20T00:00:00Z")
    keep("2026-03", "2026-04", "2026-05")
    api.upgrade(3, "completed")
    api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"purchaseType": "TS-HFOTA-EVNT"})
    move_to(api, "2027-06-20T00:00:00Z")
    keep("2026-03", "2026-04", "2026-05")
    assert {name: len(set(answers)) for name, answers in kept.items()} == dict.fromkeys(kept, 1)
    assert b'"complete":true' in kept["2026-03 json"][0]


def test_two_servers_that_do_the_same_write_the_same_statement(start: Callable[..., Api]) -> None:
    api = start()

    def play() -> list[bytes]:
        keep_under_notice(api, 2, 0, 1)
        move_to(api, "2026-04-03T00:00:00Z")
        api.upgrade(1, "completed")
        move_to(api, "2026-06-03T00:00:00Z")
        api.upgrade(2, "completed")
        paths = (f"/accounts/{ACCOUNT}/statements/2026-0{month}" for month in range(3, 7))
        return [api.control("GET", path).content for path in paths]

    first = play()
    assert api.control("POST", "/reset").status_code == 204
    api.sign_in()
    assert play() == first
