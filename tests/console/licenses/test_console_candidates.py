"""The page of removal candidates: the list, each change, each rejection; the removal order at a given total."""

from __future__ import annotations

import re
from typing import Any

import pytest
from console_helpers import Browser, notice_of, words_of

from fotapool.services.licenses import candidate_views
from support.helpers import ACCOUNT, Api, device, devices

PAGE = f"/accounts/{ACCOUNT}/candidates"


def shown(page: str) -> list[str]:
    return re.findall(r'data-device="(\d+)"', page)


def mark_of(page: str) -> str:
    found = re.search(r'name="mark" value="(\w+)"', page)
    assert found is not None
    return found[1]


def act(console: Browser, act: str, status: int = 200, mark: str | None = None, query: str = "", **more: Any) -> str:
    mark = mark or mark_of(console.get(PAGE + query))
    return console.post(f"{PAGE}/order{query}", {"act": act, "mark": mark, **more}, status)


def give(console: Browser, how: str, text: str, status: int = 200) -> str:
    return console.post(PAGE, {"how": how, "list": text, "mark": mark_of(console.get(PAGE))}, status)


def on_list(api: Api) -> list[str]:
    found: list[str] = api.call("GET", f"/v2/licenses/{ACCOUNT}/cancel").json()["deviceList"]
    return found


def test_an_empty_list_says_what_follows_and_takes_devices(console: Browser, api: Api) -> None:
    api.assign(1, 2)
    page = console.get(PAGE)
    assert "0 removal candidates" in words_of(page)
    assert "a subscription reduction removes the oldest licenses first" in words_of(page)
    page = give(console, "append", "\n".join([*devices(2, 1, 3), "123456789012345", "x"]))
    assert notice_of(page) == "4 devices added. 1 line skipped."
    assert "1 is not a device of the account. 1 has no license." in words_of(page)
    assert "5 'x' is not an IMEI of 15 digits" in words_of(page)
    assert "line,value,reason,deviceId" in page
    page = console.get(PAGE)
    assert shown(page) == [*devices(2, 1, 3), "123456789012345"]
    assert "not a device of this account" in words_of(page)
    assert "since 2026-03-10" in words_of(page)
    assert on_list(api) == [*devices(2, 1, 3), "123456789012345"]


def test_a_list_is_extended_replaced_and_emptied(console: Browser, api: Api) -> None:
    api.candidates(1, 2)
    assert shown(give(console, "append", "\n".join(devices(2, 3)))) == devices(1, 2, 3)
    file = console.get(f"{PAGE}/list.csv")
    assert file.splitlines() == ["place,deviceId", *[f"{n},{one}" for n, one in enumerate(devices(1, 2, 3), 1)]]
    assert shown(give(console, "replace", "\n".join(devices(5, 4)))) == devices(5, 4)
    page = console.post(f"{PAGE}/empty", {"mark": mark_of(console.get(PAGE))})
    assert notice_of(page) == "List cleared."
    assert on_list(api) == []
    assert shown(give(console, "append", file)) == devices(1, 2, 3)


@pytest.mark.parametrize(
    ("action", "after"),
    [
        (f"up {device(2)}", (2, 1, 3)),
        (f"down {device(2)}", (1, 3, 2)),
        (f"top {device(3)}", (3, 1, 2)),
        (f"bottom {device(1)}", (2, 3, 1)),
        (f"remove {device(2)}", (1, 3)),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_button_moves_or_removes_a_device(console: Browser, api: Api, action: str, after: tuple[int, ...]) -> None:
    api.candidates(1, 2, 3)
    page = act(console, action)
    assert action.split()[1] in notice_of(page)
    assert shown(page) == on_list(api) == devices(*after)


def test_the_order_of_a_page_is_saved_at_once(console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate_views, "CANDIDATES_SHOWN", 3)
    monkeypatch.setattr("fotapool.console.licenses.candidates.CANDIDATES_SHOWN", 3)
    api.candidates(0, 1, 2, 3, 4, 5, 6)
    page = console.get(f"{PAGE}?page=2")
    assert shown(page) == devices(3, 4, 5)
    assert "Page 2 of 3" in words_of(page)
    page = act(console, "order", query="?page=2", order=" ".join(devices(5, 3)))
    assert notice_of(page) == "Order saved."
    assert on_list(api) == devices(0, 1, 2, 5, 3, 6)
    act(console, f"top {device(6)}", query="?page=2")
    assert on_list(api) == devices(6, 0, 1, 2, 5, 3)
    assert "no page 9" in words_of(console.get(f"{PAGE}?page=9"))


def test_what_was_shown_is_changed_or_nothing_is(console: Browser, api: Api) -> None:
    api.candidates(1, 2, 3)
    mark = mark_of(console.get(PAGE))
    api.candidates(3, 2, 1)
    for changed in (f"up {device(3)}", "order", f"remove {device(1)}"):
        page = act(console, changed, 409, mark, order=" ".join(devices(2, 1, 3)))
        assert "The list was changed by someone else." in words_of(page)
        assert shown(page) == devices(3, 2, 1)
    console.post(f"{PAGE}/empty", {"mark": mark}, 409)
    page = console.post(PAGE, {"how": "append", "list": device(7), "mark": mark}, 409)
    assert device(7) in page
    assert on_list(api) == devices(3, 2, 1)


def test_forms_that_make_no_sense_are_refused(console: Browser, api: Api) -> None:
    api.candidates(1, 2)
    for action, words in (
        (f"sideways {device(1)}", "names no move"),
        ("up", "names no device"),
        ("up 12", "names no device"),
    ):
        assert words in words_of(act(console, action, 400))
    assert "not a list of IMEIs" in words_of(act(console, "order", 400, order="1 2"))
    assert "was not shown" in words_of(act(console, "order", 400, order=device(9)))
    assert "not on the candidate list any more" in words_of(act(console, f"up {device(9)}", 409))
    assert "choose whether to append" in words_of(give(console, "shuffle", device(1), 400)).lower()
    assert "holds no IMEI" in words_of(give(console, "append", "x", 400))
    assert on_list(api) == devices(1, 2)


def test_a_list_that_would_be_too_long_is_refused(console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fotapool.domain.licenses.candidates.MAX_CANDIDATES", 3)
    api.candidates(1, 2)
    assert "devices at most" in words_of(give(console, "append", "\n".join(devices(3, 4)), 400))
    assert on_list(api) == devices(1, 2)


def test_the_removal_order_at_a_total_is_shown_with_reasons(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2, 3)
    api.candidates(2)
    page = words_of(console.get(f"{PAGE}?total=2"))
    assert "2 devices lose their licenses in this order" in page
    candidate = f"1 {device(2)} reclaimed subscription reduced; the device was on the cancellation candidate list"
    assert f"{candidate} 2026-03-10 2 {device(0)} reclaimed subscription reduced; first assigned, first out" in page
    assert "no device loses its license: 4 are assigned" in words_of(console.get(f"{PAGE}?total=4"))
    assert "total must be a whole number" in words_of(console.get(f"{PAGE}?total=x", 400)).lower()
    assert api.pool()["licenseCount"] == 5


def test_a_viewer_sees_the_list_without_buttons(console: Browser, api: Api) -> None:
    api.candidates(1)
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    ford = Browser(api, key)
    page = ford.get(PAGE)
    assert shown(page) == devices(1)
    assert 'name="act"' not in page
    mark = mark_of(console.get(PAGE))
    ford.post(f"{PAGE}/order", {"act": f"remove {device(1)}", "mark": mark}, 403)
    assert on_list(api) == devices(1)
