"""Every page of the console in a real browser: WCAG 2.2 AA in light and dark, and no sideways scrolling.

The pages are those of the console's table. A new one is visited by itself; a new parameter in its path needs a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from campaigning import PACKAGE, fleet, schedule
from console_helpers import Browser

from fotapool.cli.server.options.in_effect import settings_in_effect
from fotapool.cli.server.serve import emulate
from fotapool.console.app.routes import PAGES
from fotapool.core.settings import Settings
from support.helpers import ACCOUNT, USER, Api, device, devices

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE = f"/accounts/{ACCOUNT}"
RECEIVER = "http://127.0.0.1:1/nobody"

NO_PAGES = re.compile(r"\.(csv|json)$|/\{uuid\}/(bar|course)$|/emulator/requests/\{number\}/")
"""Paths of files, and of parts that other pages load."""
VALUES = {"account": ACCOUNT, "device": device(1), "month": "2026-03", "username": USER, "firmware": PACKAGE}
"""Values of parameters in paths. `world` adds those that the server chooses."""
QUERIES = {
    "/search": "?q=9900",
    "/accounts/{account}/candidates": "?total=1",
    "/accounts/{account}/subscription": "?total=5",
    "/accounts/{account}/fleet": f"?device={device(3)}",
    "/access/sessions": f"?name={USER}",
    "/emulator/faults": "?preset=rate-limit",
    "/system": f"?check={ACCOUNT}",
}
"""With these, a page has more to show."""
FURTHER = ["/accounts/{account}/campaigns/{scheduled}", "/accounts/{account}/callbacks?state=failed"]
"""Pages in another state."""
IS_EMPTY = re.compile(r"\bNo \w+( \w+)? yet\b|\bNo (alert )?rules\b|\bNo scheduled\b|\bNo campaign is running\b")
DESKTOP, PHONE, NARROW = (1440, 900), (390, 844), (320, 640)
MISPLACED = """() => {
  const shown = (one) => one && one.offsetParent;
  const cells = [...document.querySelectorAll("main tbody :is(td, th)")].filter(shown);
  const wide = cells.filter((one) => one.scrollWidth > one.clientWidth + 1);
  const apart = [...document.querySelectorAll("main label[for]")].filter((label) => {
    const field = document.getElementById(label.htmlFor);
    if (!shown(label) || !shown(field)) return false;
    const [a, b] = [label.getBoundingClientRect(), field.getBoundingClientRect()];
    return !(a.bottom > b.top && b.bottom > a.top) && !(a.right > b.left && b.right > a.left);
  });
  return [...wide, ...apart].map((one) => one.textContent.trim());
}"""
"""Texts of cells that are wider than their cell, and of labels that are neither beside nor above their field."""


@pytest.fixture
def world(start: Callable[..., Api]) -> tuple[Api, dict[str, str]]:
    """A server in which every page has something to show, and values of parameters in paths."""
    options = settings_in_effect(emulate.make_context("emulate", ["--page-size", "50"]), Settings())
    api = start(fleet(succeeding=6, failing=4, licensed=8), in_effect=options)
    api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": RECEIVER})
    ended = schedule(api, "North plants", range(7))
    for method, path, body in (
        ("PUT", "/alert-rules/low", {"kind": "freeLicenses", "threshold": 1000, "targets": [RECEIVER]}),
        ("PUT", "/campaign-stop-rule", {"percent": 90}),
        ("POST", f"{HERE}/device-keys", {"name": "factory"}),
        ("POST", "/operators", {"name": "ford"}),
        ("POST", "/operators/ford/rotate", {}),
        ("POST", "/faults", {"match": {"path": "/m2m/*"}, "action": {"latencyMs": 1}}),
    ):
        assert api.control(method, path, body).is_success, path
    api.advance("PT9H")
    api.sign_in()
    schedule(api, "South plants", range(7, 8), "2026-03-11", "2026-03-13")
    api.candidates(1, 2, 3)
    api.subscribe(7)
    api.advance("PT3H5M")
    api.sign_in()
    scheduled = schedule(api, "East plants", range(1), "2026-03-20", "2026-03-21")
    due = {"licenseCount": 5, "dueTime": "2026-05-01T00:00:00Z"}
    assert api.control("POST", f"{HERE}/subscription/scheduled-changes", due).is_success
    fields = {"fileVersion": "1.0", "make": "Make", "model": "M", "localTargetPath": "/a"}
    parts = {"fileupload": ("a.txt", b"a", "application/octet-stream")}
    assert api.call("POST", f"/v2/files/{ACCOUNT}", data=fields, files=parts).is_success
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"devceList": devices(0)})
    number = api.control("GET", "/requests").json()["requests"][-1]["number"]
    listed = {"verb": "assign", "list": "\n".join([*devices(0, 1), "nonsense"])}
    job = re.findall(rf"{HERE}/licenses/jobs/([^/\"]+)", Browser(api).post(f"{HERE}/licenses", listed))[0]
    found = {"uuid": ended, "scheduled": scheduled, "job": job, "id": "1", "number": str(number)}
    return api, VALUES | found


def addresses(values: dict[str, str]) -> Iterator[str]:
    """The address of each page. Raises KeyError for a parameter without a value."""
    paths = [page.path for page in PAGES if page.method == "GET" and not NO_PAGES.search(page.path)]
    for path in paths:
        yield path.format_map(values) + QUERIES.get(path, "")
    for path in FURTHER:
        yield path.format_map(values)


def misfits(page: Any) -> Iterator[str]:
    """What does not fit at the page's size."""
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        yield "the page is wider than its window"
    if texts := page.evaluate(MISPLACED):
        yield f"misplaced: {texts[:5]}"


def test_every_page_is_accessible_fits_and_has_something_to_show(
    world: tuple[Api, dict[str, str]],
    open_console: Callable[..., Any],
    accessible: Callable[[Any], None],
    screenshot: Callable[[Any, str], None],
) -> None:
    from playwright.sync_api import expect

    api, values = world
    page = open_console(api)
    problems = []

    def check(address: str) -> None:
        show(DESKTOP, "light")
        answer = page.goto(f"/console{address}")
        if answer.status != 200:
            problems.append(f"{address}: status {answer.status}")
            return
        expect(page.locator(".htmx-request")).to_have_count(0, timeout=120_000)
        page.evaluate("document.querySelectorAll('main details:not(.menu)').forEach(one => one.open = true)")
        screenshot(page, re.sub(r"\W+", "-", address.replace(HERE, "/account").partition("?")[0]).strip("-"))
        if found := IS_EMPTY.search(page.locator("main").inner_text()):
            problems.append(f"{address}: {found[0]}")
        for size, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
            show(size, scheme)
            try:
                accessible(page)
            except AssertionError as error:
                problems.append(f"{address} ({scheme}, {size[0]} pixels): {error}")
        for size in (DESKTOP, PHONE, NARROW):
            show(size, "dark")
            problems.extend(f"{address} ({size[0]} pixels): {problem}" for problem in misfits(page))

    def show(size: tuple[int, int], scheme: str) -> None:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)

    for address in addresses(values):
        check(address)
    page.context.clear_cookies()
    check("/sign-in")
    assert not problems, "\n\n".join(problems)
