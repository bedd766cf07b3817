"""The inspector's page: what it shows, to whom, and that nothing in it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.requests import Request

from fotapool.emulator.exchanges import Exchanges
from fotapool.emulator.inspector import HintFinder
from fotapool.emulator.page import InspectorPage
from support.helpers import ACCOUNT, Api


def test_the_page_shows_the_last_requests_with_their_hints(api: Api) -> None:
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"devceList": ["<script>alert(1)</script>"]})
    page = api.http.get("/inspector")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "`devceList` is a misprint" in page.text
    assert "curl -sS -i -X POST" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert api.bearer not in page.text
    assert api.session not in page.text


def test_before_the_first_request_the_page_says_what_to_do(start: Callable[..., Api]) -> None:
    assert "No request yet" in start(seed=None).http.get("/inspector").text


def test_another_name_of_the_machine_gets_no_page(api: Api) -> None:
    response = api.http.get("/inspector", headers={"Host": "evil.example"})
    assert (response.status_code, "/control/v1/requests" in response.text) == (403, True)


@pytest.mark.parametrize(("client", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.5", 403), ("", 403)])
def test_another_machine_gets_no_page(client: str, status: int) -> None:
    async def nobody(_: str) -> bool:
        return False

    application = InspectorPage(Exchanges(1), HintFinder(nobody, ())).route()

    async def show() -> int:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/inspector",
            "query_string": b"",
            "scheme": "http",
            "headers": [(b"host", b"localhost:8080")],
            "server": ("localhost", 8080),
            "client": (client, 1),
        }
        return (await application.endpoint(Request(scope))).status_code

    assert asyncio.run(show()) == status


def test_serve_has_no_page(start: Callable[..., Api]) -> None:
    response: httpx.Response = start(seed=None, emulator=False).http.get("/inspector")
    assert response.status_code == 404
