"""Changing the subscription: the preview, its confirmation, and that the change is what the preview showed."""

from __future__ import annotations

import csv
import io
import re

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, Api, device, devices

PAGE = f"/accounts/{ACCOUNT}/subscription"
MRC = "TS-HFOTA-MRC"


def preview(console: Browser, total: int | str, kind: str = MRC, status: int = 200) -> str:
    return console.get(f"{PAGE}?total={total}&purchaseType={kind}", status)


def confirm(console: Browser, page: str, name: str = ACCOUNT, status: int = 200) -> str:
    """Sends the preview's form."""
    fields = dict(re.findall(r'name="(total|purchaseType|mark)" value="([^"]*)"', page[page.index('id="preview"') :]))
    return console.post(PAGE, {**fields, "confirm": name}, status)


def used(api: Api) -> tuple[int, int, int]:
    pool = api.pool()
    return pool["licenseCount"], pool["licenseUsedCount"], pool["underNotice"]


def test_a_preview_lists_affected_devices_with_reasons_and_changes_nothing(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2, 3, 4)
    api.candidates(3)
    api.upgrade(0, "scheduled", "inProgress")
    api.upgrade(1, "scheduled")
    page = words_of(preview(console, 2))
    assert "From 5 licenses to 2. 3 licenses to remove: 2 now, 1 pending removal." in page
    assert f"1 {device(3)} subscription reduced; the device was on the cancellation candidate list 2026-03-10" in page
    assert f"3 {device(1)} subscription reduced; first assigned, first out" in page
    assert "1 license marked for removal on 2026-05-01 00:00:00" in page
    assert f"2 {device(0)} subscription reduced while its upgrade ran; first assigned, first out" in page
    assert f"1 scheduled upgrade canceled {device(1)}" in page
    assert f"type the account's name: {ACCOUNT}" in page
    assert used(api) == (5, 5, 0)


def test_the_change_is_what_the_preview_showed(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2, 3, 4)
    api.upgrade(0, "scheduled", "inProgress")
    page = confirm(console, preview(console, 2))
    assert notice_of(page) == (
        "Subscription changed to 2 licenses. 2 licenses reclaimed. 1 license marked for removal."
    )
    assert used(api) == (2, 3, 1)
    assert api.licensed() == devices(0, 3, 4)
    assert [entry["actor"] for entry in api.ledger()][-3:] == ["operator"] * 3
    api.assert_consistent()


def test_a_preview_that_does_not_hold_any_more_changes_nothing_and_shows_the_new_one(
    console: Browser, api: Api
) -> None:
    api.assign(0, 1, 2, 3, 4)
    old = preview(console, 2)
    api.remove(0)
    page = confirm(console, old, status=409)
    assert "The account has changed since the preview. Nothing was changed." in words_of(page)
    assert "2 licenses to remove" in words_of(page)
    assert used(api) == (5, 4, 0)
    confirm(console, page)
    assert used(api) == (2, 2, 0)
    assert api.licensed() == devices(3, 4)


@pytest.mark.parametrize("name", ["", "0242078689"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reduction_that_takes_licenses_needs_the_account_s_name(console: Browser, api: Api, name: str) -> None:
    api.assign(0, 1)
    page = confirm(console, preview(console, 1), name, 400)
    assert f"To confirm, type the account's name: {ACCOUNT}." in words_of(page)
    assert used(api) == (5, 2, 0)


def test_what_takes_nothing_needs_no_name_typed(console: Browser, api: Api) -> None:
    api.assign(0)
    page = preview(console, 9)
    assert "No device loses its license." in words_of(page)
    assert 'name="confirm"' not in page
    assert notice_of(confirm(console, page, "")) == "Subscription changed to 9 licenses."
    assert "No change: this is the current subscription." in words_of(preview(console, 9))
    assert used(api) == (9, 1, 0)


def test_raising_again_withdraws_notices(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    api.upgrade(0, "scheduled", "inProgress")
    api.subscribe(1)
    page = preview(console, 2)
    assert "1 pending removal canceled" in words_of(page)
    assert "1 pending removal canceled." in notice_of(confirm(console, page, ""))
    assert used(api) == (2, 2, 0)


def test_the_purchase_type_is_changed_too_and_the_periods_before_are_listed(console: Browser, api: Api) -> None:
    api.advance("P1D")
    page = confirm(console, preview(console, 7, "TS-HFOTA-EVNT,TS-HFOTA-MRC"), "")
    words = words_of(page[page.index("<h2>Previous subscriptions") :])
    assert "2026-03-11 12:00:00 7 TS-HFOTA-EVNT,TS-HFOTA-MRC 2026-03-10 12:00:00 5 TS-HFOTA-MRC" in words
    assert api.pool()["purchaseType"] == "TS-HFOTA-EVNT,TS-HFOTA-MRC"


@pytest.mark.parametrize(
    ("total", "kind", "words"),
    [
        ("many", MRC, "The number of licenses must be a whole number"),
        ("-1", MRC, "The number of licenses must be a whole number"),
        ("3", "TS-HFOTA-EVNT", "licenseCount must be 0"),
        ("3", "x", "The purchase type must be"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_choice_that_cannot_be_is_explained_beside_the_form(
    console: Browser, total: str, kind: str, words: str
) -> None:
    page = preview(console, total, kind, 400)
    assert words in words_of(page)
    assert 'id="total"' in page


def test_a_form_without_a_preview_is_refused(console: Browser) -> None:
    page = console.post(PAGE, {"total": "1", "purchaseType": MRC, "confirm": ACCOUNT}, 400)
    assert "Preview the change first." in words_of(page)


def test_all_devices_of_a_preview_are_in_its_file(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2)
    api.upgrade(0, "scheduled", "inProgress")
    api.upgrade(1, "scheduled")
    rows = list(csv.DictReader(io.StringIO(console.get(f"{PAGE}/preview.csv?total=1"))))
    assert [(row["place"], row["deviceId"], row["what"], row["upgradeCanceled"]) for row in rows] == [
        ("1", device(0), "notice", ""),
        ("2", device(1), "reclaimed", "yes"),
    ]
    assert rows[0]["noticeUntil"].startswith("2026-05-01")


def test_a_large_reduction_is_previewed_by_a_request_of_its_own(
    console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.console.accounts.subscriptions.DECIDED_AT_ONCE", 2)
    api.assign(0, 1, 2, 3)
    page = preview(console, 0)
    assert "Loading the preview." in words_of(page)
    assert 'hx-trigger="load"' in page
    page = console.get(f"{PAGE}?total=0&purchaseType={MRC}&decided=1")
    assert "4 licenses to remove" in words_of(page)
    confirm(console, page)
    assert used(api) == (0, 0, 0)
