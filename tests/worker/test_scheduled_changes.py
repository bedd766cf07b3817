"""Scheduled changes are carried out exactly once, whatever crashes and however many servers look for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS, format_timestamp
from fotapool.domain.accounts.scheduled_changes import FailureCode, ScheduledChange, ScheduledState
from fotapool.domain.billing import Month
from fotapool.domain.errors import Conflict, Invalid
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts import scheduled_changes as service
from fotapool.services.accounts.accounts import get_account
from fotapool.services.accounts.audits import audit_account
from fotapool.services.accounts.scheduled_changes import Plan
from fotapool.services.accounts.subscriptions import change_subscription
from fotapool.services.billing.statements import list_statements, read_statement
from fotapool.services.campaigns.steps import step_due_campaign
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.licenses import assign_licenses, remove_licenses
from fotapool.store.accounts import scheduled_changes as store
from fotapool.store.db.connection import ConnectionLost, StoreUnavailable
from fotapool.store.db.schema import delete_everything
from fotapool.store.db.writer import Writer
from fotapool.worker import runner
from fotapool.worker.runner import advance, run_due
from support.fleets import World, make_world
from support.helpers import NOW_MS

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]
MARCH, APRIL = Month(2026, 3), Month(2026, 4)
DONE, SCHEDULED = ScheduledState.DONE, ScheduledState.SCHEDULED


def within(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


async def scheduled(world: World, after_ms: int, total: int) -> ScheduledChange:
    due = format_timestamp(NOW_MS + after_ms)
    return await service.schedule_change(world.context, world.caller, Plan(due, total))


async def state(world: World, change: ScheduledChange) -> ScheduledChange:
    return await service.get_change(world.context, world.caller, change.id)


async def changes_in_ledger(world: World) -> list[str]:
    """The details of the subscription's changes, in order."""
    sql = "SELECT detail FROM pool_change WHERE account_id = :id AND verb = 'change subscription' ORDER BY number"
    return [detail for (detail,) in await world.fetch(sql, id=world.caller.account_id)]


async def assert_consistent(world: World) -> None:
    assert [one for one in await audit_account(world.context, world.caller.account_name) if not one.ok] == []


def move(timestamp_ms: int, *contexts: Context) -> None:
    for context in contexts:
        context.clock.move_to(timestamp_ms)  # type: ignore[attr-defined]


