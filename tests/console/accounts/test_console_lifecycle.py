"""Name and notes of an account in the console."""

from __future__ import annotations

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, Api

PAGE = f"/accounts/{ACCOUNT}"


def test_name_and_notes_are_edited_and_shown(console: Browser, api: Api) -> None:
    form = {"displayName": "Heart of <Gold>", "notes": "one\r\n<b>two</b>"}
    page = console.post(f"{PAGE}/description", form)
    assert notice_of(page) == "Account changed."
    assert f"{ACCOUNT} (Heart of <Gold>)" in words_of(page)
    assert "<p>&lt;b&gt;two&lt;/b&gt;</p>" in page
    assert "Heart of <Gold>" in words_of(console.get("/pools?search=of+%3Cgold"))
    assert "Heart of <Gold>, active" in words_of(console.get("/search?q=heart"))
    assert "control characters" in console.post(f"{PAGE}/description", {"displayName": "a\x07"}, 400)
    assert api.pool()["notes"] == "one\n<b>two</b>"


def test_the_licenses_of_a_large_account_are_counted_after_the_page(
    console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.console.accounts.closing.DECIDED_AT_ONCE", 1)
    api.assign(0, 1)
    page = words_of(console.get(f"{PAGE}/close"))
    assert "Counting what would end" in page
    assert "Licenses that end now" not in page
    assert "Licenses that end now 2" in words_of(console.get(f"{PAGE}/close?counted=1"))


def test_an_account_is_closed_after_its_name_was_typed(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    page = words_of(console.get(f"{PAGE}/close"))
    assert "Licenses that end now 2" in page
    assert "type the account's name" in words_of(console.post(f"{PAGE}/close", {"confirm": "close"}, 400))
    assert api.pool()["status"] == "active"
    page = words_of(console.post(f"{PAGE}/close", {"confirm": ACCOUNT}))
    assert "This account is closed." in page
    assert "Suspend account" not in page
    assert "Subscribe to licenses" not in page
    console.get(f"{PAGE}/close", 409)
    console.post(f"{PAGE}/status", {"status": "active"}, 409)
    assert f"{ACCOUNT} Closed" in words_of(console.get("/pools"))
