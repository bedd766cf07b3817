"""The console in a browser without scripts, and in headless Chromium, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from console_helpers import CHROMIUM, SCREENSHOTS, Browser, opened

from fotapool.console.emulator import clock
from support.helpers import OPERATOR, Api

TIMEOUT_MS = 120_000
"""How long a test waits for what a page is expected to show."""


@pytest.fixture
def console(api: Api) -> Browser:
    """The console of an emulator with the published examples' account, signed in to as administrator."""
    return Browser(api)


@pytest.fixture(autouse=True)
def _wait_for_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An advance of the clock has ended when its page is shown, however slow the machine is."""
    monkeypatch.setattr(clock, "MAX_WAIT_S", 300)


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    while opened:
        opened.pop().close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Headless Chromium; one a module, since while it runs this thread can have no event loop of its own."""
    if CHROMIUM is None:
        pytest.skip("no browser here: apt-get install chromium, or name one in FOTAPOOL_TEST_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_console(chromium: Any) -> Iterator[Callable[..., Any]]:
    """`open_console(api, path)` answers a page of Chromium, signed in; its console must stay without errors."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_page(api: Api, path: str = "/pools", key: str = OPERATOR, **options: Any) -> Any:
        address = str(api.http.base_url).rstrip("/")
        context = chromium.new_context(base_url=address, viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto("/console/sign-in")
        page.fill("#key", key)
        page.click("button")
        page.goto(f"/console{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def accessible(chromium: Any) -> Callable[[Any], None]:
    """Fails, with what to mend, if axe finds the page at odds with WCAG 2.2 AA."""
    from axe_playwright_python.base import AxeResults
    from axe_playwright_python.sync_playwright import Axe

    script = Axe().axe_script
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    options = {"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]}

    def check(page: Any) -> None:
        if not page.evaluate("Boolean(window.axe)"):
            page.evaluate(script)
        found = AxeResults(page.evaluate("options => axe.run(options)", options))
        assert found.violations_count == 0, found.generate_report()

    return check


@pytest.fixture
def screenshot(chromium: Any) -> Callable[[Any, str], None]:
    """Keeps a picture of the whole page, for people who look at what a build made."""

    def take(page: Any, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take
