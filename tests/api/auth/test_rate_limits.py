"""Rates of clients and users: what is answered beyond them, who is counted, and who is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fotapool.core.throttle import MAX_REMEMBERED, RateLimit
from fotapool.services.identity.rate_limits import rate_limits
from support.helpers import ACCOUNT, OTHER, SEED, Api
from support.metrics import scrape

TWO = {
    **SEED,
    "clients": [*SEED["clients"], {"key": "other-key", "secret": "other-secret"}],
    "users": [*SEED["users"], {"username": "ford", "password": "prefect1", "accounts": [ACCOUNT, OTHER]}],
}
LICENSES = f"/v3/licenses/{ACCOUNT}"


class Limited:
    """A server with limits, whose monotonic clock stands until the test moves it."""

    def __init__(self, start: Callable[..., Api], **settings: Any) -> None:
        self.api = start(TWO, **settings)
        self.now_s = 1000.0
        server = self.api.server
        server.authenticator.limits = rate_limits(server.settings, server.metrics, lambda: self.now_s)

    def get(self, count: int = 1, path: str = LICENSES) -> list[int]:
        return [self.api.call("GET", path).status_code for _ in range(count)]

    def other(self, key: str = "other-key", secret: str = "other-secret", user: str = "", password: str = "") -> Api:
        """Another client, or another session of it."""
        api = Api(self.api.http)
        api.bearer = api.get_bearer(key, secret).json()["access_token"]
        answer = api.log_in(user, password) if user else api.log_in()
        api.session = answer.json()["sessionToken"]
        return api


def test_a_rate_has_a_burst_and_then_an_even_pace() -> None:
    limit = RateLimit(requests_per_s=4, burst=3)

    def is_taken(now_s: float) -> bool:
        if limit.wait_s("a", now_s) > 0:
            return False
        limit.take("a", now_s)
        return True

    assert [is_taken(10.0) for _ in range(4)] == [True, True, True, False]
    assert limit.wait_s("a", 10.0) == 0.25
    assert [is_taken(at_s) for at_s in (10.125, 10.25, 10.25, 10.5)] == [False, True, False, True]
    assert [is_taken(20.0) for _ in range(4)] == [True, True, True, False]
    assert limit.wait_s("b", 20.0) <= 0
    for number in range(MAX_REMEMBERED + 5):
        limit.take(f"key {number}", 30.0)
    assert limit.wait_s("a", 20.0) <= 0  # forgotten: memory is bounded


def test_beyond_the_rate_the_gateway_answers_with_the_seconds_to_wait(start: Callable[..., Api]) -> None:
    limited = Limited(start, client_requests_per_s=1, client_burst=3)
    assert limited.get(3) == [200, 200, 200]
    for path in (LICENSES, f"/v1/licenses/{ACCOUNT}", f"/v2/licenses/{ACCOUNT}/cancel"):
        refused = limited.api.call("GET", path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json() == {
            "fault": {
                "code": "900803",
                "message": "Message throttled out",
                "description": "You have exceeded your quota",
            }
        }
    limited.now_s += 1
    assert limited.get(2) == [200, 429]
    changed = limited.api.call("POST", f"{LICENSES}/assign", {"deviceList": ["990000000000001"]})
    assert changed.status_code == 429
    limited.now_s += 10
    assert limited.api.licensed() == []  # the change was not done
    counts = scrape(limited.api.http)
    assert counts.value("fotapool_rate_limited_total", limit="client") == 5
    assert counts.value("fotapool_refusals_total", reason="rate_limited") == 5


def m2m_list(api: Api) -> httpx.Response:
    return api.http.post("/api/m2m/v1/devices/actions/list", json={"accountName": ACCOUNT}, headers=api.tokens)


def test_one_request_counts_once_on_every_path(start: Callable[..., Api]) -> None:
    limited = Limited(start, client_requests_per_s=1, client_burst=4, user_requests_per_s=1, user_burst=4)
    api = limited.api
    assert m2m_list(api).status_code == 200  # the account is in the body
    assert limited.get(1, "/v3/licenses/0000000000-00001") == [400]  # refused after the sign-in
    assert api.call("POST", f"{LICENSES}/assign", {"deviceList": []}).status_code == 400  # checked twice
    upload = {"fileupload": ("f", b"x")}
    assert api.http.post(f"/api/fota/v2/files/{ACCOUNT}", files=upload, headers=api.tokens).status_code == 400
    assert [m2m_list(api).status_code, *limited.get()] == [429, 429]
    assert m2m_list(api).json()["fault"]["code"] == "900803"
    assert api.log_in().status_code == 429
    limited.now_s += 4
    assert api.log_in().status_code == 200


def test_clients_and_users_have_limits_of_their_own(start: Callable[..., Api]) -> None:
    limited = Limited(start, client_requests_per_s=1, client_burst=5, user_requests_per_s=1, user_burst=2)
    again = limited.other("demo-key", "demo-secret")  # counts for the client: its sign-in needs a bearer token
    assert limited.get(2) == [200, 200]
    refused = again.call("GET", LICENSES)  # another session of the user
    assert (refused.status_code, refused.json()["fault"]["code"]) == (429, "900800")
    ford = limited.other("demo-key", "demo-secret", "ford", "prefect1")
    assert ford.call("GET", LICENSES).status_code == 200
    refused = ford.call("GET", LICENSES)
    assert (refused.status_code, refused.json()["fault"]["code"]) == (429, "900803")
    elsewhere = limited.other(user="ford", password="prefect1")
    assert [elsewhere.call("GET", LICENSES).status_code for _ in range(2)] == [200, 429]
    assert scrape(limited.api.http).value("fotapool_rate_limited_total", limit="user") == 2


def test_who_is_not_signed_in_takes_nothing_of_others(start: Callable[..., Api]) -> None:
    limited = Limited(start, client_requests_per_s=1, client_burst=1)
    api = limited.api
    revoked = Api(api.http)
    revoked.bearer, revoked.session = api.bearer, "unknown"
    assert [revoked.call("GET", LICENSES).status_code for _ in range(3)] == [400, 400, 400]
    assert api.http.get(f"/api/fota{LICENSES}").status_code == 401
    assert api.control("GET", "/accounts").status_code == 200
    assert limited.get(2) == [200, 429]
    assert [api.control("GET", "/accounts").status_code for _ in range(3)] == [200, 200, 200]


def test_without_settings_there_is_no_limit(api: Api) -> None:
    assert api.server.authenticator.limits is None
    assert {api.call("GET", LICENSES).status_code for _ in range(30)} == {200}


@pytest.mark.parametrize(("rate", "burst", "allowed"), [(3, None, 3), (3, 1, 1), (1, 7, 7)])
def test_the_burst_is_that_of_a_second_unless_it_is_set(
    start: Callable[..., Api], rate: int, burst: int | None, allowed: int
) -> None:
    limited = Limited(start, user_requests_per_s=rate, user_burst=burst)
    assert limited.get(allowed + 1) == [*[200] * allowed, 429]
