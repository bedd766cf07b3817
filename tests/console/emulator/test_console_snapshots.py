"""The snapshot page: create and restore snapshots, copy an account."""

from __future__ import annotations

import json
from typing import Any

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, SEED, Api

SNAPSHOTS = "/emulator/snapshots"


def restore(console: Browser, content: bytes, status: int = 200, **fields: str) -> str:
    return console.post(f"{SNAPSHOTS}/restore", fields, status, files={"file": ("before.json", content)})


def test_a_snapshot_is_downloaded_and_put_back(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    taken = console.http.post(f"/console{SNAPSHOTS}/download", data={"csrf": console.csrf})
    assert taken.headers["content-disposition"] == 'attachment; filename="fotapool-2026-03-10T120000.json"'
    assert taken.content == api.control("GET", "/snapshot").content
    api.assign(2)
    api.advance("P1D")
    page = restore(console, taken.content, sure="1")
    assert notice_of(page).startswith("before.json restored")
    assert "test clock 2026-03-10 12:00:00" in words_of(page)
    assert api.pool()["licenseUsedCount"] == 2
    assert api.control("GET", "/snapshot").content == taken.content


def test_a_seed_document_is_put_in_place_too(console: Browser, api: Api) -> None:
    restore(console, json.dumps({"accounts": [{"name": "other", "licenseCount": 3}]}).encode(), sure="1")
    assert [one["name"] for one in api.control("GET", "/accounts").json()["accounts"]] == ["other"]


@pytest.mark.parametrize(
    ("content", "fields", "words"),
    [
        (b"{}", {}, "tick the box"),
        (b"", {"sure": "1"}, "the body is empty"),
        (b"{", {"sure": "1"}, "Nothing was replaced"),
        (b'{"accounts": [{"name": "no/slash"}]}', {"sure": "1"}, "is no account name"),
    ],
)
def test_a_file_that_cannot_be_put_back_says_why_and_changes_nothing(
    console: Browser, api: Api, content: bytes, fields: dict[str, str], words: str
) -> None:
    api.assign(0)
    page = restore(console, content, 400, **fields)
    assert words in notice_of(page)
    assert api.pool()["licenseUsedCount"] == 1


def test_without_a_file_the_page_asks_for_one(console: Browser) -> None:
    assert "choose a file" in notice_of(console.post(f"{SNAPSHOTS}/restore", {"sure": "1"}, 400))


def test_an_account_is_copied_under_another_name(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    console.post(f"{SNAPSHOTS}/copy", {"account": ACCOUNT, "name": "copy-1", "users": "1"})
    assert api.pool("copy-1")["licenseUsedCount"] == 2
    assert len(api.licensed("copy-1")) == 2
    page = console.post(f"{SNAPSHOTS}/copy", {"account": ACCOUNT, "name": "copy-1"}, 400)
    assert "account copy-1 exists already" in notice_of(page)
    assert 'value="copy-1"' in page
    page = console.post(f"{SNAPSHOTS}/copy", {"account": "nobody", "name": "copy-2"}, 400)
    assert "account nobody does not exist" in notice_of(page)
    assert "name must be" in notice_of(console.post(f"{SNAPSHOTS}/copy", {"account": ACCOUNT, "name": "a b"}, 400))


def test_only_administrators_have_the_hashes_of_passwords(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "ford", "role": "editor"}).json()["key"]
    ford = Browser(api, key)
    page = words_of(ford.get(SNAPSHOTS))
    assert "needs the role admin" in page
    assert "Download snapshot" not in page
    ford.post(f"{SNAPSHOTS}/download", {}, status=403)
    ford.post(f"{SNAPSHOTS}/restore", {"sure": "1"}, status=403)
    ford.post(f"{SNAPSHOTS}/copy", {"account": ACCOUNT, "name": "copy-1"})


def test_a_seed_s_account_is_offered_for_a_copy_by_a_link(console: Browser) -> None:
    seed: dict[str, Any] = SEED["accounts"][0]
    assert f'value="{seed["name"]}"' in console.get(f"{SNAPSHOTS}?account={seed['name']}")
