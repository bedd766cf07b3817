"""Suites with event loops, threads and frozen clocks: nothing hangs, and nothing fails for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from fotapool.testing import Account, Server

PACKAGE = {"firmwareName": "Async_1To2", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


class OwnReceiver:
    """A receiver of callbacks in the test's own event loop, as an application has it."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        application = web.Application()
        application.router.add_post("/callbacks", self._receive)
        self._runner = web.AppRunner(application)

    async def _receive(self, request: web.Request) -> web.Response:
        self.received.append(json.loads(await request.read()))
        return web.Response()

    async def __aenter__(self) -> OwnReceiver:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/callbacks"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()


async def schedule(account: Account) -> None:
    """Creates a campaign that starts on the next day."""
    day = (account.now + timedelta(days=1)).date()
    campaign = {
        "firmwareName": PACKAGE["firmwareName"],
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "protocol": "LWM2M",
        "make": "Verizon",
        "model": "Model-A",
        "campaignName": "Async",
        "deviceList": account.devices,
        "startDate": f"{day}",
        "endDate": f"{day + timedelta(days=2)}",
    }
    await account.acall("POST", f"/v3/campaigns/firmware/{account.name}", campaign)


def test_a_receiver_in_the_test_s_own_loop_answers_while_the_clock_moves(server: Server) -> None:
    async def run() -> None:
        account = server.account(devices=2, licensed=2, packages=[PACKAGE])
        async with OwnReceiver() as receiver:
            await account.acall("POST", f"/v3/callbacks/{account.name}", {"url": receiver.url})
            await schedule(account)
            with pytest.raises(RuntimeError, match=r"would block the event loop .*/callbacks; use `await account"):
                account.advance("P1D")
            before = account.now
            assert await account.aadvance(timedelta(days=1))
            assert [one["type"] for one in receiver.received][:1] == ["upgradeScheduled"]
            await account.anext()
            await account.ato(before + timedelta(days=5))
            assert account.now >= before + timedelta(days=5)
            await account.acall("DELETE", f"/v3/callbacks/{account.name}")
        account.advance("PT1M")

    asyncio.run(run())


def test_the_inbox_is_awaited_while_the_loop_goes_on(server: Server) -> None:
    async def run() -> None:
        account = server.account(devices=2, licensed=2)
        inbox = account.callbacks
        package = {**PACKAGE, "firmwareName": "Async_1To3", "toVersion": "3"}
        waiting = asyncio.create_task(inbox.await_for(1, type="firmwareList", timeout_s=60))
        await asyncio.sleep(0)
        assert not waiting.done()
        server.control.call("POST", "/firmware", package)
        assert "Async_1To3" in json.dumps((await waiting)[0].content)
        with pytest.raises(AssertionError, match="0 arrived"):
            await inbox.await_for(1, type="upgradeProgress", timeout_s=0.01)
        with pytest.raises(AssertionError, match="use `await inbox"):
            inbox.wait_for(1, type="upgradeProgress", timeout_s=0.01)

    asyncio.run(run())


def test_forty_threads_and_forty_tasks_share_an_account(server: Server) -> None:
    account = server.account(licenses=80, devices=80)
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(account.assign, account.devices[:40]))
    assert {row["status"] for answer in answers for row in answer["deviceList"]} == {"LicenseAssignSuccess"}
    account.advance("P1D")  # all tokens have expired
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(account.assign, account.devices[40:60]))

    async def run() -> None:
        path = f"/v3/licenses/{account.name}/assign"
        await asyncio.gather(*(account.acall("POST", path, {"deviceList": [one]}) for one in account.devices[60:]))

    asyncio.run(run())
    account.assert_licensed(account.devices)


def test_a_token_has_expired_though_another_thread_renews_it_meanwhile(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = server.account(licenses=1, devices=1)
    sign_in = account.sign_in
    old, now = sign_in.session, sign_in._now
    account.advance("P1D")

    def now_after_another_thread() -> datetime:
        monkeypatch.undo()
        sign_in.renew(old)
        return now()

    monkeypatch.setattr(sign_in, "_now", now_after_another_thread)
    assert sign_in.has_expired("session (expired)", old)
    assert sign_in.session != old


@contextmanager
def frozen_clocks(library: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    if library == "freezegun":
        with pytest.importorskip(library).freeze_time("2026-12-01"):
            yield
    elif library == "time_machine":
        with pytest.importorskip(library).travel("2026-12-01", tick=False):
            yield
    else:
        patch.setattr(time, "monotonic", lambda: 1.0)
        patch.setattr(time, "time", lambda: 1.0)
        yield


@pytest.mark.parametrize("library", ["freezegun", "time_machine", "no library"])
def test_a_wait_ends_although_the_clock_is_frozen(
    server: Server, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = server.account().callbacks
    with frozen_clocks(library, monkeypatch), pytest.raises(AssertionError, match="expected 1 callback within"):
        inbox.wait_for(timeout_s=0.05)
