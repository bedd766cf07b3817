"""Servers on one database that get the same Idempotency-Key at the same time make one change."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx

from api.campaigning import CAMPAIGN_SEED, answered
from api.idempotency.changes import CHANGES, Prepared
from support.helpers import ACCOUNT, Api

ROUNDS, THREADS = 10, 3
REPLAYED = "idempotency-replayed"


def race(request: Prepared, servers: list[Api], key: str) -> list[httpx.Response]:
    """The responses of all servers to the request, which each gets THREADS times at once."""
    together, responses = threading.Barrier(THREADS * len(servers)), list[httpx.Response]()

    def send(api: Api) -> None:
        together.wait()
        responses.append(request.send(api, key))

    threads = [threading.Thread(target=send, args=(api,)) for api in servers * THREADS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return responses


def test_servers_that_race_with_a_key_make_one_change(start: Callable[..., Api]) -> None:
    one = start(CAMPAIGN_SEED)
    two = start(seed=None)
    two.bearer, two.session = one.bearer, one.session
    request = CHANGES["V3-5"].prepare(one)
    made = set()
    for number in range(ROUNDS):
        responses = race(request, [one, two], f"round-{number}")
        by_status = {status: [each for each in responses if each.status_code == status] for status in (200, 409)}
        assert sum(map(len, by_status.values())) == len(responses), [each.text for each in responses]
        assert all(each.headers["retry-after"] == "2" for each in by_status[409])
        assert len({each.content for each in by_status[200]}) == 1
        assert [REPLAYED in each.headers for each in by_status[200]].count(False) == 1
        made.add(by_status[200][0].json()["id"])
    listed = one.call("GET", f"/v3/reports/{ACCOUNT}/campaigns?campaignStatus=CampaignRequestPending").json()
    assert {campaign["id"] for campaign in listed["campaignList"]} == made
    assert len(made) == ROUNDS
    one.assert_consistent()


def test_another_server_gives_the_answer_again(start: Callable[..., Api]) -> None:
    one = start(CAMPAIGN_SEED)
    two = start(seed=None)
    two.bearer, two.session = one.bearer, one.session
    request = CHANGES["V2-9"].prepare(one)
    first, again = request.send(one, "key"), request.send(two, "key")
    assert answered(again) == answered(first)
    assert again.headers[REPLAYED] == "true"
