"""The pages of the ledger: entries and changes, filters, the export."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from console_helpers import Browser, notice_of, words_of

from fotapool.services.licenses import ledger_views
from support.helpers import ACCOUNT, USER, Api, device, devices

PAGE = f"/accounts/{ACCOUNT}/ledger"


def entries(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<tr>\s*<td class="number">(\d+)</td>', page)]


@pytest.fixture
def world(api: Api) -> Api:
    """Three licenses on 10 March, one removed on the 12th, a reduction to 1 on the 13th."""
    api.assign(0, 1, 2)
    api.advance("P2D")
    api.sign_in()
    api.remove(1)
    api.advance("P1D")
    api.subscribe(1)
    return api


def test_an_empty_ledger_says_what_to_do(console: Browser) -> None:
    assert "The ledger is empty. Assign licenses" in words_of(console.get(PAGE))
    assert "import devices (lines 20) seed" in words_of(console.get(PAGE + "/changes"))
    console.post("/pools", {"name": "new", "purchaseType": "TS-HFOTA-MRC"})
    assert "No changes yet." in words_of(console.get("/accounts/new/ledger/changes"))


def test_entries_say_who_when_and_why_with_the_count_before_and_after(world: Api, console: Browser) -> None:
    page = console.get(PAGE)
    assert entries(page) == [5, 4, 3, 2, 1]
    words = words_of(page)
    assert f"5 2026-03-13 12:00:00 {device(0)} reclaimed subscription reduced from 5 to 1; first assigned" in words
    assert "2 → 1" in words
    assert f"4 2026-03-12 12:00:00 {device(1)} removed requested by the user {USER}" in words


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (f"device={device(0)}", [5, 1]),
        ("what=assigned", [3, 2, 1]),
        ("what=reclaimed", [5]),
        ("who=operator", [5]),
        (f"who={USER}&since=2026-03-11", [4]),
        ("until=2026-03-10", [3, 2, 1]),
        ("since=2026-03-14", []),
        ("since=2026-03-12&until=2026-03-12", [4]),
        (f"device={device(0)}&since=2026-03-11", [5]),
        ("who=nobody", []),
    ],
)
def test_entries_are_filtered_and_exported_alike(world: Api, console: Browser, query: str, numbers: list[int]) -> None:
    page = console.get(f"{PAGE}?{query}")
    assert entries(page) == numbers
    rows = list(csv.reader(io.StringIO(console.get(f"{PAGE}/entries.csv?{query}"))))
    assert [int(row[0]) for row in rows[1:]] == numbers
    if not numbers:
        assert "No entries match. Show all" in words_of(page)


def test_one_request_s_entries_are_a_link_away(world: Api, console: Browser) -> None:
    request: Any = world.ledger()[0]["requestId"]
    page = console.get(PAGE)
    assert f'?request={request}"' in page
    assert entries(console.get(f"{PAGE}?request={request}")) == [3, 2, 1]


def test_changes_that_touched_no_license_are_listed_too(world: Api, console: Browser) -> None:
    world.sign_in()
    world.candidates(0)
    page = words_of(console.get(PAGE + "/changes"))
    assert f"5 2026-03-13 12:00:00 replace candidates (count 1) {USER}" in page
    assert "4 2026-03-13 12:00:00 change subscription from 5 to 1 operator" in page
    assert "No changes match" in words_of(console.get(PAGE + "/changes?since=2026-03-14"))
    assert entries(console.get(PAGE + "/changes?who=operator")) == [4]
    assert entries(console.get(PAGE + "/changes?until=2026-03-12")) == [3, 2, 1]


def test_the_ledger_is_paged_by_number(world: Api, console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fotapool.console.licenses.ledger.ROWS", 2)
    assert '?before=4" rel="next"' in console.get(PAGE)
    assert entries(console.get(PAGE + "?before=4")) == [3, 2]
    assert entries(console.get(PAGE + "/changes?before=2")) == [1]
    monkeypatch.setattr(ledger_views, "SCAN_LIMIT", 2)
    page = console.get(PAGE + "?what=assigned")
    assert "No match in the 2 entries searched. Search more" in words_of(page)
    assert entries(console.get(PAGE + "?what=assigned&before=4")) == [3, 2]
    monkeypatch.setattr(ledger_views, "ROWS_PER_READ", 1)
    rows = list(csv.reader(io.StringIO(console.get(f"{PAGE}/entries.csv?what=assigned"))))
    assert [row[0] for row in rows] == ["number", "3", "2", "1"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("device=12", "Device must be an IMEI of 15 digits, not '12'."),
        ("what=odd", "What must be one of"),
        ("since=yesterday", "Since must be a date as in 2026-03-01"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_filter_that_makes_no_sense_says_how_it_is_written(console: Browser, query: str, words: str) -> None:
    assert words in words_of(console.get(f"{PAGE}?{query}", status=400))


def test_a_reduction_is_undone_from_the_ledger(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2)
    api.subscribe(1)
    api.subscribe(5)
    page = console.get(f"{PAGE}/changes")
    (action,) = re.findall(rf'action="/console({PAGE}/changes/\d+/undo)"', page)
    number = int(action.split("/")[-2])
    assert "Restores 2 licenses with the old assignment times" in words_of(page)
    assert f'href="/console{PAGE}/changes?before={number + 1}">undo</a>' in console.get(PAGE)
    page = console.post(action, {})
    assert notice_of(page) == f"Change {number} undone: 2 licenses restored."
    assert "/undo" not in page
    assert f"undo reduction (undone {number})" in words_of(page)
    assert api.licensed() == devices(0, 1, 2)
    assert f"change {number}, which took it, was undone" in words_of(console.get(PAGE))
    assert "was undone by change" in words_of(console.post(action, {}, 409))
    console.post(f"{PAGE}/changes/99/undo", {}, 404)
    api.assert_consistent()
