"""Lists to assign or remove by, step by step: crashes, several servers, and what goes on beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from fotapool.domain.devices.device_lists import read_device_list
from fotapool.domain.errors import Conflict
from fotapool.domain.licenses.bulk_jobs import BulkVerb
from fotapool.services.accounts.accounts import get_account
from fotapool.services.context import Caller, Context
from fotapool.services.licenses import bulk_jobs
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.store.db.factory import open_database
from fotapool.store.licenses import bulk_jobs as store
from support.helpers import ACCOUNT, Api, devices

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]


def carried_out(open_context: OpenContext, numbers: range, steps: int) -> list[bool]:
    """Gives a list, starts it and does steps, by two servers in turn; what each step answered."""

    async def run() -> list[bool]:
        async with open_context() as one, open_context() as other:
            account = await get_account(one, ACCOUNT)
            lines = read_device_list(["\n".join(devices(*numbers)).encode()], 1000)
            job = await bulk_jobs.create_draft_job(
                one, Caller("ford", "", account.id, account.name), BulkVerb.ASSIGN, lines
            )
            await bulk_jobs.start_job(one, account, job.uuid)
            return [await bulk_jobs.step_running_job((one, other)[step % 2]) for step in range(steps)]

    return asyncio.run(run())


def gone_on(open_context: OpenContext) -> bool:
    """Does one further step."""

    async def run() -> bool:
        async with open_context() as context:
            return await bulk_jobs.step_running_job(context)

    return asyncio.run(run())


def outcomes(url: str) -> list[str | None]:
    connection = open_database(url, durable=False).connect()
    try:
        return [row[0] for row in connection.fetch("SELECT outcome FROM bulk_line ORDER BY place")]
    finally:
        connection.close()


@pytest.fixture
def stepwise(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> Api:
    """A server without a bulk job worker, and with steps of four devices."""
    monkeypatch.setattr("fotapool.worker.bulk_jobs.TICK_S", 3600.0)
    monkeypatch.setattr(bulk_jobs, "STEP_DEVICES", 4)
    api = start()
    api.subscribe(8)
    return api


def test_two_servers_share_a_list_and_neither_repeats_what_the_other_did(
    stepwise: Api, database_url: str, open_context: OpenContext
) -> None:
    assert carried_out(open_context, range(10), 5) == [True, True, True, False, False]
    assert stepwise.licensed() == devices(*range(8))
    assert outcomes(database_url) == ["assigned"] * 8 + ["no_free_license"] * 2
    assert [entry["actor"] for entry in stepwise.ledger()] == ["ford"] * 8
    stepwise.assert_consistent()


def test_a_step_that_fails_at_its_end_has_done_nothing_and_is_done_again(
    stepwise: Api, database_url: str, open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_step = store.record_step
    calls = []

    def fail_once(connection: Connection, **arguments: Any) -> None:
        record_step(connection, **arguments)
        calls.append(1)
        if len(calls) == 2:
            raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(store, "record_step", fail_once)
    with pytest.raises(StoreUnavailable):
        carried_out(open_context, range(6), 9)
    assert outcomes(database_url) == ["assigned"] * 4 + [None] * 2
    assert stepwise.licensed() == devices(*range(4))
    assert gone_on(open_context)
    assert not gone_on(open_context)
    assert outcomes(database_url) == ["assigned"] * 6
    assert len(stepwise.ledger()) == 6
    stepwise.assert_consistent()


def test_a_list_whose_lines_were_not_all_kept_cannot_be_started(
    stepwise: Api, database_url: str, open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "LINES_PER_CHANGE", 2)
    kept = store.record_lines

    def lose_the_last(connection: Connection, uuid: str, first: int, some: list[int]) -> None:
        if first < 4:
            kept(connection, uuid, first, some)

    monkeypatch.setattr(store, "record_lines", lose_the_last)
    with pytest.raises(Conflict, match="send it again"):
        carried_out(open_context, range(6), 0)
