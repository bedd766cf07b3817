"""Health, metrics and the documentation page: what supervisors, monitoring and people look at."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fotapool import __version__
from support.helpers import Api


def metrics(api: Api) -> dict[tuple[str, str], float]:
    """Every sample of the server, by name and kind; fails unless each family has help and a type."""
    response = api.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    found: dict[tuple[str, str], float] = {}
    names: set[str] = set()
    for family in text_string_to_metric_families(response.text):
        assert family.documentation, family.name
        assert family.type != "unknown" or family.name == "fotapool_licenses_total"  # a gauge may not end so
        assert family.name not in names
        names.add(family.name)
        for sample in family.samples:
            key = (sample.name, ",".join(sample.labels.values()))
            assert key not in found or not sample.name.startswith("fotapool")
            found[key] = sample.value
    return found


def test_a_server_is_live_and_ready(shared: Api) -> None:
    assert shared.http.get("/health/live").json() == {"status": "live", "version": __version__}
    assert shared.http.get("/health/ready").json() == {"ready": True, "status": "ready", "version": __version__}
    assert shared.http.head("/health/live").status_code == 200
    assert shared.http.post("/health/live").status_code == 405


def test_metrics_are_what_prometheus_reads_and_move_with_what_happens(api: Api) -> None:
    before = metrics(api)
    assert before["fotapool_accounts", ""] == 2
    assert before["fotapool_licenses_total", ""] == 10
    assert before["fotapool_licenses_used", ""] == 2
    assert before["fotapool_database_up", ""] == 1
    api.assign(0, 1, 2)
    api.upgrade(0, "inProgress")
    api.subscribe(2)
    after = metrics(api)
    assert (after["fotapool_licenses_total", ""], after["fotapool_licenses_used", ""]) == (7, 5)
    assert (after["fotapool_licenses_free", ""], after["fotapool_licenses_under_notice", ""]) == (3, 1)
    assert any(name.startswith("process_") for name, _ in after)


@pytest.mark.parametrize(
    ("setting", "closed", "open_"),
    [
        ("close_metrics", ["/metrics"], ["/docs", "/openapi.json"]),
        ("close_docs", ["/docs", "/openapi.json"], ["/metrics"]),
    ],
)
def test_metrics_and_docs_can_be_closed(
    start: Callable[..., Api], setting: str, closed: list[str], open_: list[str]
) -> None:
    api = start(**{setting: True})
    assert [api.http.get(path).status_code for path in closed] == [404] * len(closed)
    assert [api.http.get(path).status_code for path in open_] == [200] * len(open_)


class Page(HTMLParser):
    """Collects a page's words and whatever it links to; fails on tags that do not match."""

    VOID = {"meta", "link", "br", "hr", "img", "input"}
    OPTIONAL = {"html"}

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "data", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_page(api: Api, path: str) -> Page:
    """The page, which loads nothing and needs no scripts."""
    response = api.http.get(path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = Page()
    page.feed(response.text)
    page.close()
    assert page.open == []
    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert "url(" not in response.text
    assert "@import" not in response.text
    return page


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_page_lists_every_operation_and_loads_nothing(shared: Api, path: str) -> None:
    page = read_page(shared, path)
    assert page.links == ["/openapi.json"]
    words = set(page.words)
    for where, methods in shared.http.get("/openapi.json").json()["paths"].items():
        assert where in words
        for operation in methods.values():
            assert operation["summary"] in words


def test_the_home_page_links_console_docs_and_health(shared: Api) -> None:
    links = read_page(shared, "/").links
    assert {"/console", "/docs", "/openapi.json", "/health/live", "/health/ready", "/metrics"} == set(links)
    assert {shared.http.get(path, follow_redirects=True).status_code for path in links} <= {200, 401}


def test_the_home_page_has_no_links_to_what_is_closed(start: Callable[..., Api]) -> None:
    api = start(close_metrics=True, close_docs=True)
    assert read_page(api, "/").links == ["/console", "/health/ready", "/health/live"]
