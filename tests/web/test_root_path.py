"""A path prefix: which are accepted, which requests reach the server, and where the prefix is in its answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from fotapool.cli.main import main
from fotapool.web.root_path import check_root_path, prefix_links, prefix_paths
from support.device_helpers import SEED_HTTP, calling, schedule, set_content
from support.helpers import ACCOUNT, Api

PREFIX = "/fota"


@pytest.mark.parametrize(("text", "prefix"), [("", ""), ("/", ""), ("/fota", "/fota"), ("/a.b/c-1/", "/a.b/c-1")])
def test_a_prefix_is_a_path_without_a_slash_at_its_end(text: str, prefix: str) -> None:
    assert check_root_path(text) == prefix


@pytest.mark.parametrize("text", ["fota", "//fota", "/a//b", "/a b", "/a?b", "/../a", "/api", "/console/x", "/docs/"])
def test_another_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a path like /fota"):
        check_root_path(text)
    result = CliRunner().invoke(main, ["serve", "--root-path", text])
    assert result.exit_code == 2
    assert "must be a path like /fota" in result.output


def test_links_and_paths_get_the_prefix_and_nothing_else_does() -> None:
    html = '<a href="/x"><img src=/y><a href="//host/x"><a href="?a=/x"><input value="/x">'
    assert prefix_links(html, PREFIX) == (
        '<a href="/fota/x"><img src=/fota/y><a href="//host/x"><a href="?a=/x"><input value="/x">'
    )
    assert prefix_paths("Use POST /api/ts/v1/x, not https://host/api or /other/api.", PREFIX) == (
        "Use POST /fota/api/ts/v1/x, not https://host/api or /other/api."
    )
    assert prefix_links(html, "") == html


@pytest.fixture
def prefixed(start: Callable[..., Api]) -> Api:
    return start(SEED_HTTP, root_path=PREFIX)


def test_requests_are_served_with_and_without_the_prefix(prefixed: Api) -> None:
    for path in ("", PREFIX):
        response = prefixed.http.get(f"{path}/api/fota/v3/licenses/{ACCOUNT}", headers=prefixed.tokens)
        assert response.status_code == 200, response.text
        assert prefixed.http.get(f"{path}/health/ready").status_code == 200
    assert prefixed.http.get("/fotapool/health/ready").status_code == 404
    assert prefixed.http.get(f"{PREFIX}{PREFIX}/health/ready").status_code == 404


def test_a_device_is_sent_to_the_content_below_the_prefix(prefixed: Api) -> None:
    set_content(prefixed, b"new")
    device = calling(prefixed)
    schedule(prefixed, 0)
    url = device.check_in()["upgrade"]["url"]
    assert url.startswith(f"{PREFIX}/device/v1/{device.device_id}/upgrades/")
    response = prefixed.http.get(url, headers={"Authorization": f"Bearer {device.key}"})
    assert (response.status_code, response.content) == (200, b"new")


def test_hints_name_paths_with_the_prefix(prefixed: Api) -> None:
    response = prefixed.http.get(f"{PREFIX}/api/fota/v3/licenses/{ACCOUNT}")
    assert response.status_code in (400, 401)
    assert f"{PREFIX}/api/ts/v1/oauth2/token" in response.headers["x-fotapool-hint"]


def test_captured_requests_and_faults_have_paths_without_the_prefix(prefixed: Api) -> None:
    prefixed.control("POST", "/faults", {"match": {"path": f"/fota/v3/licenses/{ACCOUNT}"}, "action": {"status": 418}})
    response = prefixed.http.get(f"{PREFIX}/api/fota/v3/licenses/{ACCOUNT}", headers=prefixed.tokens)
    assert response.status_code == 418
    newest = prefixed.control("GET", "/requests").json()["requests"][-1]
    assert newest["path"] == f"/api/fota/v3/licenses/{ACCOUNT}"
