"""What accounts are refused: counted in memory, written together, never lost by a failed write."""

from __future__ import annotations

import asyncio

import pytest

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Outcome
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts import rejection_counter
from fotapool.services.accounts.accounts import create_account
from fotapool.services.accounts.rejection_counter import RejectionCounter
from fotapool.services.accounts.rejections import count_rejection, flush_rejections, list_rejections
from fotapool.services.context import Context
from fotapool.services.licenses.licenses import NOT_ASSIGNED, count_outcomes
from fotapool.store.accounts.accounts import Account
from worker.conftest import OpenContext


async def summaries(context: Context, account: Account) -> dict[str, int]:
    return {one.reason: one.rejected for one in await list_rejections(context, account, 30)}


def test_what_was_written_and_what_waits_is_added_up_by_reason(open_context: OpenContext) -> None:
    async def run() -> None:
        async with open_context() as context, open_context() as other:
            account = await create_account(context, "a", PurchaseType.MRC, 5)
            count_rejection(context, "a", ErrorCode.DEVICE_ID_INVALID)
            count_outcomes(
                context, "a", [Outcome.NO_FREE_LICENSE, Outcome.ASSIGNED, Outcome.NO_FREE_LICENSE], NOT_ASSIGNED
            )
            assert await summaries(other, account) == {}
            await flush_rejections(context)
            await flush_rejections(context)
            count_outcomes(other, "a", [Outcome.NO_FREE_LICENSE], NOT_ASSIGNED)
            assert await summaries(other, account) == {"no license is free": 3, "not a 15-digit IMEI": 1}
            await flush_rejections(other)
            assert await summaries(context, account) == {"no license is free": 3, "not a 15-digit IMEI": 1}

    asyncio.run(run())


def test_counts_of_an_account_that_is_gone_are_dropped(open_context: OpenContext) -> None:
    async def run() -> None:
        async with open_context() as context:
            count_rejection(context, "nobody", ErrorCode.BODY_INVALID)
            await flush_rejections(context)
            assert context.rejections.drain() == []

    asyncio.run(run())


def test_what_could_not_be_written_is_kept_for_the_next_time(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with open_context() as context:
            account = await create_account(context, "a", PurchaseType.MRC, 5)
            count_rejection(context, "a", ErrorCode.BODY_INVALID)
            monkeypatch.setattr("fotapool.store.db.writer.MAX_WAITING", 0)
            with pytest.raises(RequestRejected):
                await flush_rejections(context)
            assert list((await summaries(context, account)).values()) == [1]

    asyncio.run(run())


@pytest.mark.parametrize("code", [ErrorCode.BEARER_INVALID, ErrorCode.SESSION_EXPIRED, ErrorCode.ACCOUNT_NOT_FOUND])
def test_what_anybody_could_cause_without_a_right_to_the_account_is_not_counted(
    open_context: OpenContext, code: ErrorCode
) -> None:
    async def run() -> None:
        async with open_context() as context:
            count_rejection(context, "a", code)
            assert context.rejections.drain() == []

    asyncio.run(run())


def test_a_counter_that_is_full_goes_on_with_what_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection_counter, "MAX_COUNTED", 2)
    counter = RejectionCounter()
    for reason in ("one", "two", "three", "one"):
        counter.add("a", 1, reason)
    assert {count.reason: count.rejected for count in counter.drain()} == {"one": 2, "two": 1}
