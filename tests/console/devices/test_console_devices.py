"""The devices of an account: finding them by what is known of them, downloading and importing them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from html import unescape
from typing import Any

import pytest
from console_helpers import Browser, notice_of, words_of

from fotapool.console.app.forms import read_form
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, USER, Api

FIRST = 990_000_000_000_000
LIST = f"/accounts/{ACCOUNT}/devices"
MIXED: dict[str, Any] = {
    "clients": [{"key": KEY, "secret": SECRET}],
    "users": [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT]}],
    "accounts": [
        {
            "name": ACCOUNT,
            "licenseCount": 100,
            "devices": [
                {"first": f"{FIRST}", "count": 60, "make": "Verizon", "model": "Model-A", "firmware": "1"},
                {"first": f"{FIRST + 60}", "count": 20, "make": "Acme", "model": "Rare_1", "protocol": "HTTP"},
                {"deviceId": f"{FIRST + 90}", "make": "Acme", "model": "RareX1", "firmware": "9", "mdn": "5551234"},
                {"deviceId": f"{FIRST + 91}", "mdn": "5559999", "licensedAt": "unknown"},
            ],
            "fleet": [{"first": f"{FIRST}", "count": 10, "checkInEvery": "PT1H"}],
        }
    ],
}


@pytest.fixture
def world(start: Callable[..., Api]) -> Api:
    return start(MIXED)


@pytest.fixture
def console(world: Api) -> Browser:
    return Browser(world)


def shown(page: str) -> list[int]:
    return [int(text) - FIRST for text in re.findall(r'/devices/(\d{15})">', page)]


def assign(api: Api, numbers: Sequence[int]) -> None:
    body = {"deviceList": [f"{FIRST + number:015d}" for number in numbers]}
    assert api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", body).status_code == 200


def test_devices_are_listed_by_imei_page_by_page(console: Browser) -> None:
    page = console.get(LIST)
    assert shown(page) == list(range(50))
    following = re.search(r'href="(\?[^"]+)" rel="next"', page)
    assert following
    second = console.get(LIST + following[1])
    assert shown(second) == [*range(50, 80), 90, 91]
    assert "First page" in words_of(second)


FILTERED: list[tuple[str, list[int]]] = [
    ("imei=99000000000000", list(range(10))),
    ("imei=990000000000091", [91]),
    ("imei=1", []),
    ("mdn=555", [90, 91]),
    ("mdn=5559999", [91]),
    ("mdn=555&make=acme", [90]),
    ("mdn=%25", []),
    ("make=acm", [*range(60, 80), 90]),
    ("model=rare_1", list(range(60, 80))),
    ("model=rare&firmware=9", [90]),
    ("protocol=HTTP", list(range(60, 80))),
    ("make=nobody", []),
    ("license=licensed", [1, 2, 70]),
    ("license=licensed&make=acme", [70]),
    ("license=unlicensed&make=acme", [*range(60, 70), *range(71, 80), 90]),
    ("license=notice", [2]),
    ("license=notice&make=acme", []),
    ("license=candidate", [2, 5, 70]),
    ("license=candidate&mdn=5", []),
    ("seen=day&imei=99000000000000", list(range(10))),
    ("seen=never&make=acme", [*range(60, 80), 90]),
    ("seen=not-week&imei=99000000000000", []),
]


def test_each_filter_finds_what_it_names_and_several_find_what_fits_all(world: Api, console: Browser) -> None:
    assign(world, [1, 2, 3, 70])
    world.control("PUT", f"/accounts/{ACCOUNT}/devices/{FIRST + 2}/upgrade", {"status": "inProgress"})
    body = {"deviceList": [f"{FIRST + number:015d}" for number in (2, 3)]}
    world.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", body)
    world.subscribe(3)
    world.subscribe(2)
    body = {"deviceList": [f"{FIRST + number:015d}" for number in (2, 5, 70)]}
    world.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", body)
    world.advance("PT3H")
    for query, found in FILTERED:
        assert (query, shown(console.get(f"{LIST}?{query}"))) == (query, found)


def test_a_step_that_looked_at_many_devices_in_vain_says_so_and_goes_on(
    console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.services.devices.search.SCAN", 30)
    page = console.get(f"{LIST}?license=unlicensed&make=acme")
    assert "30 devices searched, up to 990000000000029. Search more" in words_of(page)
    seen: list[int] = []
    for _ in range(5):
        seen += shown(page)
        onward = re.search(r'href="(\?[^"]*after=\d+)"', page)
        if onward is None:
            break
        page = console.get(LIST + onward[1].replace("&amp;", "&"))
    assert seen == [*range(60, 80), 90]


def test_the_contact_of_simulated_devices_is_looked_at_step_by_step_too(
    world: Api, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.services.devices.search.CONTACT_SCAN", 8)
    world.advance("PT3H")
    page = console.get(f"{LIST}?seen=day&after={FIRST + 3}")
    assert shown(page) == [4, 5, 6, 7, 8, 9]
    assert "8 devices searched" in words_of(page)


def test_many_matching_mdns_are_not_all_looked_at(console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fotapool.services.devices.search.MDN_MATCHES", 1)
    page = console.get(f"{LIST}?mdn=555")
    assert shown(page) == [90]
    assert "Enter more digits." in words_of(page)


def test_a_row_says_what_is_known_of_the_license(world: Api, console: Browser) -> None:
    row = words_of(console.get(f"{LIST}?imei={FIRST + 91}"))
    assert "990000000000091 LWM2M 5559999 since an unknown time none never" in row


def test_a_filter_that_makes_no_sense_is_refused(console: Browser) -> None:
    for query, words in (
        ("imei=99x", "IMEI must be up to 15 digits"),
        ("license=some", "License must be one of licensed"),
        ("seen=once", "Seen must be one of day"),
        ("protocol=TCP", "Protocol must be one of"),
        ("after=x", "After must be a whole number"),
    ):
        assert words in words_of(console.get(f"{LIST}?{query}", status=400))


def test_what_was_found_is_downloaded(console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = list(csv.DictReader(io.StringIO(console.get(f"/accounts/{ACCOUNT}/devices.csv?mdn=555"))))
    assert [row["deviceId"] for row in rows] == ["990000000000090", "990000000000091"]
    assert rows[1]["licensedAt"] == "unknown"
    monkeypatch.setattr("fotapool.console.devices.devices.DOWNLOAD_ROWS", 7)
    assert len(console.get(f"/accounts/{ACCOUNT}/devices.csv").splitlines()) == 83
    monkeypatch.setattr("fotapool.console.devices.devices.MAX_DOWNLOADED", 10)
    assert len(console.get(f"/accounts/{ACCOUNT}/devices.csv").splitlines()) == 11


def send(console: Browser, content: str, status: int = 200) -> str:
    return console.post(f"{LIST}/import", {}, files={"file": ("my.csv", content.encode())}, status=status)


def test_a_file_is_imported_whatever_of_the_three_kinds_it_is(console: Browser) -> None:
    csv_text = "deviceId,make,licensed\n490154203237518,New,true\n"
    assert notice_of(send(console, csv_text)) == "1 device imported, 1 newly licensed."
    row = words_of(console.get(f"{LIST}?imei=490154203237518"))
    assert "490154203237518 New LWM2M since 2026-03-10" in row
    line = {"deviceId": "490154203237518", "make": "Newer"}
    for content in ("\ufeff" + json.dumps(line), json.dumps([line])):
        assert notice_of(send(console, content)) == "1 device imported, 0 newly licensed."


def test_invalid_lines_are_listed_with_their_numbers_and_valid_ones_imported(console: Browser) -> None:
    page = words_of(
        send(console, "deviceId,protocol\n490154203237518,HTTP\n123,HTTP\n490154203237517,TCP\n111111111111111,")
    )
    assert "my.csv: 4 lines, 2 imported (0 newly licensed, 1 with a warning), 2 failed." in page
    assert "3 123 deviceId '123' has 3 digits; an IMEI has 15" in page
    assert "5 111111111111111 the check digit is wrong" in page
    assert shown(console.get(f"{LIST}?imei=49")) == [490154203237518 - FIRST]


def test_failed_lines_are_downloaded_as_a_file_that_can_be_sent_again(console: Browser) -> None:
    page = send(console, "IMEI;Site\n123;Köln\n")
    found = re.search(r'action="/console(\S+)">\s*<input[^>]*>\s*<input type="hidden" name="csv" value="([^"]*)"', page)
    assert found is not None
    response = console.http.post(f"/console{found[1]}", data={"csrf": console.csrf, "csv": unescape(found[2])})
    assert response.headers["content-disposition"] == 'attachment; filename="failed-lines.csv"'
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(response.text))
    assert (row["line"], row["value"], row["Site"]) == ("2", "123", "Köln")
    mended = response.text.replace(",123,Köln", ",490154203237518,Köln")
    assert notice_of(send(console, mended)) == "1 device imported, 0 newly licensed. Columns ignored: Site."


def test_of_many_bad_lines_the_first_are_shown(console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    page = words_of(send(console, "deviceId\n" + "1\n" * 150))
    assert "First 100 of 150. The file of failed lines has all." in page
    monkeypatch.setattr("fotapool.domain.devices.failed_lines.MAX_FAILED_LINES", 120)
    assert "The file of failed lines has all but 30." in words_of(send(console, "deviceId\n" + "1\n" * 150))


def test_a_file_that_breaks_off_says_what_was_kept(console: Browser) -> None:
    page = words_of(send(console, '[{"deviceId": "490154203237518"}, {"deviceId": '))
    assert "The rest of my.csv could not be read: the JSON array is not complete" in page
    assert "1 devices before that were kept" in page


def test_a_file_that_is_no_text_is_refused_with_what_to_do(console: Browser) -> None:
    page = words_of(send(console, "PK\x03\x04", status=400))
    assert "my.csv could not be read: the file is an Excel workbook" in page
    assert "before that" not in page


def test_a_form_over_a_limit_is_answered_with_a_page_that_names_it(
    console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.console.app.routes.read_form", partial(read_form, max_text_bytes=2048))
    page = words_of(console.post(f"/accounts/{ACCOUNT}/licenses", {"list": "9" * 4096}, status=413))
    assert "Request body is over the limit: a file may have 64 MiB, a text 2 KiB. Nothing was changed." in page
    assert "All accounts" in page


def test_without_a_file_there_is_nothing_to_import(console: Browser) -> None:
    assert "Choose a file of devices" in words_of(console.post(f"{LIST}/import", {}, status=400))


def test_an_account_without_devices_offers_to_import_some(world: Api, console: Browser) -> None:
    world.control("POST", "/accounts", {"name": "empty"})
    assert "This account has no devices: import them from a file" in words_of(console.get("/accounts/empty/devices"))
