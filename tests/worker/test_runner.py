"""What falls due is done in order, moment by moment, once, and whatever goes wrong is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from fotapool.core.clock import MovableClock
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.devices.devices import Device
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import PurchaseType, format_device_id
from fotapool.services.accounts.accounts import create_account, get_account
from fotapool.services.accounts.audits import audit_account, list_ledger
from fotapool.services.accounts.subscriptions import change_subscription
from fotapool.services.campaigns.upgrades import set_upgrade
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import import_devices
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.licenses import notices
from fotapool.services.licenses.licenses import assign_licenses
from fotapool.store.accounts.accounts import Account
from fotapool.store.db.connection import ConstraintViolated, StoreUnavailable
from fotapool.worker import runner
from fotapool.worker.runner import ClockEvent, advance, next_due_ms, run_due, run_in_background

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]

MAY, JUNE, JULY = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp() * 1000) for month in (5, 6, 7))
"""When notices end that were given in March, April and May; the clock stands in March."""


def within(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


def clock_of(context: Context) -> MovableClock:
    assert isinstance(context.clock, MovableClock)
    return context.clock


async def account_with_notices(context: Context, name: str, devices: Sequence[int], done: bool = True) -> Caller:
    """An account whose licenses are all under notice; their upgrades have ended if `done`."""
    account: Account = await create_account(context, name, PurchaseType.MRC, len(devices))
    caller = Caller("test", "request", account.id, name)
    await import_devices(context, caller, [Device(device) for device in devices])
    await assign_licenses(context, caller, devices)
    for device in devices:
        await set_upgrade(context, caller, device, UpgradeStatus.IN_PROGRESS)
    await change_subscription(context, caller, 0, None)
    if done:
        for device in devices:
            await set_upgrade(context, caller, device, UpgradeStatus.COMPLETED)
    return caller


async def assert_consistent(context: Context, *callers: Caller) -> None:
    for caller in callers:
        assert [check for check in await audit_account(context, caller.account_name) if not check.ok] == []


def shown(happened: Sequence[ClockEvent]) -> list[tuple[int, int, list[str]]]:
    assert {one.what for one in happened} <= {"notice ended"}
    return [(one.at_ms, one.account_id, one.devices) for one in happened]


def texts(*devices: int) -> list[str]:
    return [format_device_id(device) for device in devices]


def test_nothing_is_due_where_nothing_was_given_notice(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            assert await next_due_ms(context) is None
            assert await advance(context, clock_of(context), JULY) == []
            assert context.clock.now_ms() == JULY

    within(play())


def test_advancing_stops_at_each_moment_at_which_something_falls_due(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            clock = clock_of(context)
            first = await account_with_notices(context, "first", [12, 11])
            assert await next_due_ms(context) == MAY
            assert await advance(context, clock, MAY - 86_400_000) == []
            second = await account_with_notices(context, "second", [22, 21])
            happened = await advance(context, clock, JULY)
            assert shown(happened) == [(MAY, first.account_id, texts(12, 11)), (JUNE, second.account_id, texts(22, 21))]
            assert context.clock.now_ms() == JULY
            assert await next_due_ms(context) is None
            assert [(await get_account(context, name)).used for name in ("first", "second")] == [0, 0]
            await assert_consistent(context, first, second)

    within(play())


def test_a_notice_ends_at_its_moment_and_not_a_millisecond_before(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            caller = await account_with_notices(context, "only", [1])
            assert await advance(context, clock_of(context), MAY - 1) == []
            assert await run_due(context) == []
            assert shown(await advance(context, clock_of(context), MAY)) == [(MAY, caller.account_id, texts(1))]

    within(play())


def test_a_running_upgrade_keeps_its_license_and_holds_up_no_other(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            caller = await account_with_notices(context, "only", [1, 2, 3], done=False)
            await set_upgrade(context, caller, 2, UpgradeStatus.FAILED)
            assert shown(await advance(context, clock_of(context), JULY)) == [(MAY, caller.account_id, texts(2))]
            assert (await get_account(context, "only")).used == 2
            await set_upgrade(context, caller, 3, UpgradeStatus.COMPLETED)
            assert (await get_account(context, "only")).used == 1
            assert await run_due(context) == []
            await assert_consistent(context, caller)

    within(play())


def test_many_notices_go_step_by_step_the_oldest_first(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "NOTICES_PER_STEP", 2)

    async def play() -> None:
        async with open_context() as context:
            caller = await account_with_notices(context, "only", [5, 3, 4, 1, 2])
            clock_of(context).move_to(JULY)
            steps = [one.devices for one in await run_due(context)]
            assert steps == [texts(5, 3), texts(4, 1), texts(2)]
            ended = [
                row
                for row in await list_ledger(context, caller=caller, device=None, after=0, limit=100)
                if row[5] == "end notice"
            ]
            assert [(row[3], row[7], row[9]) for row in ended] == [
                ("engine", 5, 4),
                ("engine", 3, 3),
                ("engine", 4, 2),
                ("engine", 1, 1),
                ("engine", 2, 0),
            ]
            await assert_consistent(context, caller)

    within(play())


def test_two_servers_on_one_database_take_a_license_once(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as one, open_context() as other:
            callers = [
                await account_with_notices(one, f"account-{number}", range(number * 10 + 1, number * 10 + 6))
                for number in range(4)
            ]
            for context in (one, other):
                clock_of(context).move_to(JULY)
            happened = await asyncio.gather(run_due(one), run_due(other))
            taken = [device for done in happened for step in done for device in step.devices]
            assert sorted(taken) == texts(*(number * 10 + place for number in range(4) for place in range(1, 6)))
            for caller in callers:
                rows = await list_ledger(other, caller=caller, device=None, after=0, limit=100)
                assert len([row for row in rows if row[5] == "end notice"]) == 5
            await assert_consistent(one, *callers)

    within(play())


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("gone"),
        ConstraintViolated("a bug"),
        RequestRejected(ErrorCode.BUSY),
        ZeroDivisionError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_background_tries_again_after_whatever_went_wrong(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(runner, "TICK_S", 0.001)
    failures = [error, error]

    async def play() -> None:
        async with open_context() as context:
            caller = await account_with_notices(context, "only", [1, 2])
            clock_of(context).move_to(JULY)
            done = asyncio.Event()

            async def first_fails(given: Context) -> list[ClockEvent]:
                if failures:
                    raise failures.pop()
                happened = await run_due(given)
                done.set()
                return happened

            monkeypatch.setattr(runner, "run_due", first_fails)
            background = asyncio.create_task(run_in_background(context, Authenticator(context)))
            await done.wait()
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            assert (await get_account(context, "only")).used == 0
            await assert_consistent(context, caller)

    within(play())


def test_the_background_forgets_ended_sign_ins_now_and_then(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TICK_S", 0.001)
    monkeypatch.setattr(runner, "TICKS_PER_PURGE", 3)

    async def play() -> None:
        async with open_context() as context:
            forgotten = asyncio.Event()

            async def forget(given: Context) -> None:
                forgotten.set()

            monkeypatch.setattr(runner, "purge_ended", forget)
            background = asyncio.create_task(run_in_background(context, Authenticator(context)))
            await forgotten.wait()
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)

    within(play())
