"""Which devices campaigns reach and when: rules U10 to U19 and B5 (facts, section 6), on a test clock."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fotapool.domain.campaigns.campaigns import Flow, Windows
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.devices.devices import Device
from fotapool.domain.errors import ErrorCode
from fotapool.domain.names import PurchaseType
from fotapool.domain.simulation import OfflineWindow
from fotapool.services.callbacks.listeners import register_listener
from fotapool.services.commands import DirectCommand
from fotapool.services.devices.devices import import_devices
from fotapool.services.packages.packages import create_packages
from fotapool.store.packages.contents import Content
from fotapool.store.packages.files import ConfigurationFile, record_file
from support.fleets import FIRST, HOUR_MS, MINUTE_MS, RELIABLE, World, package
from support.helpers import NOW_MS
from worker.conftest import OpenContext
from worker.stories import (
    ENDED,
    FLOWS,
    PRESCHEDULED,
    QUEUED,
    SCHEDULED,
    cancel,
    march,
    move,
    move_to,
    play,
    refused,
    rows,
    status,
)


def test_u10_a_pilot_has_twenty_devices_until_half_of_five_succeeded(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        await create_packages(world.context, [replace(package("trial"), pilot_passed=False)])
        many = world.devices[5:26]

        async def run(*devices: int) -> None:
            campaign = await world.schedule(package="trial", start_date="2026-03-10", devices=devices)
            await move(world, 6 * HOUR_MS)
            assert await status(world, campaign) is ENDED

        await world.schedule(Flow.PUSH, package="trial", devices=[FIRST + 100 + place for place in range(21)])
        await world.schedule(package="trial", devices=[*many[:20], many[0]])
        for devices in (world.devices[:4], world.devices[4:5]):
            for flow in (Flow.PULL, Flow.NETWORK_AWARE):
                assert await refused(world.schedule(flow, package="trial", devices=many)) is ErrorCode.PILOT_TOO_LARGE
            await run(*devices)
        await world.schedule(package="trial", devices=many)

    play(open_context, story)


def test_u10_a_pilot_that_fails_lifts_nothing(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        await create_packages(world.context, [replace(package("trial"), pilot_passed=False)])
        await world.schedule(package="trial", start_date="2026-03-10", devices=world.devices[:8])
        await move(world, 6 * HOUR_MS)
        assert await world.fetch("SELECT succeeded, failed FROM package WHERE name = 'trial'") == [(0, 8)]
        assert await refused(world.schedule(package="trial", devices=world.devices[:21])) is ErrorCode.PILOT_TOO_LARGE

    play(open_context, story, behavior=replace(RELIABLE, fail_at_verify=1.0))


@pytest.mark.parametrize("auto_assign", [True, False])
def test_u11_missing_licenses_are_assigned_while_some_are_free(open_context: OpenContext, auto_assign: bool) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(auto_assign=auto_assign)
        await move(world, 5_000)
        accepted = (UpgradeStatus.SCHEDULED, Reason.NONE)
        missing = Reason.NO_FREE_LICENSE if auto_assign else Reason.NO_LICENSE
        count = 7 if auto_assign else 5
        expected = [*[accepted] * count, *[(UpgradeStatus.REJECTED, missing)] * (10 - count)]
        assert await rows(world, campaign) == expected
        assert await world.fetch("SELECT count(*) FROM license") == [(count,)]

    play(open_context, story, devices=10, licensed=5, total=7)


def test_u11_further_devices_join_while_the_campaign_lives(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        alone = await world.schedule(devices=[world.devices[2]])
        campaign = await world.schedule(devices=world.devices[:2], auto_add=True, auto_assign=True)
        await move(world, 10_000)
        assert len(await rows(world, campaign)) == 4  # device 2 is another campaign's
        fitting = Device(device=FIRST + 50, make="Make", model="Model", firmware="1", protocol="LWM2M")
        others = [
            replace(fitting, device=FIRST + 51, firmware="2"),
            replace(fitting, device=FIRST + 52, model="Another"),
        ]
        await import_devices(world.context, world.caller, [fitting, *others])
        await move(world, MINUTE_MS)
        assert len(await rows(world, campaign)) == 5
        assert await status(world, alone) is PRESCHEDULED
        await move_to(world, march(12))
        assert await status(world, campaign) is SCHEDULED  # all that are in it are done, and more may come
        await import_devices(world.context, world.caller, [replace(fitting, device=FIRST + 3_000)])
        await move_to(world, march(13))
        assert await rows(world, campaign) == [
            *[(UpgradeStatus.COMPLETED, Reason.SUCCEEDED)] * 4,
            (UpgradeStatus.SCHEDULED, Reason.NONE),
            (UpgradeStatus.SCHEDULED, Reason.NONE),
        ]
        await move_to(world, march(14))
        assert await status(world, campaign) is ENDED
        assert (await rows(world, campaign))[4:] == [(UpgradeStatus.FAILED, Reason.NOT_REACHED)] * 2

    play(open_context, story, devices=5, total=20)


def test_u12_a_push_of_today_begins_within_90_minutes(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(Flow.PUSH, start_date="2026-03-10")
        assert campaign.start_ms - NOW_MS <= 90 * MINUTE_MS
        await move(world, 90 * MINUTE_MS)
        assert await status(world, campaign) is SCHEDULED
        begun = await world.fetch("SELECT count(*) FROM upgrade WHERE started_ms IS NOT NULL")
        assert begun == [(30,)]

    play(open_context, story)


@pytest.mark.parametrize(("protocol", "retried"), [("LWM2M", march(11, 4)), ("OMADM", None)])
def test_u12_a_push_begins_at_midnight_and_is_repeated(
    open_context: OpenContext, protocol: str, retried: int | None
) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(Flow.PUSH, end_date=None)
        assert campaign.end_date == {"LWM2M": "2026-03-14", "OMADM": "2026-04-10"}[protocol]
        await move_to(world, march(11) - 1)
        assert await world.fetch("SELECT count(*) FROM upgrade WHERE attempts > 0") == [(0,)]
        await move_to(world, march(11, 2))
        assert await rows(world, campaign) == [(UpgradeStatus.SCHEDULED, Reason.NOT_REACHABLE)] * 10
        due = [row[0] for row in await world.fetch("SELECT due_ms FROM upgrade ORDER BY imei")]
        if retried is not None:
            assert due == [retried] * 10
        else:
            assert all(march(11, 4) <= timestamp_ms < march(11, 5) for timestamp_ms in due)  # four hours later, each
        await move_to(world, march(12))
        assert await rows(world, campaign) == [(UpgradeStatus.COMPLETED, Reason.SUCCEEDED)] * 10

    behavior = replace(RELIABLE, offline=(OfflineWindow(0, 3, 1.0),))
    play(open_context, story, devices=10, protocol=protocol, behavior=behavior)


def test_u13_devices_pull_and_install_within_the_windows(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        windows = Windows(((20, 21), (2, 4)), ((6, 7),), "2026-03-12", "2026-03-13")
        await world.schedule(Flow.PULL, end_date="2026-03-15", windows=windows)
        await move_to(world, march(12, 2) - 1)
        assert await world.fetch("SELECT count(*) FROM upgrade WHERE started_ms IS NOT NULL") == [(0,)]
        await move_to(world, march(16))
        for started_ms, ended_ms in await world.fetch("SELECT started_ms, ended_ms FROM upgrade WHERE status = 3"):
            assert march(12, 2) <= started_ms < march(12, 4)
            assert march(13, 6) <= ended_ms < march(13, 7)
        assert await world.statuses() == {(3, 60): 30}

    play(open_context, story, protocol="HTTP")


def test_u13_a_pull_without_an_end_runs_for_a_week(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(Flow.PULL, start_date="2026-03-10", end_date=None)
        assert (campaign.end_date, campaign.end_ms) == ("2026-03-17", march(18))

    play(open_context, story, devices=1, protocol="HTTP")


def test_u14_a_network_aware_campaign_is_prescheduled_a_day_ahead_and_ends_when_all_are_done(
    open_context: OpenContext,
) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule(start_date="2026-03-14", end_date="2026-04-10")
        seen = []
        for timestamp_ms in (march(13) - 1, march(13), march(14) - 1, march(14), march(14, 3)):
            await move_to(world, timestamp_ms)
            seen.append(await status(world, campaign))
        assert seen == [QUEUED, PRESCHEDULED, PRESCHEDULED, SCHEDULED, ENDED]

    play(open_context, story)


@FLOWS
def test_u15_a_device_is_in_one_open_upgrade_at_a_time(open_context: OpenContext, flow: Flow) -> None:
    async def story(world: World) -> None:
        first = await world.schedule(flow)
        await move(world, 5_000)
        second = await world.schedule(Flow.PUSH)
        await move(world, 5_000)
        assert await rows(world, second) == [(UpgradeStatus.REJECTED, Reason.ALREADY_SCHEDULED)] * 3
        await cancel(world, first)
        third = await world.schedule(flow)
        await move(world, 5_000)
        assert await rows(world, third) == [(UpgradeStatus.SCHEDULED, Reason.NONE)] * 3

    play(open_context, story, devices=3)


def test_u17_each_change_of_status_is_sent_to_those_who_listen(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        await register_listener(world.context, world.caller, "v3", "https://listener.example/")
        await world.schedule()
        await move_to(world, march(12))
        texts = [json.loads(row[0]) for row in await world.fetch("SELECT event FROM delivery ORDER BY id")]
        seen = [event["campaign"]["status"] for event in texts if "devices" not in event]
        assert seen == [QUEUED, PRESCHEDULED, SCHEDULED, ENDED]
        told: dict[int, list[int]] = {}
        for event in texts:
            for imei, state, _ in event.get("devices", []):
                told.setdefault(imei, []).append(state)
        assert told == {
            imei: [UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS, UpgradeStatus.COMPLETED]
            for imei in world.devices
        }

    play(open_context, story, devices=3)


def test_u19_a_file_needs_the_model_and_no_version(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        file = ConfigurationFile(
            name="file",
            version="1.0",
            make="Make",
            model="Model",
            target_path="/f",
            protocol="LWM2M",
            platform="IoT",
            release_note="",
            launched_ms=NOW_MS,
        )
        await world.context.writer.submit(
            DirectCommand(
                lambda connection, _: record_file(
                    connection, world.caller.account_id, file, Content("key", 1, "0" * 64)
                ),
                (world.caller.account_id,),
            )
        )
        other = Device(
            device=FIRST + 50, make="Make", model="Another", firmware="1", protocol="LWM2M", licensed_ms=NOW_MS
        )
        old = replace(other, device=FIRST + 51, model="Model", firmware="0.1")
        await import_devices(world.context, world.caller, [other, old])
        wanted = {"package": "", "file": "file", "file_version": "1.0"}
        too_many = world.schedule(**wanted, devices=range(FIRST, FIRST + 21))
        assert await refused(too_many) is ErrorCode.PILOT_TOO_LARGE
        campaign = await world.schedule(**wanted, devices=[FIRST, other.device, old.device])
        await move(world, 5_000)
        assert await rows(world, campaign) == [
            (UpgradeStatus.SCHEDULED, Reason.NONE),
            (UpgradeStatus.REJECTED, Reason.WRONG_MODEL),
            (UpgradeStatus.SCHEDULED, Reason.NONE),
        ]
        await move_to(world, march(12))
        assert (await rows(world, campaign))[0] == (UpgradeStatus.COMPLETED, Reason.SUCCEEDED)
        assert await world.fetch("SELECT firmware FROM device ORDER BY imei") == [("1",), ("1",), ("0.1",)]

    play(open_context, story, devices=1, total=20)


@pytest.mark.parametrize("kind", [PurchaseType.EVENT, PurchaseType.BOTH])
def test_b5_an_account_with_event_billing_needs_no_licenses(open_context: OpenContext, kind: PurchaseType) -> None:
    async def story(world: World) -> None:
        campaign = await world.schedule()
        await move_to(world, march(12))
        assert await rows(world, campaign) == [(UpgradeStatus.COMPLETED, Reason.SUCCEEDED)] * 3
        assert await world.fetch("SELECT count(*) FROM upgrade WHERE charged_ms IS NOT NULL") == [(3,)]

    play(open_context, story, devices=3, licensed=0, purchase_type=kind)
