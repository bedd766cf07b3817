"""The inspector as a page for people at the same machine: no script, no key, nothing from elsewhere."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from html import escape

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from fotapool.emulator.exchanges import Exchange, Exchanges
from fotapool.emulator.inspector import HintFinder
from fotapool.emulator.reproduce import as_curl, as_pytest

PATH = "/inspector"
CONSOLE = "/console/emulator/requests"
SHOWN = 100
"""How many of the last requests the page shows."""
LOCAL_NAMES = ("localhost", "fotapool.localhost")
NOT_HERE = "this page is only for browsers on the emulator's machine; elsewhere use GET /control/v1/requests\n"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1d2733; }
details { border-bottom: 1px solid #d5dbe3; padding: .4rem 0; }
summary { cursor: pointer; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: #f3f5f8; overflow: auto; max-height: 24rem; padding: .6rem; white-space: pre-wrap; }
h3 { font-size: 1rem; margin: .8rem 0 .2rem; }
.status { font-weight: 700; } .bad { color: #a3172b; } .hint { color: #5b3a00; margin: .2rem 0 .2rem 1.5rem; }
"""


class InspectorPage:
    """Shows the last requests, the newest first."""

    def __init__(self, exchanges: Exchanges, hints: HintFinder) -> None:
        self._exchanges = exchanges
        self._hints = hints

    def route(self) -> Route:
        return Route(PATH, self._show, methods=["GET"])

    async def _show(self, request: Request) -> Response:
        if not _is_local(request):
            return PlainTextResponse(NOT_HERE, 403)
        found = self._exchanges.last(SHOWN)
        rows = [_row(one, await self._hints.of(one)) for one in found]
        empty = "" if rows else "<p>No request yet. Call the API, then load this page again.</p>"
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>fotapool: requests</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
            f'<h1>Last requests</h1><p><a href="{CONSOLE}">With filters, in the console</a> (takes an operator key)</p>'
            f"{empty}{''.join(rows)}</html>"
        )
        return HTMLResponse(page, headers=_HEADERS)


def _is_local(request: Request) -> bool:
    """By the client's address; and by the name that it called, or a foreign page could look through the browser."""
    name = URL(scope=request.scope).hostname or ""
    try:
        named_locally = name in LOCAL_NAMES or ipaddress.ip_address(name.strip("[]")).is_loopback
        return named_locally and request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _row(one: Exchange, hints: list[str]) -> str:
    bad = " bad" if one.status is None or one.status >= 400 else ""
    moment = datetime.fromtimestamp(one.at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    told = "".join(f'<p class="hint">{escape(hint)}</p>' for hint in [*hints, *([one.fault] if one.fault else [])])
    parts = {
        "Request": _headers(one.headers) + "\n" + one.body.text(),
        "Answer": _headers(one.answer_headers) + "\n" + one.answer_text,
        "As curl": as_curl(one),
        "As a pytest test": as_pytest(one),
    }
    blocks = "".join(f"<h3>{title}</h3><pre>{escape(text)}</pre>" for title, text in parts.items())
    return (
        f'<details><summary>{one.number} · {moment} · <span class="status{bad}">{one.status or "no answer"}</span>'
        f" {escape(one.method)} {escape(one.path)} · {one.took_ms:g} ms</summary>{blocks}</details>{told}"
    )


def _headers(headers: tuple[tuple[bytes, bytes], ...]) -> str:
    return "".join(f"{name.decode('latin-1')}: {value.decode('latin-1')}\n" for name, value in headers)
