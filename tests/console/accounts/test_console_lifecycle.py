"""Name and notes of an account in the console."""

from __future__ import annotations

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
