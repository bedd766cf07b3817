"""What tests of campaigns' rules share: a world to play a story in, its clock, and short words for what users do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from fotapool.core.clock import MovableClock
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow, Windows
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.accounts.audits import audit_account
from fotapool.services.campaigns import campaigns
from fotapool.services.campaigns.reports import get_campaign, get_campaign_with_devices
from fotapool.worker.runner import advance
from support.fleets import World, make_world
from worker.conftest import OpenContext

PENDING, REJECTED, QUEUED, PRESCHEDULED, SCHEDULED, ENDED, CANCELED, ABORTED, FAILED = CampaignStatus
FLOWS = pytest.mark.parametrize("flow", list(Flow))
Story = Callable[[World], Coroutine[Any, Any, None]]


def play(open_context: OpenContext, story: Story, **options: Any) -> None:
    """Plays a story in a world of its own; afterwards the audit finds nothing wrong."""

    async def played() -> None:
        async with open_context() as context:
            world = await make_world(context, **options)
            await story(world)
            failed = [check for check in await audit_account(context, world.caller.account_name) if not check.ok]
            assert failed == []

    asyncio.run(asyncio.wait_for(played(), 300))


def march(day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(2026, 3, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


async def move_to(world: World, timestamp_ms: int) -> None:
    assert isinstance(world.context.clock, MovableClock)
    await advance(world.context, world.context.clock, timestamp_ms)


async def move(world: World, duration_ms: int) -> None:
    await move_to(world, world.context.clock.now_ms() + duration_ms)


async def status(world: World, campaign: Campaign) -> CampaignStatus:
    return (await get_campaign(world.context, world.caller, campaign.uuid)).status


async def rows(world: World, campaign: Campaign) -> list[tuple[UpgradeStatus, Reason]]:
    found = await get_campaign_with_devices(world.context, world.caller, campaign.uuid)
    return [(UpgradeStatus(one.status), Reason(one.reason)) for one in found.upgrades]


async def refused(work: Coroutine[Any, Any, Any]) -> ErrorCode:
    with pytest.raises(RequestRejected) as caught:
        await work
    return caught.value.code


def cancel(world: World, campaign: Campaign, may_abort: bool = False) -> Coroutine[Any, Any, Campaign]:
    return campaigns.cancel_campaign(world.context, world.caller, campaign.uuid, may_abort)


def add(world: World, campaign: Campaign, devices: Sequence[int]) -> Coroutine[Any, Any, Any]:
    return campaigns.add_devices(world.context, world.caller, campaign.uuid, devices)


def remove(world: World, campaign: Campaign, devices: Sequence[int]) -> Coroutine[Any, Any, Any]:
    return campaigns.remove_devices(world.context, world.caller, campaign.uuid, devices)


def change(
    world: World, campaign: Campaign, start: str, end: str, windows: Windows | None = None
) -> Coroutine[Any, Any, Campaign]:
    return campaigns.change_dates(
        world.context, caller=world.caller, uuid=campaign.uuid, start_date=start, end_date=end, windows=windows
    )
