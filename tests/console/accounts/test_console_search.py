"""The search in the header: its page of results, and that one exact result is gone to."""

from __future__ import annotations

from console_helpers import Browser, words_of

from support.helpers import ACCOUNT, OTHER, USER, Api, device, devices


def test_one_exact_result_is_gone_to_directly(console: Browser, api: Api) -> None:
    request = api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(3)}).headers["x-request-id"]
    api.assign(4)
    spelled = f"{device(3)[:2]}-{device(3)[2:8]}-{device(3)[8:14]}-{device(3)[14]}"
    for text, path in [
        (device(3), f"/accounts/{ACCOUNT}/devices/{device(3)}"),
        (spelled, f"/accounts/{ACCOUNT}/devices/{device(3)}"),
        (OTHER, f"/accounts/{OTHER}"),
        (USER, f"/access?user={USER}"),
        (request, f"/accounts/{ACCOUNT}/ledger/changes?request={request}"),
    ]:
        response = console.http.get("/console/search", params={"q": text})
        assert response.status_code == 200
        assert str(response.url).partition("/console")[2].startswith(path)
    assert "assign" in words_of(console.get("/search", params={"q": request}))


def test_several_results_are_listed_by_kind_with_links(console: Browser, api: Api) -> None:
    page = console.get("/search", params={"q": "0"})
    assert f'href="/console/accounts/{ACCOUNT}">{ACCOUNT}</a>' in page
    assert "Search results for “0”" in words_of(page)
    assert 'value="0"' in page
    page = console.get("/search", params={"q": device(0)[:14]})
    assert f'href="/console/accounts/{ACCOUNT}/devices/{device(9)}">{device(9)}</a>' in page
    assert device(10) not in page


def test_nothing_found_and_no_text_say_what_can_be_found(console: Browser) -> None:
    page = words_of(console.get("/search", params={"q": "nothing-like-that"}))
    assert "Nothing found in any account." in page
    assert "IMEI of 14, 15 or 16 digits" in page
    assert "Nothing found" not in words_of(console.get("/search"))
    assert "printable characters" in words_of(console.get("/search", 400, params={"q": "x" * 101}))


def test_a_text_with_markup_is_shown_as_it_is(console: Browser) -> None:
    assert "<b>x" not in console.get("/search", params={"q": "<b>x"})


def test_one_user_is_shown_alone(console: Browser) -> None:
    page = words_of(console.get(f"/access?user={USER}"))
    assert USER in page
    assert "All API users" in page
    console.get("/access?user=nobody", 404)
