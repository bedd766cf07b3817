"""Signing in to the console: cookies, roles, forms of other sites, and pages that lead back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from console_helpers import Browser, new_client, notice_of, words_of

from fotapool.console.app.pages import ConsolePage
from fotapool.console.app.routes import PAGES
from fotapool.domain.identity import Role
from support.helpers import ACCOUNT, OPERATOR, Api


def test_somebody_who_is_not_signed_in_is_asked_to_and_led_back(api: Api) -> None:
    http = new_client(api)
    asked = http.get("/console/pools?order=free")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/console/sign-in?next=%2Fconsole%2Fpools%3Forder%3Dfree"
    signed_in = http.post("/console/sign-in", data={"key": OPERATOR, "next": "/console/pools?order=free"})
    assert signed_in.headers["location"] == "/console/pools?order=free"
    assert http.get("/console/pools?order=free").status_code == 200


@pytest.mark.parametrize("path", ["https://example.com/", "//example.com", "/console/../x//", "/console\\x", ""])
def test_sign_in_does_not_redirect_to_other_sites(api: Api, path: str) -> None:
    signed_in = new_client(api).post("/console/sign-in", data={"key": OPERATOR, "next": path})
    assert signed_in.headers["location"] == "/console/overview"


def test_a_wrong_key_is_refused_with_what_to_do(api: Api) -> None:
    refused = new_client(api).post("/console/sign-in", data={"key": "wrong"})
    assert refused.status_code == 401
    assert "No operator has this key" in words_of(refused.text)
    assert "set-cookie" not in refused.headers


def test_the_cookie_is_for_the_console_alone_and_not_for_scripts(api: Api) -> None:
    cookie = new_client(api).post("/console/sign-in", data={"key": OPERATOR}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/console" in cookie
    assert "SameSite=lax" in cookie


def test_a_cookie_that_was_changed_or_made_elsewhere_counts_for_nothing(api: Api) -> None:
    http = new_client(api)
    http.post("/console/sign-in", data={"key": OPERATOR})
    cookie = http.cookies["fotapool_console"]
    forged = new_client(api, cookies={"fotapool_console": cookie[:-3] + "abc"})
    assert forged.get("/console/pools").status_code == 303


def test_cookies_are_read_as_they_were_sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: str) -> str:
        raise AssertionError("decoding a quoted value takes quadratic time")

    monkeypatch.setattr("http.cookies._unquote", decode)
    http = new_client(api)
    http.post("/console/sign-in", data={"key": OPERATOR})
    session = http.cookies["fotapool_console"]
    quoted = 'other="' + '\\"' * 1000 + '"'
    for cookies, status in (
        (f"{quoted}; fotapool_console={session} ;{quoted}", 200),
        (f"fotapool_console=wrong;fotapool_console={session}", 200),
        (f"fotapool_console=; {quoted}", 303),
        (f'fotapool_console="{session}"', 303),
        (f"fotapool_console; =;; {quoted}", 303),
    ):
        page = new_client(api).get("/console/pools", headers={"Cookie": cookies})
        assert page.status_code == status, cookies


def test_a_form_without_the_session_s_token_changes_nothing(api: Api, console: Browser) -> None:
    own = console.csrf
    changed = f"{own[:-1]}{'1' if own[-1] == '0' else '0'}"
    for token in ("", "0" * 64, own[:32], own + own, changed, "é", Browser(api).csrf):
        refused = console.http.post("/console/pools", data={"name": "new", "licenseCount": "1", "csrf": token})
        assert refused.status_code == 403, token
        assert "belongs to another session" in words_of(refused.text)
    assert api.control("GET", "/accounts/new").status_code == 404


def test_a_page_is_compressed_and_its_token_differs_each_time(console: Browser) -> None:
    pages = [console.http.get("/console/access", headers={"Accept-Encoding": way}) for way in ("gzip", "identity")]
    assert [page.headers.get("content-encoding") for page in pages] == ["gzip", None]
    assert pages[0].num_bytes_downloaded < len(pages[0].content) / 3
    tokens = {re.search(r'name="csrf" value="(\w+)"', page.text)[1] for page in pages}  # type: ignore[index]
    assert len(tokens) == 2
    for token in tokens:
        data = {"csrf": token, "name": f"made with {token[0:4]}", "role": "viewer"}
        assert console.http.post("/console/access/operators", data=data).status_code != 403


def test_what_answers_a_form_is_not_compressed_since_it_may_show_a_key(console: Browser) -> None:
    data = {"csrf": console.csrf, "name": "new", "role": "viewer"}
    shown = console.http.post("/console/access/operators", data=data, headers={"Accept-Encoding": "gzip"})
    assert shown.status_code == 200
    assert "content-encoding" not in shown.headers


def test_a_sign_in_from_another_site_s_page_is_refused(api: Api) -> None:
    refused = new_client(api).post(
        "/console/sign-in", data={"key": OPERATOR}, headers={"Origin": "https://evil.example"}
    )
    assert refused.status_code == 403


def test_a_form_that_comes_after_the_session_s_end_changes_nothing_and_says_so(api: Api) -> None:
    answer = new_client(api).post("/console/pools", data={"name": "new"})
    assert answer.status_code == 401
    assert "Your session has ended. Nothing was changed." in words_of(answer.text)
    assert api.control("GET", "/accounts/new").status_code == 404


def test_signing_out_ends_the_session_in_this_browser(console: Browser) -> None:
    console.post("/sign-out", {})
    assert console.http.get("/console/pools", follow_redirects=False).status_code == 303


def test_taking_an_operator_s_key_away_ends_its_sessions(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "ford"}).json()["key"]
    ford = Browser(api, key)
    ford.get("/pools")
    api.control("DELETE", "/operators/ford")
    api.control("POST", "/operators", {"name": "ford"})
    assert ford.http.get("/console/pools", follow_redirects=False).status_code == 303


def test_a_viewer_is_offered_no_change_and_can_make_none(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    ford = Browser(api, key)
    assert "Create account" not in ford.get("/pools")
    refused = ford.post("/pools", {"name": "new", "purchaseType": "TS-HFOTA-MRC"}, status=403)
    assert "This requires the role editor; your role is viewer." in words_of(refused)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_viewers_may_use_exactly_the_pages_that_change_nothing(page: ConsolePage) -> None:
    assert not (page.needed_role is Role.VIEWER and page.changes)
    assert page.needed_role is Role.VIEWER or page.method == "POST"


def test_pages_of_the_emulator_do_not_exist_in_the_operators_server(start: Callable[..., Api]) -> None:
    console = Browser(start(emulator=False))
    paths = [page.path for page in PAGES if page.emulator_only and page.method == "GET" and "{" not in page.path]
    for path in paths:
        console.get(path, status=404)
    assert "Faults" not in console.get("/pools")


def test_an_address_that_does_not_exist_says_so_and_where_to_go(console: Browser) -> None:
    page = words_of(console.get("/nothing", status=404))
    assert "No such page." in page
    assert "All accounts" in page
    assert "account nobody does not exist" in words_of(console.get("/accounts/nobody", status=404)).lower()


def test_responses_forbid_foreign_content_and_framing(api: Api, console: Browser) -> None:
    for path in ("/pools", "/sign-in", f"/accounts/{ACCOUNT}"):
        headers = console.http.get(f"/console{path}").headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


def test_a_notice_is_shown_once(console: Browser) -> None:
    page = console.post("/pools", {"name": "new", "purchaseType": "TS-HFOTA-MRC", "licenseCount": "5"})
    assert notice_of(page).startswith("Account new created.")
    assert notice_of(console.get("/accounts/new")) == ""
