"""Faults in callbacks, against a real receiver: dropped, sent twice, reordered, late; and the record of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import pytest

from fotapool.emulator.callbacks import FaultySender
from fotapool.emulator.faults import Rules
from fotapool.emulator.rules import FaultAction, FaultMatch, NewFault
from fotapool.worker.callbacks.sender import HttpSender
from support.helpers import ACCOUNT, NOW_MS, Api
from support.receivers import Receiver, running_receiver

FIRMWARE = {
    "firmwareName": "F2",
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
    "protocol": "LWM2M",
}
waited: list[float] = []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


async def never(_: float) -> None:
    await asyncio.Event().wait()


async def at_once(seconds: float) -> None:
    waited.append(seconds)


@contextlib.asynccontextmanager
async def sending(fault: Any, sleep: Any = never, **match: Any) -> AsyncIterator[tuple[FaultySender, Rules]]:
    rules = Rules(lambda: NOW_MS)
    action = FaultAction(callback=fault, by_ms=1500 if fault == "delay" else None)
    rules.add(NewFault(action=action, match=FaultMatch(**match)))
    sender = FaultySender(HttpSender(10, True), rules, sleep)
    try:
        yield sender, rules
    finally:
        await sender.close()


async def send(sender: FaultySender, receiver: Receiver, *numbers: int) -> list[int | None]:
    sent = [await sender.send(receiver.url, {"webhook-id": f"msg_{n}"}, b'{"n": %d}' % n) for n in numbers]
    return [one.status for one in sent]


def seen(receiver: Receiver) -> list[int]:
    return [body["n"] for body in receiver.bodies]


def test_a_lost_callback_never_comes_and_its_sender_believes_it_did(receiver: Receiver) -> None:
    async def story() -> None:
        async with sending("drop", nth=2) as (sender, rules):
            assert await send(sender, receiver, 1, 2, 3) == [200, 200, 200]
            hit = rules.hits(0, 10)[0]
            assert (hit.request_id, hit.what, hit.at_ms) == ("msg_2", "callback drop", NOW_MS)

    run(story())
    assert seen(receiver) == [1, 3]


def test_a_doubled_callback_comes_twice_with_one_id(receiver: Receiver) -> None:
    async def story() -> None:
        async with sending("duplicate", nth=1) as (sender, _):
            await send(sender, receiver, 1, 2)

    run(story())
    assert seen(receiver) == [1, 1, 2]
    assert [one.headers["webhook-id"] for one in receiver.seen] == ["msg_1", "msg_1", "msg_2"]


def test_a_swapped_callback_comes_after_the_next_one(receiver: Receiver) -> None:
    async def story() -> None:
        async with sending("reorder", path="/callbacks", nth=1) as (sender, _):
            await send(sender, receiver, 1, 2, 3)

    run(story())
    assert seen(receiver) == [2, 1, 3]


def test_a_swapped_callback_that_nothing_follows_comes_by_itself(receiver: Receiver) -> None:
    async def story() -> None:
        async with sending("reorder", at_once) as (sender, _):
            await send(sender, receiver, 1)
            await asyncio.to_thread(receiver.wait_for, 1)

    run(story())
    assert seen(receiver) == [1]


def test_a_late_callback_waits_and_stays_in_its_place(receiver: Receiver) -> None:
    waited.clear()

    async def story() -> None:
        async with sending("delay", at_once, nth=1) as (sender, _):
            await send(sender, receiver, 1, 2)

    run(story())
    assert (seen(receiver), waited) == ([1, 2], [1.5])


def test_what_is_held_back_when_the_server_stops_is_given_up(receiver: Receiver) -> None:
    async def story() -> None:
        async with sending("reorder") as (sender, _):
            await send(sender, receiver, 1)

    run(story())
    assert seen(receiver) == []


def test_a_callback_of_an_account_is_lost_and_on_record(api: Api, receiver: Receiver) -> None:
    assert api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": receiver.url}).status_code == 200
    fault = {"match": {"account": ACCOUNT, "nth": 1}, "action": {"callback": "drop"}}
    assert api.control("POST", "/faults", fault).status_code == 201
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    assert api.control("POST", "/firmware", FIRMWARE).status_code == 201
    api.advance("PT1S")
    assert api.control("POST", "/firmware", {**FIRMWARE, "firmwareName": "F3"}).status_code == 201
    api.advance("PT1S")
    receiver.wait_for(1)
    assert [body["firmwareList"][0]["firmwareName"] for body in receiver.bodies] == ["F3"]
    found = api.control("GET", "/faults").json()
    assert [(one["what"], one["method"], one["path"]) for one in found["firings"]] == [
        ("callback drop", "POST", receiver.url)
    ]
    states = [one["state"] for one in api.control("GET", "/deliveries").json()["deliveries"]]
    assert states == ["delivered", "delivered"]
