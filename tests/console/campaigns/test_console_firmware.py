"""Firmware in the console: the list and its form, the page of a package, and an account's configuration files."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from campaigning import FLEET, PACKAGE, schedule
from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, SEED, Api

FORM = {
    "firmwareName": "New_1To2",
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
    "protocol": "HTTP",
    "platformId": "IoT",
    "launchDate": "2026-02-01",
    "releaseNote": "Fixes.\r\nMore.",
    "proven": "",
}
PILOT_NOT_PASSED = "Pilot not passed (at most 20 devices)"


def package(name: str, **members: Any) -> dict[str, Any]:
    versions = {"fromVersion": "1", "toVersion": "2"}
    return {"firmwareName": name, "make": "Verizon", "model": "Model-A", **versions, **members}


def viewer_of(api: Api) -> Browser:
    return Browser(api, api.control("POST", "/operators", {"name": "watcher", "role": "viewer"}).json()["key"])


def test_without_packages_the_page_says_what_one_is_and_offers_the_form(console: Browser, api: Api) -> None:
    page = console.get("/firmware")
    assert "No packages A package takes devices of one make and model from one version to another" in words_of(page)
    assert '<details class="more" open>' in page
    assert re.search(r'<h2 class="nav-heading">Administration</h2>\s*<ul>\s*<li><a href="/console/firmware"', page)
    assert "<form method" not in viewer_of(api).get("/firmware").partition("<main")[2]


def test_a_package_is_created_and_shown(console: Browser, api: Api) -> None:
    page = console.post("/firmware", FORM)
    assert notice_of(page) == "Package New_1To2 created. Next: upload its content."
    created = api.control("GET", "/firmware/New_1To2").json()
    assert {name: created[name] for name in FORM if name not in ("launchDate", "releaseNote", "proven")} == {
        name: FORM[name] for name in FORM if name not in ("launchDate", "releaseNote", "proven")
    }
    assert (created["launchDate"], created["releaseNote"], created["proven"]) == (
        "2026-02-01T00:00:00.000Z",
        "Fixes.\nMore.",
        False,
    )
    assert "Verizon Model-A 1 → 2 HTTP" in words_of(page)
    row = words_of(console.get("/firmware"))
    assert f"New_1To2 Verizon Model-A 1 → 2 HTTP 2026-02-01 {PILOT_NOT_PASSED} 0 0 none" in row


def test_a_wrong_field_has_its_error_and_what_was_typed_is_kept(console: Browser, api: Api) -> None:
    api.control("POST", "/firmware", package("there"))
    for changed, field, says, status in (
        ({"firmwareName": "a/b"}, "firmwareName", "Name must not be . or .. nor hold a slash", 400),
        ({"firmwareName": "there"}, "firmwareName", "Firmware there exists already.", 409),
        ({"make": ""}, "make", "Make must be 1 to 200 printable characters.", 400),
        ({"toVersion": "1"}, "fromVersion", "From version and to version must differ.", 400),
        ({"protocol": "NONE"}, "protocol", "Protocol must be LWM2M, OMADM or HTTP, not 'NONE'.", 400),
        ({"launchDate": "soon"}, "launchDate", "Launch date must be a time like", 400),
        ({"releaseNote": "x" * 4001}, "releaseNote", "Release note must be at most 4000 characters", 400),
    ):
        page = console.post("/firmware", {**FORM, "proven": "1", **changed}, status)
        assert "No package was created." in words_of(page)
        described = re.search(rf'<span class="error" id="{field}-help">(.*?)</span>', page, re.DOTALL)
        assert described is not None
        assert words_of(described[1]).startswith(says)
        assert page.count('class="error"') == 1
        kept = {**FORM, **changed}
        for name in ("firmwareName", "make", "model", "fromVersion", "toVersion", "platformId", "launchDate"):
            assert f'name="{name}" value="{kept[name]}"' in page
        assert 'value="1" checked' in page


def test_packages_are_listed_in_pages_by_name(start: Callable[..., Api]) -> None:
    seeded = [package(f"p{number:03}") for number in range(60)]
    console = Browser(start({**SEED, "firmware": seeded}))
    page = console.get("/firmware")
    assert re.findall(r">(p\d+)</a>", page) == [f"p{number:03}" for number in range(50)]
    following = re.search(r'<a href="([^"]+)" rel="next">', page)
    assert following is not None
    assert re.findall(r">(p\d+)</a>", console.get(f"/firmware{following[1]}"))[-1] == "p059"
    assert "No packages after zzz." in words_of(console.get("/firmware?after=zzz"))


def test_content_is_uploaded_replaced_and_its_loss_is_said(start: Callable[..., Api], tmp_path: Path) -> None:
    storage = tmp_path / "files"
    api = start({**SEED, "firmware": [package("one")]}, storage=storage.as_uri(), max_file_bytes=1000)
    console = Browser(api)
    assert "This package has no content" in words_of(console.get("/firmware/one"))
    page = console.post("/firmware/one/content", {}, files={"content": ("image.bin", b"firmware")})
    assert notice_of(page) == "Content of 8 bytes uploaded."
    assert f"Size 8 bytes SHA-256 {hashlib.sha256(b'firmware').hexdigest()}" in words_of(page)
    assert "none" not in words_of(console.get("/firmware")).partition(PILOT_NOT_PASSED)[2]
    for content, status, says in (
        (b"x" * 1001, 413, "The file is too large: a content may have 1,000 bytes."),
        (b"", 400, "The content is empty."),
    ):
        page = console.post("/firmware/one/content", {}, status, files={"content": ("image.bin", content)})
        assert f"{says} Nothing was changed." in words_of(page)
    assert "Choose the file that devices download." in words_of(console.post("/firmware/one/content", {}, 400))
    for path in storage.rglob("*"):
        if path.is_file():
            path.unlink()
    assert "The content is lost" in words_of(console.get("/firmware/one"))
    assert "Storage Lost" in words_of(console.get("/firmware/one"))
    shutil.rmtree(storage)
    storage.write_text("a file where the directory is to be")
    page = console.post("/firmware/one/content", {}, 503, files={"content": ("image.bin", b"x")})
    assert "The storage of contents is not available. Nothing was changed." in words_of(page)


def test_release_note_and_pilot_rule_are_changed_and_a_package_is_deleted(start: Callable[..., Api]) -> None:
    api = start({**SEED, "firmware": [package("a b?")]})
    console, path = Browser(api), "/firmware/a%20b%3F"
    assert notice_of(console.post(f"{path}/release-note", {"releaseNote": "one\r\ntwo"})) == "Release note changed."
    assert api.control("GET", path).json()["releaseNote"] == "one\ntwo"
    page = console.post(f"{path}/release-note", {"releaseNote": "x" * 4001}, 400)
    assert "Release note must be at most 4000 characters" in words_of(page)
    assert "x" * 4001 in page
    assert PILOT_NOT_PASSED in words_of(console.get(path))
    page = words_of(console.post(f"{path}/pilot-rule", {"lifted": "1"}))
    assert "Pilot rule lifted: campaigns may have any number of devices." in page
    assert "Allowed by operator" in page
    assert "Restore pilot rule" in page
    assert PILOT_NOT_PASSED in words_of(console.post(f"{path}/pilot-rule", {}))
    assert "Delete a b?" not in viewer_of(api).get(path)
    assert notice_of(console.post(f"{path}/delete", {"name": "a b?"})) == "Package a b? deleted."
    console.get(path, 404)


def test_a_package_shows_its_campaigns_and_stays(start: Callable[..., Api]) -> None:
    api = start({**FLEET, "firmware": [*FLEET["firmware"], package("other")]})
    api.sign_in()
    campaign = schedule(api)
    api.advance("P3D")
    console, path = Browser(api), f"/firmware/{PACKAGE}"
    page = console.get(path)
    assert f'href="/console/accounts/{ACCOUNT}/campaigns/{campaign}">North</a>' in page
    words = words_of(page)
    assert "Pilot passed" in words
    assert "Campaigns install this package, or have installed it." in words
    assert f'action="/console{path}/delete"' not in page
    refused = words_of(console.post(f"{path}/delete", {"name": PACKAGE}, 409))
    assert f"A campaign installs firmware {PACKAGE}, or did; it has to stay for its history." in refused
    assert "No campaign installs this package." in words_of(console.get("/firmware/other"))
    listed = console.get(f"/campaigns?package={PACKAGE}")
    assert f'href="/console{path}"' in listed
    assert campaign in listed
    assert campaign not in console.get("/campaigns?package=other")
    console.get("/campaigns?package=none", 404)
    assert f'href="/console{path}">{PACKAGE}</a>' in console.get(f"/accounts/{ACCOUNT}/campaigns/{campaign}")


def upload(api: Api, name: str, version: str) -> None:
    form = {"fileVersion": version, "make": "M", "model": "N", "localTargetPath": "/x"}
    answer = api.call("POST", f"/v2/files/{ACCOUNT}", data=form, files={"fileupload": (name, b"12345")})
    assert answer.status_code == 200, answer.text


def test_files_of_an_account_are_listed_in_pages(console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/accounts/{ACCOUNT}/files"
    assert "No files yet." in words_of(console.get(path))
    assert f'href="/console{path}"' in console.get(f"/accounts/{ACCOUNT}/campaigns")
    api.sign_in()
    for name, version in (("b", "1"), ("a", "2"), ("a", "1")):
        upload(api, name, version)
    monkeypatch.setattr("fotapool.console.packages.files.ROWS", 2)
    page = console.get(path)
    assert re.findall(r"configfile-M_N_(\w)</th>\s*<td[^>]*>(\d)", page) == [("a", "1"), ("a", "2")]
    assert "M N /x 5 2026-03-10 12:00:00 0 0" in words_of(page)
    following = re.search(r'<a href="([^"]+)" rel="next">', page)
    assert following is not None
    assert re.findall(r"configfile-M_N_(\w)", console.get(path + following[1])) == ["b"]
    assert api.control("GET", f"/accounts/{ACCOUNT}/files?limit=2").json()["hasMoreData"]
