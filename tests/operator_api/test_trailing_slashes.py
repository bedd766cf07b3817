"""A slash at the end of a path is ignored, except in the documented API."""

from __future__ import annotations

import pytest

from support.helpers import ACCOUNT, OPERATOR, Api, device

VARYING = ("date", "x-request-id", "content-length")


def answer(api: Api, method: str, path: str, **options: object) -> tuple[int, dict[str, str], bytes]:
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    response = api.http.request(method, path, headers=headers, follow_redirects=False, **options)  # type: ignore[arg-type]
    kept = {name: value for name, value in response.headers.items() if name not in VARYING}
    return response.status_code, kept, response.content


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/openapi.json",
        "/health/live",
        "/health/ready",
        "/inspector",
        "/console",
        "/console/pools",
        "/console/sign-in",
        "/console/nothing",
        "/control/v1",
        "/control/v1/accounts",
        f"/control/v1/accounts/{ACCOUNT}",
        f"/control/v1/accounts/{ACCOUNT}/ledger",
        "/control/v1/clock",
        "/control/v1/nothing",
        "/device/v1",
        f"/device/v1/{device(0)}/upgrades/1/content",
    ],
)
def test_a_path_with_a_slash_at_the_end_is_answered_like_the_one_without(shared: Api, path: str) -> None:
    expected = answer(shared, "GET", path)
    if not path.startswith(("/console/sign-in", "/console/pools")):  # their forms have a new token each time
        assert answer(shared, "GET", path + "/") == expected
    assert answer(shared, "GET", path + "/")[0] == expected[0]


def test_metrics_are_answered_with_a_slash_too(shared: Api) -> None:
    assert shared.http.get("/metrics/").text.startswith("# HELP fotapool_")


def test_the_console_is_reached_without_a_slash(shared: Api) -> None:
    for path in ("/console", "/console/"):
        response = shared.http.get(path, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (303, "/console/overview")


def test_a_change_is_made_once_and_without_a_redirect(shared: Api) -> None:
    assert shared.control("POST", "/accounts/", {"name": "slash"}).status_code == 201
    status = shared.control("PUT", "/accounts/slash/status/", {"status": "suspended"})
    assert (status.status_code, status.json()["status"]) == (200, "suspended")
    assert shared.control("POST", "/accounts", {"name": "slash"}).status_code == 409


def test_a_slash_within_a_name_is_not_ignored(shared: Api) -> None:
    shared.control("POST", "/users", {"username": "ford", "accounts": []})
    assert shared.control("DELETE", "/users/ford%2F").status_code == 404
    assert shared.control("DELETE", "/users/ford/").status_code == 204


def test_the_documented_api_does_not_ignore_a_slash_at_the_end(shared: Api) -> None:
    path = f"/v3/subscriptions/{ACCOUNT}"
    assert shared.call("GET", path).status_code == 200
    refused = shared.call("GET", path + "/")
    assert (refused.status_code, "fault" in refused.json()) == (400, True)
