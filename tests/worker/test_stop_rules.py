"""Stop rules: a campaign of which too many devices fail stops scheduling further ones, exactly once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from fotapool.domain.campaigns.campaigns import Flow
from fotapool.domain.campaigns.stop_rules import StopRule
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import Invalid
from fotapool.services.accounts.audits import audit_account
from fotapool.services.audit_log.entries import list_entries
from fotapool.services.campaigns.stop_rules import delete_stop_rule, read_stop, read_stop_rule, set_stop_rule
from fotapool.services.campaigns.upgrades import set_upgrade
from fotapool.services.context import Caller
from fotapool.store.audit_log import AuditFilter
from fotapool.worker.runner import advance, run_due
from support.fleets import RELIABLE, World, make_world
from worker.conftest import OpenContext
from worker.stories import ABORTED, ENDED, SCHEDULED, march, move, move_to, play, rows, status

ALWAYS_FAILS = replace(RELIABLE, fail_at_install=1.0)
OPERATOR = Caller("operator", "request-9")
FAILED = (UpgradeStatus.FAILED, Reason.SET_BY_OPERATOR)
STOPPED = (UpgradeStatus.CANCELED, Reason.STOPPED_BY_RULE)


@pytest.mark.parametrize(
    ("completed", "failed", "is_reached"),
    [(0, 0, False), (0, 9, False), (0, 10, True), (7, 3, False), (6, 4, True), (600, 400, True), (601, 399, False)],
)
def test_a_rule_is_reached_by_a_share_of_at_least_so_many_devices(
    completed: int, failed: int, is_reached: bool
) -> None:
    assert StopRule(percent=40, devices=10).is_reached(completed, failed) is is_reached


async def _fail(world: World, device: int) -> None:
    await set_upgrade(world.context, world.caller, device, UpgradeStatus.FAILED)


def test_the_last_failure_allowed_stops_the_campaign_in_its_own_transaction(
    open_context: OpenContext, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        await set_stop_rule(world.context, OPERATOR, 50, 4)
        campaign = await world.schedule(Flow.PUSH)
        await move_to(world, march(11, 1))
        for device in world.devices[:3]:
            await _fail(world, device)
        assert await status(world, campaign) is SCHEDULED
        await _fail(world, world.devices[3])
        assert await status(world, campaign) is ABORTED
        assert (await rows(world, campaign)).count(FAILED) == 4
        with caplog.at_level(logging.WARNING):
            events = await run_due(world.context)
        assert [(one.what, one.count, one.campaign) for one in events] == [("campaign stopped", 8, campaign.uuid)]
        assert "was stopped by its stop rule" in caplog.text
        assert (await rows(world, campaign))[4:] == [STOPPED] * 8
        stop = await read_stop(world.context, campaign)
        assert stop is not None
        assert (stop.finished, stop.failed, stop.percent, stop.devices) == (4, 4, 50, 4)
        found, _ = await list_entries(world.context, AuditFilter(action="stopCampaign"), None, 10)
        assert [(one.entry.operator, one.entry.via, one.entry.target) for one in found] == [
            ("engine", "server", campaign.uuid)
        ]
        changes = await world.fetch("SELECT actor FROM pool_change WHERE verb = 'stop campaign'")
        assert changes == [("engine",)]
        await move_to(world, march(20))
        assert await status(world, campaign) is ABORTED
        assert await run_due(world.context) == []

    play(open_context, story, devices=12, behavior=None)


def test_devices_in_progress_finish_after_the_stop(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        await set_stop_rule(world.context, world.caller, 100, 2)
        campaign = await world.schedule(Flow.PUSH)
        await move_to(world, march(11, 1))
        busy = world.devices[5]
        await set_upgrade(world.context, world.caller, busy, UpgradeStatus.IN_PROGRESS)
        for device in world.devices[:2]:
            await _fail(world, device)
        await run_due(world.context)
        await set_upgrade(world.context, world.caller, busy, UpgradeStatus.COMPLETED)
        found = await rows(world, campaign)
        assert found[:2] == [FAILED] * 2
        assert found[5] == (UpgradeStatus.COMPLETED, Reason.SUCCEEDED)
        assert found.count(STOPPED) == 3

    play(open_context, story, devices=6, behavior=None)


def test_simulated_devices_stop_during_an_advance(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        await set_stop_rule(world.context, OPERATOR, 30, 5)
        campaign = await world.schedule(Flow.PUSH)
        clock = world.context.clock
        events = await advance(world.context, clock, march(20))  # type: ignore[arg-type]
        assert [one.what for one in events].count("campaign stopped") == 1
        assert await status(world, campaign) is ABORTED
        found = await rows(world, campaign)
        assert found.count((UpgradeStatus.FAILED, Reason.INSTALL_FAILED)) >= 5
        assert set(found) <= {(UpgradeStatus.FAILED, Reason.INSTALL_FAILED), STOPPED}

    play(open_context, story, devices=40, behavior=ALWAYS_FAILS)


@pytest.mark.parametrize("rule", ["none", "off for the account", "deleted", "all devices have finished", "the end"])
def test_a_campaign_is_not_stopped(open_context: OpenContext, rule: str) -> None:
    async def story(world: World) -> None:
        if rule != "none":
            await set_stop_rule(world.context, OPERATOR, 10, 3 if rule == "all devices have finished" else 1)
        if rule == "off for the account":
            await set_stop_rule(world.context, world.caller, None, 10)
        if rule == "deleted":
            await delete_stop_rule(world.context, OPERATOR)
            assert await read_stop_rule(world.context, world.caller.account_id) is None
        campaign = await world.schedule(Flow.PUSH)
        await move_to(world, march(11, 1))
        if rule != "the end":
            for device in world.devices:
                await _fail(world, device)
        await move_to(world, march(20))
        assert await status(world, campaign) is ENDED
        assert await read_stop(world.context, campaign) is None

    play(open_context, story, devices=3, behavior=None)


def test_several_servers_stop_a_campaign_once(open_context: OpenContext) -> None:
    async def played() -> None:
        async with open_context() as one, open_context() as other:
            world = await make_world(one, devices=40, behavior=None)
            await set_stop_rule(one, OPERATOR, 50, 10)
            campaign = await world.schedule(Flow.PUSH)
            await move_to(world, march(11, 1))
            other.clock.move_to(one.clock.now_ms())  # type: ignore[attr-defined]
            worlds = [world, replace(world, context=other)]
            await asyncio.gather(
                *(_fail(worlds[place % 2], device) for place, device in enumerate(world.devices[:20])),
                return_exceptions=True,
            )
            await asyncio.gather(run_due(one), run_due(other))
            await move(world, 40_000)
            assert await status(world, campaign) is ABORTED
            stop = await read_stop(one, campaign)
            assert stop is not None
            assert (stop.finished, stop.failed) == (10, 10)
            found, _ = await list_entries(one, AuditFilter(action="stopCampaign"), None, 10)
            assert len(found) == 1
            assert len(await world.fetch("SELECT 1 FROM pool_change WHERE verb = 'stop campaign'")) == 1
            assert [check for check in await audit_account(one, world.caller.account_name) if not check.ok] == []

    asyncio.run(asyncio.wait_for(played(), 300))


@pytest.mark.parametrize(("percent", "devices"), [(0, 1), (101, 1), (50, 0)])
def test_rules_that_make_no_sense_are_refused(open_context: OpenContext, percent: int, devices: int) -> None:
    async def story(world: World) -> None:
        with pytest.raises(Invalid):
            await set_stop_rule(world.context, OPERATOR, percent, devices)

    play(open_context, story, devices=1)
