"""The pages `/`, `/docs` and `/openapi.json`."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fotapool import __version__
from fotapool.core.settings import Settings
from fotapool.web.html_headers import html_headers
from fotapool.web.root_path import prefix_links, prefix_paths

CONSOLE_BASE = "/console"

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884}"
)
_HEADERS = html_headers("'none'", _STYLE)


class Pages:
    """The pages; the document is built at the first request for it."""

    def __init__(self, settings: Settings, build_document: Callable[[], dict[str, Any]]) -> None:
        self._settings = settings
        self._build_document = build_document

    @cached_property
    def document(self) -> dict[str, Any]:
        prefix = self._settings.root_path
        return self._build_document() | ({"servers": [{"url": prefix}]} if prefix else {})

    def routes(self) -> list[BaseRoute]:
        """The routes, without those of the documentation if the settings close it."""
        home = Route("/", self._home)
        if self._settings.close_docs:
            return [home]
        return [home, Route("/openapi.json", self._openapi), Route("/docs", self._docs)]

    async def _home(self, request: Request) -> Response:
        links = {CONSOLE_BASE: "Web console", "/health/ready": "Readiness", "/health/live": "Liveness"}
        if not self._settings.close_docs:
            links |= {"/docs": "List of all operations", "/openapi.json": "OpenAPI document"}
        if not self._settings.close_metrics:
            links["/metrics"] = "Metrics for Prometheus"
        items = "".join(f'<li><a href="{path}">{text}</a></li>' for path, text in links.items())
        html = prefix_links(_page(f"<ul>{items}</ul>"), self._settings.root_path)
        return HTMLResponse(html, headers=_HEADERS)

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(self.document, headers={"X-Content-Type-Options": "nosniff"})

    async def _docs(self, request: Request) -> Response:
        html = prefix_paths(_page(_operations(self.document)), self._settings.root_path)
        return HTMLResponse(html, headers=_HEADERS)


def _page(body: str) -> str:
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>fotapool {__version__}</title><style>{_STYLE}</style><h1>fotapool {__version__}</h1>{body}</html>"
    )


def _operations(document: dict[str, Any]) -> str:
    """A table for each group of operations."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            row = (
                f"<tr><td><code>{method.upper()}</code></td><td><code>{html.escape(path)}</code></td>"
                f"<td>{html.escape(operation['summary'])}</td></tr>"
            )
            groups.setdefault(operation["tags"][0], []).append(row)
    tables = "".join(
        f"<h2>{html.escape(name)}</h2><table><thead><tr><th>Method</th><th>Path</th><th>What it does</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        for name, rows in groups.items()
    )
    return (
        "<p>Calls of <code>/api/fota</code> need two tokens: <code>Authorization: Bearer …</code> from"
        " <code>/api/ts/v1/oauth2/token</code> and <code>VZ-M2M-Token: …</code> from"
        " <code>/api/m2m/v1/session/login</code>. The operator API needs"
        " <code>Authorization: Bearer OPERATOR_KEY</code>, devices need their own key.</p><p>For programs:"
        f" <a href=/openapi.json>openapi.json</a></p>{tables}"
    )