def test_servers_that_race_carry_out_each_change_once_and_in_order(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as one, open_context() as other, open_context() as third:
            worlds = [
                await make_world(one, f"account-{number}", devices=6, behavior=None, first=1_000 * (number + 1))
                for number in range(5)
            ]
            totals = (5, 2, 4, 0, 6)
            for world in worlds:
                for hour, total in enumerate(totals, start=1):
                    await scheduled(world, hour * HOUR_MS, total)
            servers = (one, other, third)
            move(NOW_MS + DAY_MS, *servers)  # all of them are late

            async def load(world: World) -> None:
                for _ in range(5):
                    await assign_licenses(world.context, world.caller, world.devices)
                    await remove_licenses(world.context, world.caller, world.devices[:2])

            *happened, _ = await asyncio.gather(*map(run_due, servers), asyncio.gather(*map(load, worlds)))
            events = [event for of_server in happened for event in of_server]
            assert [event.what for event in events] == ["subscription changed"] * len(worlds) * len(totals)
            for world in worlds:
                assert await changes_in_ledger(world) == [
                    f'{{"before": {before}, "after": {after}, "scheduled": {change.id}}}'
                    for before, after, (_, change) in zip(
                        (6, *totals),
                        totals,
                        await service.list_changes(one, world.caller.account_name, DONE, 0, 100),
                        strict=False,
                    )
                ]
                await assert_consistent(world)

    within(play())


def test_a_server_that_dies_at_any_step_leaves_the_change_whole_or_undone(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks at each statement in turn, until the change is done without one that broke."""

    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=4, behavior=None)
            change = await scheduled(world, HOUR_MS, 1)
            move(NOW_MS + HOUR_MS, context)
            broken = 0
            for steps in range(100):
                died = await dies_after(monkeypatch, context, steps)
                found = await state(world, change)
                ledger = await changes_in_ledger(world)
                account = await get_account(context, world.caller.account_name)
                assert (account.total, account.used) == ((1, 1) if found.state is DONE else (4, 4))
                assert len(ledger) == (1 if found.state is DONE else 0)
                await assert_consistent(world)
                if not died:
                    assert found.state is DONE
                    break
                broken += 1
            assert broken >= 5
            assert await run_due(context) == []
            assert len(await changes_in_ledger(world)) == 1

    within(play())


async def dies_after(monkeypatch: pytest.MonkeyPatch, context: Context, steps: int) -> bool:
    """Runs what is due until the writer's connection breaks at a statement; the lease of the server then ends."""
    await context.writer.submit(
        DirectCommand(lambda connection, _: connection.execute("UPDATE scheduled_change SET leased_until_ms = 0"))
    )
    left = [steps]
    decide = Writer._decide_and_record

    def breaking(writer: Writer, batch: Any) -> None:
        connection = writer._connection
        assert connection is not None

        def limited(run: Callable[..., Any]) -> Callable[..., Any]:
            def one(*arguments: Any, **options: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    raise ConnectionLost("the server died")
                return run(*arguments, **options)

            return one

        with monkeypatch.context() as patched:
            for name in ("execute", "fetch", "insert", "update_rows", "delete_keys"):
                patched.setattr(connection, name, limited(getattr(connection, name)))
            decide(writer, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "_decide_and_record", breaking)
        try:
            await run_due(context)
        except StoreUnavailable:
            return True
    return False


def test_a_change_that_a_dead_server_has_claimed_is_taken_when_its_lease_ends(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        async with open_context() as one, open_context() as other:
            world = await make_world(one, devices=3, behavior=None)
            await scheduled(world, HOUR_MS, 1)
            move(NOW_MS + HOUR_MS, one, other)
            claim = DirectCommand(store.claim_account_with_due_change)
            assert await one.writer.submit(claim) == world.caller.account_id
            assert await run_due(other) == []
            monkeypatch.setattr(store, "LEASE_MS", 0)
            ended = "UPDATE scheduled_change SET leased_until_ms = 0"
            await one.writer.submit(DirectCommand(lambda connection, _: connection.execute(ended)))
            assert len(await run_due(other)) == 1
            assert len(await changes_in_ledger(world)) == 1

    within(play())


def test_a_fault_of_the_server_fails_the_change_and_holds_up_no_other(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3, behavior=None)
            faulty, fine = [await scheduled(world, hours * HOUR_MS, total) for hours, total in ((1, 2), (2, 1))]
            record = service.describe_change
            faults = [ZeroDivisionError("a bug")] * 2

            def with_faults(change: Any) -> Any:
                if change.decision.total == 2 and faults:
                    raise faults[0]
                return record(change)

            monkeypatch.setattr(service, "describe_change", with_faults)
            happened = await advance(context, context.clock, NOW_MS + DAY_MS)  # type: ignore[arg-type]
            assert [event.what for event in happened] == ["scheduled change failed", "subscription changed"]
            failed = await state(world, faulty)
            assert (failed.failure, failed.reason) == (FailureCode.INTERNAL, "ZeroDivisionError('a bug')")
            assert (await state(world, fine)).state is DONE
            assert [detail[:14] for detail in await changes_in_ledger(world)] == ['{"before": 3, ']
            await assert_consistent(world)

    within(play())


def test_a_change_whose_account_is_gone_when_it_is_due_stops_nothing(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3, behavior=None)
            await scheduled(world, HOUR_MS, 1)
            move(NOW_MS + HOUR_MS, context)
            claim = store.claim_account_with_due_change

            def claim_and_delete(connection: Any, now_ms: int) -> int | None:
                account_id = claim(connection, now_ms)
                delete_everything(connection)
                return account_id

            monkeypatch.setattr(store, "claim_account_with_due_change", claim_and_delete)
            assert await service.carry_out_due_change(context) == (True, None)
            monkeypatch.undo()
            assert await service.carry_out_due_change(context) == (False, None)
            assert await world.fetch("SELECT count(*) FROM scheduled_change") == [(0,)]

    within(play())


def test_an_edit_that_races_its_change_is_refused_or_holds(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as one, open_context() as other:
            world = await make_world(one, devices=8, behavior=None)
            elsewhere = replace(world, context=other)
            for volley in range(8):
                change = await scheduled(world, (volley * 2 + 1) * HOUR_MS, volley % 2)
                move(change.due_ms, one, other)
                edit = service.cancel_change if volley % 3 else postpone
                _, edited = await asyncio.gather(
                    run_due(one), edit(elsewhere.context, world.caller, change.id), return_exceptions=True
                )
                found = await state(world, change)
                if isinstance(edited, Conflict):
                    assert found.state is DONE
                else:
                    assert found == edited
                    assert found.state is not DONE
                    if found.state is SCHEDULED:
                        await service.cancel_change(one, world.caller, change.id)
            done = await service.list_changes(one, world.caller.account_name, DONE, 0, 100)
            assert len(await changes_in_ledger(world)) == len(done)
            await assert_consistent(world)

    within(play())


async def postpone(context: Context, caller: Caller, change_id: int) -> ScheduledChange:
    due = format_timestamp(context.clock.now_ms() + 400 * DAY_MS)
    return await service.edit_change(context, caller, change_id, Plan(due))


class Model:
    """What an account should have: its total, the number of its changes, and the plans by id, each (due, total)."""

    def __init__(self, world: World, total: int) -> None:
        self.world, self.total, self.changes = world, total, 0
        self.plans: dict[int, tuple[int, int]] = {}

    def _is_taken(self, due_ms: int, by_others_than: int = 0) -> bool:
        return any(at_ms == due_ms for other, (at_ms, _) in self.plans.items() if other != by_others_than)

    async def act(self, action: str, number: int, hours: int) -> None:
        due_ms = self.world.context.clock.now_ms() + hours * HOUR_MS
        if action == "schedule":
            await self._plan(0, due_ms, number)
        elif action == "advance":
            await self._advance(due_ms)
        elif action == "change":
            await change_subscription(self.world.context, self.world.caller, number, None)
            self.total, self.changes = number, self.changes + 1
        elif number < len(self.plans):
            chosen = sorted(self.plans)[number]
            if action == "edit":
                await self._plan(chosen, due_ms, hours)
            else:
                await service.cancel_change(self.world.context, self.world.caller, chosen)
                del self.plans[chosen]

    async def _plan(self, chosen: int, due_ms: int, total: int) -> None:
        context, caller, plan = self.world.context, self.world.caller, Plan(format_timestamp(due_ms), total)
        try:
            if chosen:
                made = await service.edit_change(context, caller, chosen, plan)
            else:
                made = await service.schedule_change(context, caller, plan)
            self.plans[made.id] = due_ms, total
        except Conflict:
            assert self._is_taken(due_ms, by_others_than=chosen)

    async def _advance(self, timestamp_ms: int) -> None:
        await advance(self.world.context, self.world.context.clock, timestamp_ms)  # type: ignore[arg-type]
        for change, (at_ms, wanted) in sorted(self.plans.items(), key=lambda item: item[1]):
            if at_ms <= timestamp_ms:
                self.total, self.changes = wanted, self.changes + 1
                del self.plans[change]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("schedule", "schedule", "edit", "cancel", "change", "advance")),
        st.integers(0, 4),
        st.integers(1, 6),
    ),
    max_size=25,
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_whatever_is_scheduled_edited_and_canceled_only_what_is_scheduled_then_is_done(
    open_context: OpenContext, actions: list[tuple[str, int, int]]
) -> None:
    async def play() -> None:
        async with open_context() as context:
            await context.writer.submit(DirectCommand(lambda connection, _: delete_everything(connection)))
            context.clock.set_to(NOW_MS)  # type: ignore[attr-defined]
            world = await make_world(context, devices=2, total=2, behavior=None)
            model = Model(world, 2)
            for action in actions:
                await model.act(*action)
                assert (await get_account(context, world.caller.account_name)).total == model.total
            assert len(await changes_in_ledger(world)) == model.changes
            found = await service.list_changes(context, None, SCHEDULED, 0, 100)
            assert {one.id: (one.due_ms, one.total) for _, one in found} == model.plans
            await assert_consistent(world)

    within(play())


def test_statements_count_a_late_change_from_its_due_time_on(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3, behavior=None)
            name = world.caller.account_name
            await service.schedule_change(context, world.caller, Plan("nextBillingMonth", 2))
            await service.schedule_change(context, world.caller, Plan("2026-04-20T00:00:00Z", 9))
            move(APRIL.from_ms + 700, context)
            await run_due(context)
            assert [(one.licenses, one.month) for one in (await list_statements(context, name))[0]] == [
                (2, APRIL),
                (3, MARCH),
            ]
            move(APRIL.to_ms + DAY_MS, context)
            statement = await read_statement(context, name, APRIL, notice_after=-1, events_after=0, limit=10)
            assert (statement.complete, (await list_statements(context, name))[1] < APRIL.to_ms) == (False, True)
            await change_subscription(context, world.caller, 1, None)  # its period does not begin before this one
            await run_due(context)
            statement = await read_statement(context, name, APRIL, notice_after=-1, events_after=0, limit=10)
            assert (statement.complete, statement.totals.licenses) == (True, 2)
            assert [one.total for one in statement.periods] == [2]
            await assert_consistent(world)

    within(play())


def test_a_campaign_that_was_checked_while_the_change_was_late_is_consistent(open_context: OpenContext) -> None:
    """Its devices need no license yet, although the change that asks for one has begun for the statements."""

    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3, licensed=0, total=0, purchase_type=PurchaseType.BOTH)
            due = format_timestamp(NOW_MS + HOUR_MS)
            await service.schedule_change(context, world.caller, Plan(due, 0, PurchaseType.MRC))
            move(NOW_MS + HOUR_MS + MINUTE_MS, context)
            await world.schedule()
            move(NOW_MS + HOUR_MS + 10 * MINUTE_MS, context)
            while (await step_due_campaign(context))[1] is not None:
                pass
            assert await world.fetch("SELECT status, count(*) FROM upgrade GROUP BY status") == [(1, 3)]
            assert (await run_due(context))[0].what == "subscription changed"
            await assert_consistent(world)

    within(play())


def test_the_background_carries_out_what_is_due(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TICK_S", 0.001)

    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3, behavior=None)
            change = await scheduled(world, HOUR_MS, 1)
            with pytest.raises(Invalid):
                await scheduled(world, 0, 1)
            move(NOW_MS + HOUR_MS, context)
            background = asyncio.create_task(runner.run_in_background(context, runner.Authenticator(context)))
            while (await state(world, change)).state is SCHEDULED:
                await asyncio.sleep(0.001)
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            assert (await state(world, change)).state is DONE
            assert (await get_account(context, world.caller.account_name)).used == 1

    within(play())
