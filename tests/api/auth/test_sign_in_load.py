"""Work before sign-in: one hash a request, a bounded queue, known clients first, failures slowed down."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import httpx
import pytest

from fotapool.core import hashing
from fotapool.core.throttle import FailureThrottle, Throttled
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, USER, Api

TOKEN, LOGIN = "/api/ts/v1/oauth2/token", "/api/m2m/v1/session/login"
RESET = "/api/m2m/v1/session/password/actions/reset"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hashes that are computed, by kind; nothing is known from before."""
    done: list[str] = []

    def counted(kind: str, compute: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            done.append(kind)
            return compute(*given)

        return run

    for kind in ("verify_secret_now", "derive_token_now", "hash_secret_now"):
        monkeypatch.setattr(hashing, kind, counted(kind.partition("_")[0], getattr(hashing, kind)))
    monkeypatch.setattr(hashing, "queue", hashing.HashingQueue(32))
    return done


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def get_token(api: Api, text: str) -> httpx.Response:
    return api.http.post(TOKEN, headers=basic(text), data=GRANT)


@pytest.mark.parametrize("given", ["a%41:b%42", "nobody:wrong", f"{KEY}:wrong", f"{KEY}:wr%6Fng", f"{KEY}%20:{SECRET}"])
def test_a_wrong_sign_in_costs_one_hash(api: Api, hashes: list[str], given: str) -> None:
    assert get_token(api, given).status_code == 401
    assert len(hashes) == 1
    api.control("POST", "/clients", {"key": "fresh", "secret": "fresh-secret"})
    hashes.clear()
    assert get_token(api, "fresh:wrong").status_code == 401  # a client that has no token yet
    assert len(hashes) == 1


def test_a_right_sign_in_costs_one_hash_and_then_none(api: Api, hashes: list[str]) -> None:
    token = get_token(api, f"{KEY}:{SECRET}").json()["access_token"]
    assert (token, hashes) == (api.bearer, ["derive"])
    assert get_token(api, f"{KEY}:{SECRET}").json()["access_token"] == token
    assert hashes == ["derive"]
    assert get_token(api, f"{KEY}:{SECRET}x").status_code == 401
    assert hashes == ["derive", "derive"]
    for _ in range(2):
        assert api.log_in().status_code == 200
    assert hashes == ["derive", "derive", "verify"]


def test_a_login_of_an_unknown_user_costs_as_much_as_a_wrong_password(api: Api, hashes: list[str]) -> None:
    assert api.log_in(USER, "wrong").status_code == 400
    assert api.log_in("nobody", "wrong").status_code == 400
    assert hashes == ["verify", "verify"]
    assert api.http.put(RESET, headers=api.tokens, json={"oldPassword": "wrong"}).status_code == 400
    assert hashes == ["verify", "verify", "verify"]


def test_a_secret_that_would_be_read_as_percent_encoded_cannot_be_made(api: Api) -> None:
    refused = api.control("POST", "/clients", {"key": "key", "secret": "b%42"})
    assert refused.status_code == 400
    assert "percent-encoded" in refused.json()["detail"]
    assert api.control("POST", "/clients", {"key": "key", "secret": "50% of b%42"}).status_code == 201
    assert get_token(api, "key:50% of b%42").status_code == 200


def test_beyond_the_queue_a_sign_in_is_answered_503_and_a_known_client_is_served(api: Api, hashes: list[str]) -> None:
    assert get_token(api, f"{KEY}:{SECRET}").status_code == 200
    assert api.log_in().status_code == 200
    hashing.queue.max_waiting = 0
    busy = get_token(api, f"{KEY}:wrong")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    assert busy.json()["error"] == "temporarily_unavailable"
    for response in (
        api.log_in(USER, "wrong"),
        api.http.put(RESET, headers=api.tokens, json={"oldPassword": "wrong"}),
    ):
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert response.json()["errorCode"] == "UnifiedWebService.REQUEST_FAILED.UnexpectedError"
    assert get_token(api, f"{KEY}:{SECRET}").json()["access_token"] == api.bearer
    assert api.log_in().status_code == 200


def test_the_queue_takes_no_more_than_its_limit() -> None:
    release, begun = Event(), Event()

    def slow() -> None:
        begun.set()
        assert release.wait(60)

    async def scenario() -> None:
        queue = hashing.HashingQueue(2)
        tasks = [asyncio.create_task(queue.run(slow)) for _ in range(2)]
        await asyncio.to_thread(begun.wait, 60)
        with pytest.raises(hashing.HashingBusy):
            await queue.run(slow)
        release.set()
        await asyncio.gather(*tasks)
        await queue.run(slow)
        assert queue.waiting == 0

    asyncio.run(scenario())


def test_the_hashing_thread_rests_after_a_wrong_secret() -> None:
    now_s = [100.0]
    slept: list[float] = []

    def hash_for(seconds: float, result: bool) -> bool:
        now_s[0] += seconds
        return result

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now_s[0] += seconds

    async def scenario() -> None:
        queue = hashing.HashingQueue(2, now_s=lambda: now_s[0], sleep=sleep)
        for seconds, right in ((0.02, True), (0.02, False), (0.02, False), (0.5, False), (0.02, True), (0.02, True)):
            assert await queue.run(hash_for, seconds, right) == right

    asyncio.run(scenario())
    assert slept == [0, 0, 0.06, 0.06, 0.3, 0]


@pytest.mark.usefixtures("failures_last")
def test_repeated_failures_from_an_address_are_slowed_down_except_for_known_clients(
    start: Callable[..., Api], hashes: list[str]
) -> None:
    api = start(emulator=False, max_failed_sign_ins=3, failed_sign_in_delay_s=0)
    hashes.clear()
    assert [get_token(api, f"{KEY}:wrong").status_code for _ in range(5)] == [401, 401, 401, 503, 503]
    assert get_token(api, "other:wrong").status_code == 503
    assert get_token(api, f"{KEY}:{SECRET}").status_code == 200  # verified when the test signed in
    assert len(hashes) == 3
    assert [api.log_in("nobody", "wrong").status_code for _ in range(4)] == [400, 400, 400, 503]
    assert api.log_in(USER, PASSWORD).status_code == 200


def test_failures_are_forgotten_in_time_and_the_memory_is_bounded() -> None:
    now_s = [1000.0]
    throttle = FailureThrottle(failures=2, refill_s=10, now_s=lambda: now_s[0])
    throttle.failed("a")
    throttle.check("a", "b")
    throttle.failed("a")
    with pytest.raises(Throttled) as refused:
        throttle.check("b", "a")
    assert refused.value.retry_after_s == 11
    throttle.check("b")
    now_s[0] += 10
    throttle.check("a")
    for number in range(20_000):
        throttle.failed(f"{number}")
    assert len(throttle._free_at_s) == 10_000


def test_refusals_beyond_the_free_ones_wait_and_their_number_a_second_is_bounded() -> None:
    now_s = [1000.0]
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(round(seconds, 3))

    throttle = FailureThrottle(failures=3, refill_s=10, now_s=lambda: now_s[0], delay_s=1, sleep=sleep)

    async def refuse(address: str, times: int) -> list[float]:
        waited.clear()
        for _ in range(times):
            await throttle.delay_answer(address)
        return list(waited)

    async def scenario() -> None:
        assert await refuse("a", 5) == [1, 1.05, 1.1]
        assert await refuse("b", 2) == []
        assert (await refuse("a", 1_000))[::500] == [1.15, 26.15]
        assert await refuse("a", 2) == [30, 30]
        now_s[0] += 60
        assert await refuse("a", 1) == [1]

    asyncio.run(scenario())


def test_every_plane_delays_the_refusals_of_those_who_are_not_signed_in(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start(emulator=False)
    delayed: list[str] = []

    async def delay(_: FailureThrottle, address: str) -> None:
        delayed.append(address)

    monkeypatch.setattr(FailureThrottle, "delay_answer", delay)
    wrong = {"Authorization": "Bearer wrong"}
    licenses = f"/api/fota/v3/licenses/{ACCOUNT}"
    refused = [
        api.http.get(licenses),
        api.http.get(licenses, headers=wrong),
        api.http.get(licenses, headers={**api.tokens, "VZ-M2M-Token": "wrong"}),
        api.http.post(TOKEN, data=GRANT),
        get_token(api, f"{KEY}:wrong"),
        api.log_in(USER, "wrong"),
        api.http.post(LOGIN, headers=api.tokens, content=b"a" * 100_000),
        api.http.get("/control/v1/accounts", headers=wrong),
        api.http.post("/device/v1/990000000000001/check-in", headers=wrong, json={}),
        api.http.post("/console/sign-in", data={"key": "wrong"}),
        api.http.post("/console/sign-in", data={"key": "a" * 100_000}),
    ]
    assert [response.status_code for response in refused] == [401, 401, 400, 401, 401, 400, 413, 401, 401, 401, 413]
    assert delayed == ["127.0.0.1"] * len(refused)
    api.http.get(licenses, headers=api.tokens)
    api.log_in()
    assert len(delayed) == len(refused)


def test_a_password_reset_ends_the_other_sessions(api: Api) -> None:
    first, other = api.session, api.log_in().json()["sessionToken"]
    assert api.http.put(RESET, headers=api.tokens, json={"oldPassword": PASSWORD}).status_code == 200
    path = f"/api/fota/v3/licenses/{ACCOUNT}"
    answers = [
        api.http.get(path, headers={**api.tokens, "VZ-M2M-Token": session}).headers.get("x-fotapool-auth")
        for session in (first, other)
    ]
    assert answers == [None, "session token not known"]
