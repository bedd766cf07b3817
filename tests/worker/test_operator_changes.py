"""Whatever an operator changes in whatever state of a campaign: the books stay right, and no license gets stuck."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow, Windows
from fotapool.domain.campaigns.upgrades import ReportedStep, UpgradeStatus
from fotapool.domain.devices.devices import Device
from fotapool.domain.errors import Conflict, Invalid, NotFound, RequestRejected
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.domain.names import AccountStatus, PurchaseType
from fotapool.services.accounts.accounts import set_account_status
from fotapool.services.accounts.audits import audit_account
from fotapool.services.accounts.copies import copy_account
from fotapool.services.accounts.subscriptions import change_subscription
from fotapool.services.campaigns.upgrade_progress import report_progress
from fotapool.services.campaigns.upgrades import set_upgrade
from fotapool.services.devices.devices import import_devices
from fotapool.services.licenses.licenses import remove_licenses
from fotapool.services.packages.packages import change_package, remove_package
from support.fleets import DAY_MS, FIRST, HOUR_MS, MINUTE_MS, World, make_world
from support.helpers import NOW_MS
from worker.conftest import OpenContext
from worker.stories import cancel, move, play, rows, status

Change = Callable[[World], Awaitable[object]]
REFUSED = (Conflict, Invalid, NotFound)
SCHEDULED, IN_PROGRESS, COMPLETED, FAILED, CANCELED, PENDING, REJECTED = UpgradeStatus
LATER: dict[str, Any] = {"flow": Flow.PULL}
NOW: dict[str, Any] = {"flow": Flow.PULL, "start_date": "2026-03-10"}
CLOSED: dict[str, Any] = {**NOW, "windows": Windows(download=((0, 3),))}
NOT_BEGUN = {CANCELED}


def setting(wanted: UpgradeStatus) -> Change:
    return lambda world: set_upgrade(world.context, world.caller, world.devices[0], wanted)


def importing(**members: Any) -> Change:
    def change(world: World) -> Awaitable[object]:
        line = {"make": "Make", "model": "Model", "firmware": "1", "protocol": "HTTP", "licensed_ms": None, **members}
        return import_devices(world.context, world.caller, [Device(device=world.devices[0], **line)])

    return change


def subscribing(total: int | None, purchase_type: PurchaseType | None = None) -> Change:
    return lambda world: change_subscription(world.context, world.caller, total, purchase_type)


async def suspend(world: World) -> None:
    for wanted in (AccountStatus.SUSPENDED, AccountStatus.ACTIVE):
        await set_account_status(world.context, world.caller.account_name, wanted)


SETTINGS = {wanted: setting(wanted) for wanted in (SCHEDULED, IN_PROGRESS, COMPLETED, FAILED, CANCELED)}
OTHERS: list[Change] = [
    importing(firmware="2"),
    importing(firmware="0", model="Other"),
    importing(licensed_ms=NOW_MS),
    subscribing(0),
    subscribing(100),
    subscribing(None, PurchaseType.EVENT),
    subscribing(1, PurchaseType.BOTH),
    suspend,
    lambda world: copy_account(world.context, world.caller, f"{world.caller.account_name}-copy", True),
    lambda world: change_package(world.context, "p-1-2", None, False),
    lambda world: remove_package(world.context, "p-1-2"),
]


async def start(world: World, campaign: Campaign, *steps: ReportedStep) -> None:
    """The first device reports these steps."""
    for step in steps:
        sql = "SELECT id FROM upgrade WHERE campaign_id = :id AND imei = :imei"
        found = await world.fetch(sql, id=campaign.id, imei=world.devices[0])
        await report_progress(world.context, world.caller, world.devices[0], found[0][0], step, None)


async def audit(world: World) -> None:
    assert [check for check in await audit_account(world.context, world.caller.account_name) if not check.ok] == []


CASES: list[tuple[Any, ...]] = [
    (LATER, 0, (), None, (CampaignStatus.PENDING, PENDING), {SCHEDULED, IN_PROGRESS}),
    (LATER, MINUTE_MS, (), None, (CampaignStatus.QUEUED, SCHEDULED), NOT_BEGUN),
    ({"flow": Flow.PUSH}, HOUR_MS, (), None, (CampaignStatus.QUEUED, SCHEDULED), NOT_BEGUN),
    ({}, HOUR_MS, (), None, (CampaignStatus.PRESCHEDULED, SCHEDULED), NOT_BEGUN),
    (CLOSED, MINUTE_MS, (), None, (CampaignStatus.SCHEDULED, SCHEDULED), NOT_BEGUN),
    (NOW, MINUTE_MS, (), None, (CampaignStatus.SCHEDULED, SCHEDULED), {IN_PROGRESS, CANCELED, FAILED}),
    (
        NOW,
        MINUTE_MS,
        (ReportedStep.DOWNLOADING,),
        None,
        (CampaignStatus.SCHEDULED, IN_PROGRESS),
        {COMPLETED, FAILED},
    ),
    (
        NOW,
        MINUTE_MS,
        (ReportedStep.DOWNLOADED, ReportedStep.INSTALLED),
        None,
        (CampaignStatus.SCHEDULED, COMPLETED),
        {SCHEDULED, IN_PROGRESS},
    ),
    (
        NOW,
        MINUTE_MS,
        (ReportedStep.DOWNLOADING,),
        True,
        (CampaignStatus.ABORTED, IN_PROGRESS),
        {COMPLETED, FAILED},
    ),
    (LATER, MINUTE_MS, (), False, (CampaignStatus.CANCELED, CANCELED), {SCHEDULED, IN_PROGRESS}),
    (NOW, 5 * DAY_MS, (), None, (CampaignStatus.ENDED, FAILED), {SCHEDULED, IN_PROGRESS}),
]


@pytest.mark.parametrize(
    ("wanted", "move_ms", "steps", "ends", "expected", "allowed"),
    [
        pytest.param(*case, marks=[] if place % 4 == 2 else [pytest.mark.long_on("postgresql")])
        for place, case in enumerate(CASES)
    ],
)
def test_an_operator_is_no_way_around_a_campaign(
    open_context: OpenContext,
    wanted: dict[str, Any],
    move_ms: int,
    steps: tuple[ReportedStep, ...],
    ends: bool | None,
    expected: tuple[CampaignStatus, UpgradeStatus],
    allowed: set[UpgradeStatus],
) -> None:
    changes: list[tuple[UpgradeStatus | None, Change]] = [*SETTINGS.items(), *((None, one) for one in OTHERS)]

    async def story(first: World) -> None:
        worlds = [first]
        for number in range(1, len(changes)):
            name, place = f"account-{number}", FIRST + 1_000 * number
            options: dict[str, Any] = {"devices": 3, "behavior": None, "protocol": "HTTP", "first": place}
            worlds.append(await make_world(first.context, name, **options))
        campaigns = [await world.schedule(**wanted) for world in worlds]
        await move(first, move_ms)
        for world, campaign, (wanted_status, change) in zip(worlds, campaigns, changes, strict=True):
            await start(world, campaign, *steps)
            if ends is not None:
                await cancel(world, campaign, ends)
            assert (await status(world, campaign), (await rows(world, campaign))[0][0]) == expected
            try:
                await change(world)
                assert wanted_status is None or wanted_status in allowed
            except REFUSED:
                assert wanted_status not in allowed
            await audit(world)
        await move(first, MINUTE_MS)
        for world, campaign in zip(worlds, campaigns, strict=True):
            await audit(world)
            with contextlib.suppress(RequestRejected):  # it has ended
                await cancel(world, campaign, True)
            await audit(world)
        await move(first, 60 * DAY_MS)
        for world in worlds:
            await nothing_is_stuck(world)

    play(open_context, story, devices=3, behavior=None, protocol="HTTP")


async def nothing_is_stuck(world: World) -> None:
    """The operator can end what it has begun; then every unused license can be removed, and a used one reclaimed."""
    account_id = world.caller.account_id
    own = "SELECT status FROM upgrade WHERE account_id = :id AND status <= 2 AND campaign_id = 0"
    for (state,) in await world.fetch(own, id=account_id):
        await set_upgrade(world.context, world.caller, world.devices[0], CANCELED if state == SCHEDULED else FAILED)
    assert await world.fetch("SELECT imei FROM upgrade WHERE account_id = :id AND status <= 2", id=account_id) == []
    held = await world.fetch("SELECT imei FROM license WHERE account_id = :id", id=account_id)
    if held:
        await remove_licenses(world.context, world.caller, [imei for (imei,) in held])
    unused = f"SELECT imei FROM license WHERE account_id = :id AND state <> {LicenseState.USED:d}"
    assert await world.fetch(unused, id=account_id) == []
    await change_subscription(world.context, world.caller, 0, None)
    assert await world.fetch("SELECT imei FROM license WHERE account_id = :id", id=account_id) == []
    await audit(world)
