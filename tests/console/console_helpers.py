"""What tests of the console share: an operator's browser without scripts, and checks of pages in a real one."""

from __future__ import annotations

import os
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from support.helpers import OPERATOR, Api
from support.processes import NO_AUTHORITIES

CHROMIUM = os.environ.get("FOTAPOOL_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SCREENSHOTS = Path(os.environ.get("FOTAPOOL_SCREENSHOTS", "build/screenshots"))


opened: list[httpx.Client] = []
"""Clients that the running test has opened; a fixture closes them."""


def new_client(api: Api, **options: Any) -> httpx.Client:
    """A client of the server that is not signed in."""
    opened.append(httpx.Client(base_url=str(api.http.base_url), timeout=120, verify=NO_AUTHORITIES, **options))
    return opened[-1]


class Browser:
    """Gets pages and sends forms as a browser without scripts does; redirects are followed."""

    def __init__(self, api: Api, key: str = OPERATOR) -> None:
        self.http = new_client(api, follow_redirects=True)
        signed_in = self.http.post("/console/sign-in", data={"key": key})
        assert signed_in.status_code == 200, signed_in.text

    def get(self, path: str, status: int = 200, **options: Any) -> str:
        """The page's text; `path` is below /console."""
        response = self.http.get(f"/console{path}", **options)
        assert response.status_code == status, f"{path}: {response.status_code} {words_of(response.text)}"
        return response.text

    def post(self, path: str, data: dict[str, Any], status: int = 200, **options: Any) -> str:
        """Sends a form; the text of the page that it leads to."""
        response = self.http.post(f"/console{path}", data={"csrf": self.csrf, **data}, **options)
        assert response.status_code == status, f"{path}: {response.status_code} {words_of(response.text)}"
        return response.text

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.http.get("/console/pools").text)
        assert found is not None
        return found[1]


def words_of(html: str) -> str:
    """A page's text as a person reads it, with single spaces."""
    body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", html, flags=re.DOTALL)
    body = re.sub(r"</?time\b[^>]*>", "", body)  # it stands within sentences
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def notice_of(html: str) -> str:
    """The words that a page shows about the change before it."""
    found = re.search(r'<p class="notice [a-z]+"[^>]*>(.*?)</p>', html, re.DOTALL)
    return words_of(found[1]) if found else ""
