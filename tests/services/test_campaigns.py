"""Scheduling campaigns and changing them, as use cases: what is refused, what is shared, and what is read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fotapool.core.settings import Settings
from fotapool.domain.campaigns.campaigns import MAX_NAME, CampaignStatus, Flow, Windows
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.accounts.audits import audit_account
from fotapool.services.campaigns.campaigns import add_devices, cancel_campaign, change_dates, remove_devices
from fotapool.services.campaigns.reports import (
    get_campaign,
    get_campaign_with_devices,
    list_campaign_devices,
    list_campaigns,
    list_campaigns_by_number,
    list_device_history,
)
from support.fleets import FIRST, World, make_world
from worker.conftest import OpenContext

NOWHERE = "60b5d639-ccdc-4db8-8824-069bd94c95bf"
PENDING = frozenset({CampaignStatus.PENDING})


def play(open_context: OpenContext, story: Callable[[World], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def played() -> None:
        async with open_context() as context:
            world = await make_world(context, **{"devices": 5, **options})
            await story(world)
            assert all(check.ok for check in await audit_account(context, world.caller.account_name))

    asyncio.run(asyncio.wait_for(played(), 300))


async def refused(work: Coroutine[Any, Any, Any]) -> ErrorCode:
    with pytest.raises(RequestRejected) as caught:
        await work
    return caught.value.code


def test_a_campaign_is_kept_as_it_was_asked_for(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        windows = Windows(((1, 2), (22, 24)), ((3, 4),), "2026-03-11", "2026-03-12")
        made = await world.schedule(Flow.PULL, name="Night", windows=windows, auto_assign=True, auto_add=True)
        found = await get_campaign(world.context, world.caller, made.uuid)
        assert found == made
        assert (found.name, found.windows, found.auto_assign, found.auto_add) == ("Night", windows, True, True)
        assert (found.flow, found.status, found.devices) == (Flow.PULL, CampaignStatus.PENDING, 5)

    play(open_context, story)


def test_a_device_that_is_named_twice_is_in_the_campaign_once(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        made = await world.schedule(devices=[*reversed(world.devices), *world.devices])
        found = await get_campaign_with_devices(world.context, world.caller, made.uuid)
        assert (found.campaign.devices, [one.imei for one in found.upgrades]) == (5, world.devices)
        context, caller = world.context, world.caller
        removed = await remove_devices(context, caller, made.uuid, [FIRST, FIRST])
        assert [one.reason for one in removed] == [Reason.NONE, Reason.NONE]
        added = await add_devices(context, caller, made.uuid, [FIRST, FIRST])
        assert [one.reason for one in added] == [Reason.NONE, Reason.NONE]
        found = await get_campaign_with_devices(context, caller, made.uuid)
        assert {one.status for one in found.upgrades} == {UpgradeStatus.PENDING}
        assert (found.campaign.devices, len(found.upgrades)) == (5, 5)

    play(open_context, story)


REFUSED: list[tuple[dict[str, Any], ErrorCode]] = [
    ({"devices": []}, ErrorCode.DEVICE_LIST_EMPTY),
    ({"name": "n" * (MAX_NAME + 1)}, ErrorCode.BODY_INVALID),
    ({"name": "\x00"}, ErrorCode.BODY_INVALID),
    ({"package": "nothing"}, ErrorCode.PACKAGE_UNKNOWN),
    ({"from_version": "2"}, ErrorCode.PACKAGE_UNKNOWN),
    ({"to_version": "3"}, ErrorCode.PACKAGE_UNKNOWN),
    ({"file": "nothing", "file_version": "1"}, ErrorCode.FILE_UNKNOWN),
    ({"protocol": "HTTP"}, ErrorCode.PROTOCOL_INVALID),
    ({"start_date": "2026-03-09"}, ErrorCode.START_DATE_INVALID),
    ({"start_date": ""}, ErrorCode.START_DATE_INVALID),
    ({"end_date": "2026-03-10"}, ErrorCode.END_DATE_INVALID),
    ({"end_date": "2028-03-11"}, ErrorCode.END_DATE_INVALID),
    ({"windows": Windows(download_after="2026-03-14")}, ErrorCode.WINDOW_INVALID),
    ({"windows": Windows(download_after="2026-03-12", install_after="2026-03-11")}, ErrorCode.WINDOW_INVALID),
]


def test_what_is_refused_leaves_no_campaign(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        for wanted, refusal in REFUSED:
            assert await refused(world.schedule(**wanted)) is refusal, wanted
        assert await world.fetch("SELECT count(*) FROM campaign") == [(0,)]
        assert await world.fetch("SELECT count(*) FROM upgrade") == [(0,)]

    play(open_context, story)


def test_a_campaign_of_another_account_cannot_be_told_from_none(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        made = await world.schedule()
        other = await make_world(world.context, "0402196254-00001", devices=2, first=880_000_000_000_000)
        context, caller = world.context, other.caller
        for uuid in (made.uuid, NOWHERE):
            for work in (
                get_campaign(context, caller, uuid),
                get_campaign_with_devices(context, caller, uuid),
                list_campaign_devices(context, caller, uuid, 0),
                list_campaigns(context, caller, PENDING, uuid),
                add_devices(context, caller, uuid, [FIRST]),
                remove_devices(context, caller, uuid, [FIRST]),
                change_dates(
                    context, caller=caller, uuid=uuid, start_date="2026-03-11", end_date="2026-03-12", windows=None
                ),
                cancel_campaign(context, caller, uuid, True),
            ):
                assert await refused(work) is ErrorCode.CAMPAIGN_UNKNOWN
        assert await list_campaigns(context, caller, PENDING, None) == ([], False)
        assert await refused(list_device_history(context, caller, FIRST)) is ErrorCode.DEVICE_UNKNOWN
        foreign = list_campaign_devices(context, world.caller, made.uuid, other.devices[0])
        assert await refused(foreign) is ErrorCode.CURSOR_UNKNOWN
        assert (await get_campaign(context, world.caller, made.uuid)).status is CampaignStatus.PENDING

    play(open_context, story)


def test_pages_follow_one_another_without_gaps(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        world.context.settings = Settings(page_size=2)
        context, caller = world.context, world.caller
        made = [(await world.schedule()).uuid for _ in range(5)]
        found: list[str] = []
        more, last = True, None
        while more:
            page, more = await list_campaigns(context, caller, PENDING, last)
            found += [campaign.uuid for campaign in page]
            last = found[-1]
        assert found == made
        for index in range(5):
            numbered, more = await list_campaigns_by_number(context, caller, PENDING, index)
            assert [one.campaign.uuid for one in numbered] == made[index : index + 2]
            assert more is (index < 3)
        assert await refused(list_campaigns_by_number(context, caller, PENDING, 5)) is ErrorCode.INDEX_TOO_HIGH
        seen: list[int] = []
        cursor, more = 0, True
        while more:
            _, devices = await list_campaign_devices(context, caller, made[0], cursor)
            seen += [upgrade.imei for upgrade in devices.rows]
            cursor, more = devices.next_cursor, devices.has_more
        assert (seen, cursor) == (world.devices, 0)

    play(open_context, story)


def test_changes_at_once_are_made_one_after_another(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        context, caller = world.context, world.caller
        made = await world.schedule(devices=world.devices[:1])
        others = world.devices[1:]
        await asyncio.gather(*(add_devices(context, caller, made.uuid, [imei]) for imei in others))
        assert (await get_campaign(context, caller, made.uuid)).devices == 5
        ended = await asyncio.gather(
            *(cancel_campaign(context, caller, made.uuid, False) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(one, RequestRejected) for one in ended) == 4
        assert await world.statuses() == {(UpgradeStatus.CANCELED, Reason.CANCELED_BY_USER): 5}

    play(open_context, story)


def test_each_change_is_on_record_with_its_cause(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        context, caller = world.context, world.caller
        made = await world.schedule()
        await remove_devices(context, caller, made.uuid, [FIRST])
        await add_devices(context, caller, made.uuid, [FIRST])
        await change_dates(
            context, caller=caller, uuid=made.uuid, start_date="2026-03-11", end_date="2026-03-12", windows=None
        )
        await cancel_campaign(context, caller, made.uuid, False)
        rows = await world.fetch("SELECT actor, request_id, verb FROM pool_change ORDER BY number DESC LIMIT 5")
        assert rows[::-1] == [
            ("tester", "request-1", verb)
            for verb in (
                "schedule campaign",
                "remove devices from campaign",
                "add devices to campaign",
                "change campaign dates",
                "cancel campaign",
            )
        ]

    play(open_context, story)
