"""The life of campaigns, rule by rule from U1 to U9 (facts, section 6.5), as the worker runs it on a test clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fotapool.domain.campaigns.campaigns import Flow, Windows
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.devices.devices import Device
from fotapool.domain.errors import ErrorCode
from fotapool.services.campaigns import campaigns
from fotapool.services.devices.devices import import_devices
from fotapool.services.licenses.licenses import remove_licenses
from support.fleets import DAY_MS, FIRST, MINUTE_MS, World
from support.helpers import NOW_MS
from worker.conftest import OpenContext
from worker.stories import (
    ABORTED,
    CANCELED,
    ENDED,
    FAILED,
    FLOWS,
    PENDING,
    QUEUED,
    REJECTED,
    SCHEDULED,
    add,
    cancel,
    change,
    march,
    move,
    move_to,
    play,
    refused,
    remove,
    rows,
    status,
)


@FLOWS
def test_u1_an_accepted_campaign_is_not_scheduled_until_its_devices_are_checked(
    open_context: OpenContext, flow: Flow
) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(flow)
        await move(world, 4_999)
        assert await status(world, campaign) is PENDING
        assert await rows(world, campaign) == [(UpgradeStatus.PENDING, Reason.NONE)] * 3
        await move(world, 1)
        assert await status(world, campaign) is QUEUED
        assert await rows(world, campaign) == [(UpgradeStatus.SCHEDULED, Reason.NONE)] * 3

    play(open_context, story, devices=3)


def test_u2_a_push_is_pending_queued_in_progress_and_finished(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(Flow.PUSH)
        seen = [await status(world, campaign)]
        for timestamp_ms in (NOW_MS + 5_000, march(11) - 1, march(11), march(12)):
            await move_to(world, timestamp_ms)
            seen.append(await status(world, campaign))
        assert seen == [PENDING, QUEUED, QUEUED, SCHEDULED, ENDED]
        assert await rows(world, campaign) == [(UpgradeStatus.COMPLETED, Reason.SUCCEEDED)] * 3

    play(open_context, story, devices=3)


@FLOWS
def test_u2_a_campaign_fails_if_no_device_passes_or_none_is_left(open_context: OpenContext, flow: Flow) -> None:
    async def story(world: World) -> None:
        nothing = await world.schedule(flow, devices=[FIRST + 100])
        campaign = await world.schedule(flow)
        await move(world, 5_000)
        assert (await status(world, nothing), await status(world, campaign)) == (REJECTED, QUEUED)
        await remove_licenses(world.context, world.caller, world.devices)
        await move_to(world, march(12))
        assert await status(world, campaign) is FAILED
        assert await rows(world, campaign) == [(UpgradeStatus.CANCELED, Reason.LICENSE_REMOVED)] * 3

    play(open_context, story, devices=3)


def test_u3_each_reason_to_reject_a_device_is_told(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        good = Device(device=FIRST + 1, make="Make", model="Model", firmware="1", protocol="LWM2M", licensed_ms=NOW_MS)
        given = [
            replace(good, make="Another"),
            replace(good, model="Another"),
            replace(good, firmware="9"),
            replace(good, protocol="HTTP"),
            replace(good, protocol="NONE"),
            replace(good, status="Suspended"),
            replace(good, licensed_ms=None),
        ]
        lines = [replace(device, device=FIRST + 10 + place) for place, device in enumerate(given)]
        await import_devices(world.context, world.caller, lines)
        busy = await world.schedule(devices=[FIRST])
        await move(world, 5_000)
        campaign = await world.schedule(devices=[*(line.device for line in lines), FIRST, FIRST + 99, FIRST + 1])
        await move(world, 5_000)
        assert [reason for _, reason in await rows(world, campaign)] == [
            Reason.ALREADY_SCHEDULED,
            Reason.NONE,
            Reason.WRONG_MODEL,
            Reason.WRONG_MODEL,
            Reason.WRONG_VERSION,
            Reason.WRONG_PROTOCOL,
            Reason.NOT_ELIGIBLE,
            Reason.NOT_ACTIVE,
            Reason.NO_LICENSE,
            Reason.DEVICE_NOT_FOUND,
        ]
        assert (await status(world, busy), await status(world, campaign)) == (QUEUED, QUEUED)

    play(open_context, story, devices=2, total=20)


@pytest.mark.parametrize("flow", [Flow.PUSH, Flow.NETWORK_AWARE])
def test_u4_and_u7_a_campaign_is_canceled_before_its_start_only(open_context: OpenContext, flow: Flow) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(flow)
        assert (await cancel(world, campaign)).status is CANCELED
        assert await rows(world, campaign) == [(UpgradeStatus.CANCELED, Reason.CANCELED_BY_USER)] * 3
        campaign = await world.schedule(flow)
        await move_to(world, march(11) - 1)
        assert (await cancel(world, campaign)).status is CANCELED
        campaign = await world.schedule(flow)
        await move_to(world, march(11, 1))
        assert await refused(cancel(world, campaign)) is ErrorCode.CAMPAIGN_STARTED
        await move_to(world, march(14))
        assert await status(world, campaign) is ENDED
        assert await refused(cancel(world, campaign)) is ErrorCode.CAMPAIGN_STARTED

    play(open_context, story, devices=3)


@FLOWS
def test_u4_a_queued_campaign_without_devices_has_ended(open_context: OpenContext, flow: Flow) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(flow)
        await move(world, 5_000)
        first, *others = await remove(world, campaign, [*world.devices, FIRST + 100])
        assert [one.reason for one in (first, *others)] == [*[Reason.NONE] * 3, Reason.DEVICE_NOT_FOUND]
        assert await status(world, campaign) is CANCELED
        assert await rows(world, campaign) == [(UpgradeStatus.CANCELED, Reason.REMOVED_FROM_CAMPAIGN)] * 3
        await move_to(world, march(20))
        assert await status(world, campaign) is CANCELED

    play(open_context, story, devices=3)


def test_u5_a_pull_of_today_is_never_queued(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(Flow.PULL, start_date="2026-03-10")
        await move(world, 5_000)
        assert await status(world, campaign) is SCHEDULED

    play(open_context, story, devices=3, protocol="HTTP")


def test_u6_a_pull_is_canceled_before_its_start_and_aborted_after_it(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(Flow.PULL)
        await move(world, 5_000)
        assert (await cancel(world, campaign, may_abort=True)).status is CANCELED
        campaign = await world.schedule(Flow.PULL, start_date="2026-03-10")
        await move(world, 40 * MINUTE_MS)
        assert (await cancel(world, campaign, may_abort=True)).status is ABORTED
        await move(world, DAY_MS)
        assert await status(world, campaign) is ABORTED
        found = await rows(world, campaign)
        done = found.count((UpgradeStatus.COMPLETED, Reason.SUCCEEDED))
        assert done > 0 < found.count((UpgradeStatus.CANCELED, Reason.ABORTED_BY_USER)) == 30 - done
        assert await world.fetch("SELECT count(*) FROM device WHERE firmware = '2'") == [(done,)]
        assert await refused(cancel(world, campaign, may_abort=True)) is ErrorCode.CAMPAIGN_STARTED

    play(open_context, story, protocol="HTTP")


def test_u7_a_campaign_that_has_started_runs_to_its_end_date(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule()
        await move_to(world, march(14) - 1)
        assert await status(world, campaign) is SCHEDULED
        await move_to(world, march(14))
        assert await status(world, campaign) is ENDED
        assert await rows(world, campaign) == [(UpgradeStatus.FAILED, Reason.NOT_REACHED)] * 3

    play(open_context, story, devices=3, behavior=None)


@FLOWS
def test_u8_devices_come_and_go_until_the_campaign_is_scheduled(open_context: OpenContext, flow: Flow) -> None:
    async def story(world: World) -> None:
        first, *others = world.devices
        campaign = await world.schedule(flow, devices=[first])
        for timestamp_ms in (NOW_MS, NOW_MS + 10_000):
            await move_to(world, timestamp_ms)
            added = await add(world, campaign, [*others, first])
            assert [one.reason for one in added] == [Reason.NONE, Reason.NONE, Reason.ALREADY_SCHEDULED]
            removed = await remove(world, campaign, others)
            assert [one.reason for one in removed] == [Reason.NONE, Reason.NONE]
        assert await add(world, campaign, [FIRST + 100]) == [
            campaigns.DeviceChange(FIRST + 100, Reason.DEVICE_NOT_FOUND)
        ]
        for timestamp_ms in (march(11), march(20)):
            await move_to(world, timestamp_ms)
            assert await refused(add(world, campaign, others)) is ErrorCode.DEVICES_FIXED
            assert await refused(remove(world, campaign, [first])) is ErrorCode.DEVICES_FIXED
        assert (await rows(world, campaign))[0] == (UpgradeStatus.COMPLETED, Reason.SUCCEEDED)

    play(open_context, story, devices=3)


@FLOWS
def test_u9_before_the_start_all_may_be_changed_and_then_the_end_alone(open_context: OpenContext, flow: Flow) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(flow)
        for start, end in (("2026-03-12", "2026-03-15"), ("2026-03-11", "2026-03-14")):
            await move(world, 10_000)
            changed = await change(world, campaign, start, end, Windows(((0, 24),)))
            assert (changed.start_date, changed.end_date) == (start, end)
            assert changed.windows == Windows(((0, 24),))
        await move_to(world, march(11, 12))
        assert await status(world, campaign) is SCHEDULED
        assert await refused(change(world, campaign, "2026-03-12", "2026-03-14")) is ErrorCode.DATES_FIXED
        assert await refused(change(world, campaign, "2026-03-11", "2026-03-11")) is ErrorCode.END_DATE_INVALID
        changed = await change(world, campaign, "2026-03-11", "2026-03-12")
        assert (changed.end_ms, changed.start_ms) == (march(13), march(11))
        await move_to(world, march(13))
        assert await status(world, campaign) is ENDED
        assert await refused(change(world, campaign, "2026-03-11", "2026-03-20")) is ErrorCode.DATES_FIXED

    play(open_context, story, devices=3, behavior=None)
