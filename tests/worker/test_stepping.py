"""The worker's steps: set-based, done once whichever server runs them, safe to die anywhere, and repeatable."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest

from fotapool.core.clock import MovableClock
from fotapool.domain.campaigns.campaigns import CampaignStatus, Flow
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts.audits import audit_account
from fotapool.services.campaigns.reports import get_campaign
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.campaigns.campaigns import claim_due_campaign
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.store.db.postgres import PostgresConnection
from fotapool.store.db.schema import delete_everything
from fotapool.store.db.sqlite import SqliteConnection
from fotapool.worker import runner
from fotapool.worker.runner import advance, run_due
from support.fleets import DAY_MS, FIRST, FLAKY, HOUR_MS, World, make_world
from support.helpers import NOW_MS
from worker.conftest import OpenContext

STATE = (
    "SELECT u.imei, u.status, u.reason, u.attempts, u.scheduled_ms, u.started_ms, u.ended_ms, u.charged_ms"
    " FROM upgrade u ORDER BY u.campaign_id, u.imei",
    "SELECT imei, firmware, upgraded_ms FROM device ORDER BY imei",
    "SELECT imei, state, assigned_ms FROM license ORDER BY imei",
    "SELECT at_ms, actor, request_id, verb FROM pool_change ORDER BY account_id, number",
    "SELECT number, change_number, imei, kind, used_after FROM ledger_entry ORDER BY account_id, number",
    "SELECT status, ended_ms FROM campaign ORDER BY id",
    "SELECT succeeded, failed FROM package ORDER BY id",
)
"""All that must come out the same, however often the work was interrupted."""


def within(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


def clock_of(context: Context) -> MovableClock:
    assert isinstance(context.clock, MovableClock)
    return context.clock


async def state_of(world: World) -> list[list[Any]]:
    return [await world.fetch(sql) for sql in STATE]


async def check_audit(world: World) -> None:
    failed = [check for check in await audit_account(world.context, world.caller.account_name) if not check.ok]
    assert not failed


async def event_account(context: Context, devices: int = 60) -> World:
    """Devices that fail here and there, half of them licensed, in an account that has both kinds of billing."""
    return await make_world(
        context, devices=devices, licensed=devices // 2, purchase_type=PurchaseType.BOTH, behavior=FLAKY
    )


async def undisturbed(open_context: OpenContext) -> list[list[Any]]:
    async with open_context() as context:
        world = await event_account(context)
        await world.schedule()
        await advance(context, clock_of(context), NOW_MS + 6 * DAY_MS)
        await check_audit(world)
        return await state_of(world)


def test_a_campaign_runs_from_its_acceptance_to_its_end(open_context: OpenContext) -> None:
    async def work() -> None:
        async with open_context() as context:
            world = await event_account(context)
            campaign = await world.schedule()
            happened = await advance(context, clock_of(context), NOW_MS + 6 * DAY_MS)
            assert [one.at_ms for one in happened] == sorted(one.at_ms for one in happened)
            assert (await get_campaign(context, world.caller, campaign.uuid)).status is CampaignStatus.ENDED
            statuses = await world.statuses()
            assert {status for status, _ in statuses} == {3, 4}
            assert sum(statuses.values()) == 60
            completed = statuses[3, 60]
            assert await world.fetch("SELECT count(*) FROM device WHERE firmware = '2'") == [(completed,)]
            licensed = "EXISTS (SELECT 1 FROM license l WHERE l.imei = u.imei)"
            used = await world.fetch("SELECT count(*) FROM license WHERE state = 1")
            assert used == await world.fetch(f"SELECT count(*) FROM upgrade u WHERE status = 3 AND {licensed}")
            charged = await world.fetch("SELECT count(*) FROM upgrade WHERE charged_ms IS NOT NULL")
            assert charged == [(completed - used[0][0],)]
            assert await world.fetch("SELECT succeeded, failed FROM package WHERE name = 'p-1-2'") == [
                (completed, 60 - completed)
            ]
            await check_audit(world)

    within(work())


def test_two_runs_of_the_same_seed_give_the_same_ledger(
    open_context: OpenContext, request: pytest.FixtureRequest
) -> None:
    async def work() -> None:
        first = await undisturbed(open_context)
        async with open_context() as context:
            await forget(context)
            world = await event_account(context)
            await world.schedule()
            for _ in range(6 * 24):  # hour by hour in place of one leap
                await advance(context, clock_of(context), context.clock.now_ms() + HOUR_MS)
            assert await state_of(world) == first

    within(work())


async def forget(context: Context) -> None:

    await context.writer.submit(DirectCommand(lambda connection, _: delete_everything(connection)))


@pytest.mark.parametrize("chance", [1, pytest.param(2, marks=pytest.mark.long)])
def test_an_engine_that_dies_again_and_again_comes_to_the_same_end(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch, chance: int
) -> None:
    async def work() -> None:
        expected = await undisturbed(open_context)
        async with open_context() as context:
            await forget(context)
            world = await event_account(context)
            await world.schedule()
            dying = Dying(random.Random(chance))
            for kind in (SqliteConnection, PostgresConnection):
                monkeypatch.setattr(kind, "commit", dying.instead_of(kind.commit))
            target = NOW_MS + 6 * DAY_MS
            while context.clock.now_ms() < target:
                try:
                    await advance(context, clock_of(context), target)
                except StoreUnavailable:
                    dying.off = True
                    await leases_run_out(world)
                    dying.off = False
            dying.off = True
            assert dying.deaths > 20
            assert await state_of(world) == expected
            await check_audit(world)

    within(work())


class Dying:
    """A commit that fails now and then: the connection is gone before anything of the transaction is kept."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.deaths = 0
        self.off = False

    def instead_of(self, commit: Any) -> Any:
        def instead(connection: Connection) -> None:
            if not self.off and self._chance.random() < 0.3:
                self.deaths += 1
                connection.rollback()
                raise StoreUnavailable("the server died here")
            commit(connection)

        return instead


