"""The console of a server behind a path prefix: no link leaves it, whether or not the proxy takes the prefix off."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from campaigning import FLEET, schedule
from console_helpers import opened

from support.helpers import ACCOUNT, OPERATOR, Api

PREFIX = "/fota/pool-1"
LINK = re.compile(r'\s(href|src|action|formaction|hx-[a-z]+|data-[a-z-]+)="(/[^"]*|https?:[^"]*)"')
MAX_PAGES = 150
FILES = (".csv", ".json", ".yaml", ".curl", ".pytest", "/curl", "/pytest", "/static/")


class Stripping(httpx.HTTPTransport):
    """A proxy that takes the prefix off."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        assert path.startswith(PREFIX), f"{path} is not below {PREFIX}"
        request.url = request.url.copy_with(raw_path=(path.removeprefix(PREFIX) or "/").encode())
        return super().handle_request(request)


@pytest.fixture(params=["kept", "stripped"])
def http(request: pytest.FixtureRequest, start: Callable[..., Api]) -> httpx.Client:
    """A browser of an operator who is signed in."""
    api = start(FLEET, root_path=PREFIX)
    schedule(api)
    api.candidates(0, 1)
    api.advance("PT10M")
    api.control("POST", "/faults", {"match": {"path": "/fota/*"}, "action": {"status": 500}})
    api.call("GET", f"/v3/licenses/{ACCOUNT}")
    transport = Stripping() if request.param == "stripped" else httpx.HTTPTransport()
    opened.append(httpx.Client(base_url=str(api.http.base_url), transport=transport, timeout=120))
    response = opened[-1].post(f"{PREFIX}/console/sign-in", data={"key": OPERATOR, "next": "/console/access"})
    assert (response.status_code, response.headers["location"]) == (303, f"{PREFIX}/console/access")
    assert f"Path={PREFIX}/console;" in response.headers["set-cookie"]
    return opened[-1]


def crawl(http: httpx.Client, first: str) -> dict[str, str]:
    """The pages that can be reached by links, one for each path, each with its text."""
    waiting, pages = [first], {}
    while waiting and len(pages) < MAX_PAGES:
        path = waiting.pop(0)
        if path in pages or path.endswith(FILES) or "/static/" in path:
            continue
        response = http.get(path, follow_redirects=True)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        pages[path] = response.text
        for name, target in LINK.findall(response.text):
            if name == "href" and target.startswith(f"{PREFIX}/console/"):
                waiting.append(urlsplit(unescape(target)).path)
    return pages


def test_no_link_of_any_page_leaves_the_prefix(http: httpx.Client) -> None:
    pages = crawl(http, f"{PREFIX}/console")
    outside = {
        (path, name, target)
        for path, text in pages.items()
        for name, target in LINK.findall(text)
        if target.startswith("/") and not target.startswith(f"{PREFIX}/")
    }
    assert outside == set()
    below = {path.removeprefix(f"{PREFIX}/console") for path in pages}
    account = f"/accounts/{ACCOUNT}"
    assert below >= {
        *("", "/pools", "/callbacks", "/access", "/access/clients", "/access/operators", "/audit-log"),
        *("/emulator/clock", "/emulator/requests", "/emulator/faults", "/emulator/snapshots"),
        *(account, f"{account}/devices", f"{account}/licenses", f"{account}/candidates", f"{account}/subscription"),
        *(f"{account}/campaigns", f"{account}/callbacks", f"{account}/ledger", f"{account}/statements"),
    }


def test_pages_are_signed_in_changed_and_left(http: httpx.Client) -> None:
    page = http.get(f"{PREFIX}/console/pools").text
    static = re.findall(r'(?:href|src)="([^"]*/static/[^"]*)"', page)
    assert static
    for target in static:
        assert http.get(target).status_code == 200
    csrf = re.search(r'name="csrf" value="(\w+)"', page)
    assert csrf is not None
    response = http.post(
        f"{PREFIX}/console/pools", data={"csrf": csrf[1], "name": "new", "purchaseType": "TS-HFOTA-MRC"}
    )
    assert response.status_code == 303, response.text
    assert response.headers["location"].startswith(f"{PREFIX}/console/")
    assert "new" in http.get(response.headers["location"]).text
    response = http.post(f"{PREFIX}/console/sign-out", data={"csrf": csrf[1]})
    assert response.headers["location"] == f"{PREFIX}/console/sign-in"
    response = http.get(f"{PREFIX}/console/callbacks?state=failed")
    assert response.headers["location"] == f"{PREFIX}/console/sign-in?next=%2Fconsole%2Fcallbacks%3Fstate%3Dfailed"
    assert http.get(f"{PREFIX}/console/pools", headers={"HX-Request": "true"}).headers["hx-redirect"] == (
        f"{PREFIX}/console/sign-in"
    )


def test_a_form_whose_session_has_ended_leads_back_to_its_page(http: httpx.Client) -> None:
    http.cookies.clear()
    referer = {"Referer": f"https://tools.example.com{PREFIX}/console/access/clients"}
    page = http.post(f"{PREFIX}/console/access", data={}, headers=referer)
    assert page.status_code == 401
    assert 'name="next" value="/console/access/clients"' in page.text


def test_the_first_page_the_inspector_and_the_documentation_stay_below_the_prefix(http: httpx.Client) -> None:
    assert f'href="{PREFIX}/console"' in http.get(f"{PREFIX}/").text
    assert http.get(PREFIX).status_code == 200
    assert http.get(f"{PREFIX}/inspector").headers["location"] == f"{PREFIX}/console/emulator/requests"
    assert http.get(f"{PREFIX}/openapi.json").json()["servers"] == [{"url": PREFIX}]
    docs = http.get(f"{PREFIX}/docs").text
    assert f"href={PREFIX}/openapi.json" in docs
    assert f"<code>{PREFIX}/control/v1/accounts</code>" in docs