async def leases_run_out(world: World) -> None:
    """What half a minute on the database's own clock does."""

    await world.context.writer.submit(
        DirectCommand(lambda connection, _: connection.execute("UPDATE campaign SET leased_until_ms = 0"))
    )


def test_servers_share_the_work_and_do_nothing_twice(open_context: OpenContext) -> None:
    async def work() -> None:
        expected = await undisturbed(open_context)
        async with open_context() as one, open_context() as two, open_context() as three:
            await forget(one)
            world = await event_account(one)
            await world.schedule()
            servers = (one, two, three)
            while (due_ms := (await world.fetch("SELECT min(due_ms) FROM campaign"))[0][0]) is not None:
                for context in servers:
                    clock_of(context).move_to(due_ms)
                await leases_run_out(world)
                await asyncio.gather(*(run_due(context) for context in servers))
            assert [row[:3] for row in (await state_of(world))[0]] == [row[:3] for row in expected[0]]
            await check_audit(world)

    within(work())


def test_a_campaign_that_another_server_is_at_is_left_alone_until_its_lease_ends(open_context: OpenContext) -> None:
    async def work() -> None:
        async with open_context() as context:
            world = await make_world(context)
            await world.schedule()
            clock_of(context).move_to(NOW_MS + HOUR_MS)
            await world.context.writer.submit(claimed())
            assert await run_due(context) == []
            await leases_run_out(world)
            assert [one.what for one in await run_due(context)] == ["campaign checked"]

    within(work())


def claimed() -> Any:

    return DirectCommand(claim_due_campaign)


def test_a_step_takes_as_many_statements_for_many_devices_as_for_few(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign moves in statements over batches, not in a query a device."""

    async def statements(context: Context, devices: int, first: int) -> int:
        world = await make_world(context, f"account-{devices}", devices, first=first, protocol="LWM2M")
        await world.schedule(Flow.PUSH)
        clock_of(context).move_to(context.clock.now_ms() + 10_000)
        counted.clear()
        assert [one.count for one in await run_due(context)] == [devices]
        return len(counted)

    counted: list[str] = []

    async def work() -> None:
        async with open_context() as context:
            for kind in (SqliteConnection, PostgresConnection):
                for name in ("fetch", "execute", "insert", "update_rows", "update_keys", "delete_keys", "fetch_keys"):
                    count_calls(monkeypatch, kind, name, counted)
            few = await statements(context, 3, FIRST)
            many = await statements(context, 900, FIRST + 1_000)
            assert many <= few

    within(work())


def count_calls(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, counted: list[str]) -> None:
    original = getattr(kind, name)

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        counted.append(name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(kind, name, counting)


async def read_through_writer(context: Context) -> None:
    await context.writer.submit(DirectCommand(lambda connection, now_ms: None))


def test_the_engine_gives_way_to_requests(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float, *args: Any) -> None:
        pauses.append(seconds)
        await real_sleep(0)

    async def work() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=2_500)
            await world.schedule()
            clock_of(context).move_to(NOW_MS + 10_000)
            monkeypatch.setattr(runner.asyncio, "sleep", sleep)  # type: ignore[attr-defined]
            assert len(await run_due(context)) == 3
            assert pauses == []
            await world.schedule(devices=world.devices[:1])
            clock_of(context).move_to(NOW_MS + 20_000)
            requests = [read_through_writer(context) for _ in range(5)]
            await asyncio.gather(run_due(context), *requests)
            assert pauses

    within(work())


def test_a_clock_that_somebody_moves_does_not_pause_for_requests(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(seconds: float) -> None:
        raise AssertionError("somebody waits for the clock")

    async def work() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=10)
            await world.schedule()
            requests = [asyncio.create_task(read_through_writer(context)) for _ in range(50)]
            monkeypatch.setattr(runner.asyncio, "sleep", sleep)  # type: ignore[attr-defined]
            assert await advance(context, clock_of(context), NOW_MS + 2 * DAY_MS)
            await asyncio.gather(*requests)

    within(work())


def test_devices_that_finish_do_not_make_their_own_campaign_look_for_more(open_context: OpenContext) -> None:
    """Looking goes over all devices of the version, and would be done at each minute of a large campaign."""

    async def work() -> None:
        async with open_context() as context:
            world = await make_world(context)
            await world.schedule(auto_add=True)
            later = await world.schedule(package="p-2-3", auto_add=True, devices=world.devices[:1])
            happened = await advance(context, clock_of(context), NOW_MS + 2 * DAY_MS)
            assert [one.count for one in happened if one.what == "devices joined"] == [0]
            assert (await get_campaign(context, world.caller, later.uuid)).status is CampaignStatus.REJECTED

    within(work())
