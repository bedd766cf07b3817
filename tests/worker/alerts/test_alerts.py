"""Alerts: each begins once and ends once, and is notified once, whatever servers do at the same time or crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from fotapool.core.settings import Settings
from fotapool.domain.accounts.alerts.kinds import AlertKind
from fotapool.domain.accounts.alerts.rules import WantedRule
from fotapool.domain.campaigns.campaigns import Flow
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts.accounts import create_account
from fotapool.services.accounts.alerts import evaluation
from fotapool.services.accounts.alerts.alerts import acknowledge_alert, list_alerts
from fotapool.services.accounts.alerts.evaluation import evaluate_alerts, purge_alerts
from fotapool.services.accounts.alerts.rules import delete_rule, read_rule, send_test, set_rule, silence_rule
from fotapool.services.accounts.subscriptions import change_subscription
from fotapool.services.callbacks.deliveries import list_deliveries
from fotapool.services.campaigns.upgrades import set_upgrade
from fotapool.services.context import Context
from fotapool.services.licenses.licenses import assign_licenses, remove_licenses
from fotapool.store.accounts.alerts.alerts import Alert, AlertFilter
from fotapool.worker.runner import advance
from support.fleets import DAY_MS, MINUTE_MS, World, make_world
from support.receivers import Reply, running_receiver
from worker.callbacks.delivering import clock_of, delivering, happen, listening
from worker.conftest import OpenContext
from worker.stories import march, move, move_to, play, status

HOOK, OTHER = "https://a.example.com/hook", "https://b.example.com/hook"
INTERVAL_MS = 60_000


def rule(kind: AlertKind, threshold: int, name: str = "rule", **given: Any) -> WantedRule:
    values: dict[str, Any] = {"account_id": 0, "minimum": 0, "targets": (HOOK,), "enabled": True, **given}
    return WantedRule(name=name, kind=kind, threshold=threshold, **values)


async def evaluate(context: Context) -> tuple[int, int]:
    """Moves the clock by an interval and evaluates. Returns how many alerts began and ended."""
    clock_of(context).move_to(context.clock.now_ms() + INTERVAL_MS)
    steps = await evaluate_alerts(context, INTERVAL_MS)
    return sum(len(step.began) for step in steps), sum(len(step.ended) for step in steps)


async def messages(context: Context) -> list[tuple[str, int]]:
    """The type of each message that was put into a queue, and the number of its alerts."""
    found = await list_deliveries(context, account_id=None, state=None, after=0, limit=1000)
    events = [json.loads(one.event) for one in found if one.account_id == 0]
    return [(event["type"].removeprefix("alerts."), len(event["alerts"])) for event in events]


async def alerts(context: Context, is_open: bool | None = None) -> Sequence[Alert]:
    return (await list_alerts(context, AlertFilter(is_open), None, 1000))[0]


async def assign(world: World, count: int) -> None:
    """Gives licenses to so many devices, and takes those of the others."""
    await remove_licenses(world.context, world.caller, world.devices[count:])
    await assign_licenses(world.context, world.caller, world.devices[:count])


def test_an_alert_begins_once_and_ends_once_with_slack(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        context = world.context
        await set_rule(context, rule(AlertKind.USED_SHARE, 90))
        seen = []
        for used in (17, 18, 20, 18, 17, 18, 17, 17):  # of 20: 85, 90, 100, 90, 85 %
            await assign(world, used)
            seen.append(await evaluate(context))
        assert seen == [(0, 0), (1, 0), (0, 0), (0, 0), (0, 1), (1, 0), (0, 1), (0, 0)]
        assert await messages(context) == [("began", 1), ("ended", 1)] * 2
        latest = (await alerts(context))[0]
        assert latest.account_name == world.caller.account_name
        assert (latest.value, latest.text) == (90, "90% of 20 licenses are used")
        assert await alerts(context, is_open=True) == []
        clock_of(context).move_to(context.clock.now_ms() + evaluation.RETENTION_MS + 1)
        assert await purge_alerts(context) == 2
        assert await alerts(context) == []

    play(open_context, story, devices=20)


@pytest.mark.parametrize(
    ("kind", "threshold"),
    [
        pytest.param(AlertKind.FREE_LICENSES, 3, marks=pytest.mark.long_on("postgresql")),
        (AlertKind.DAYS_UNTIL_EMPTY, 2),
        pytest.param(AlertKind.REDUCTION, 5, marks=pytest.mark.long_on("postgresql")),
    ],
)
def test_the_numbers_of_a_pool_are_watched(open_context: OpenContext, kind: AlertKind, threshold: int) -> None:
    async def story(world: World) -> None:
        context = world.context
        await set_rule(context, rule(kind, threshold))
        await evaluate(context)
        await move_to(world, march(20))  # ten days of history
        await assign(world, 15)
        assert await evaluate(context) == (0, 0)
        await assign(world, 17)  # 17 more in ten days, and 3 are free: about two days
        if kind is AlertKind.REDUCTION:
            await change_subscription(context, world.caller, total=18, purchase_type=None)
            assert await evaluate(context) == (0, 0)
            await change_subscription(context, world.caller, total=10, purchase_type=None)
        assert await evaluate(context) == (1, 0)
        assert await evaluate(context) == (0, 0)
        if kind is AlertKind.REDUCTION:
            clock_of(context).move_to(context.clock.now_ms() + DAY_MS)
        else:
            await remove_licenses(context, world.caller, world.devices)
        assert await evaluate(context) == (0, 1)
        assert await messages(context) == [("began", 1), ("ended", 1)]

    play(open_context, story, devices=20, licensed=0, total=20)


def test_failing_callbacks_are_watched(open_context: OpenContext) -> None:
    async def story() -> None:
        with running_receiver() as receiver:
            async with open_context() as context, delivering(context) as deliveries:
                caller = await listening(context, "0242078689-00007", receiver.url)
                await set_rule(context, rule(AlertKind.FAILING_CALLBACKS, 8, targets=()))
                receiver.replies.extend([Reply(500)] * 4)
                await happen(context, caller, 1)
                seen = []
                for _ in range(17):
                    seen += [await evaluate(context)]
                    await deliveries.deliver_due()
                assert seen == [(0, 0)] * 7 + [(1, 0)] + [(0, 0)] * 9  # it waits; then it is given up
                await happen(context, caller, 2)
                await deliveries.deliver_due()
                assert await evaluate(context) == (0, 1)
                assert [alert.topic for alert in await alerts(context)] == ["v3"]

    asyncio.run(asyncio.wait_for(story(), 300))


def test_failing_devices_of_campaigns_are_watched(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        context = world.context
        await set_rule(context, rule(AlertKind.CAMPAIGN_FAILURES, 50, minimum=2))
        campaign = await world.schedule(Flow.PUSH)
        await move_to(world, march(11, 1))
        seen = []
        for device in world.devices:
            await set_upgrade(context, world.caller, device, UpgradeStatus.FAILED)
            seen.append(await evaluate(context))
        assert seen == [(0, 0), (1, 0), (0, 0)]
        assert (await status(world, campaign)).word == "ended"
        await move(world, DAY_MS)
        assert [alert.ended_ms is None for alert in await alerts(context)] == [False]
        assert await messages(context) == [("began", 1), ("ended", 1)]

    play(open_context, story, devices=3, behavior=None)


@pytest.mark.long_on("postgresql")
def test_an_advance_of_the_clock_evaluates_and_says_so(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        await set_rule(world.context, rule(AlertKind.USED_SHARE, 100))
        clock = clock_of(world.context)
        events = await advance(world.context, clock, clock.now_ms() + 5 * MINUTE_MS)
        assert [(one.what, one.account_id) for one in events] == [("alert began", world.caller.account_id)]
        await remove_licenses(world.context, world.caller, world.devices)
        events = await advance(world.context, clock, clock.now_ms() + 400 * DAY_MS)
        assert [one.what for one in events] == ["alert ended"]

    play(open_context, story, devices=3)


def test_several_servers_begin_and_end_each_alert_once(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "ACCOUNTS_A_STEP", 2)

    async def story() -> None:
        async with open_context() as one, open_context() as other:
            worlds = [await make_world(one, f"account-{place}", 2, first=10**14 + place * 10) for place in range(7)]
            await set_rule(one, rule(AlertKind.USED_SHARE, 100, targets=(HOOK, OTHER)))
            await set_rule(one, rule(AlertKind.FREE_LICENSES, 0, "one", account_id=worlds[3].caller.account_id))
            for expected in (8, 0, 0):
                clock_of(other).move_to(one.clock.now_ms() + INTERVAL_MS)
                clock_of(one).move_to(one.clock.now_ms() + INTERVAL_MS)
                found = await asyncio.gather(*(evaluate_alerts(server, INTERVAL_MS) for server in (one, other) * 2))
                assert sum(len(step.began) for steps in found for step in steps) == expected
            notified = await messages(one)
            assert sum(count for _, count in notified) == 7 * 2 + 1
            for world in worlds:
                await remove_licenses(one, world.caller, world.devices)
            for server in (one, other):
                clock_of(server).move_to(one.clock.now_ms() + INTERVAL_MS)
            await asyncio.gather(*(evaluate_alerts(server, INTERVAL_MS) for server in (one, other)))
            assert len(await alerts(one)) == 8
            assert await alerts(one, is_open=True) == []
            assert sum(count for kind, count in await messages(one) if kind == "ended") == 7 * 2 + 1

    asyncio.run(asyncio.wait_for(story(), 300))


def test_a_step_that_fails_has_done_nothing(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        await set_rule(world.context, rule(AlertKind.USED_SHARE, 100))

        def crash(*_: object) -> None:
            raise OSError("the server dies")

        with monkeypatch.context() as patched:
            patched.setattr(evaluation.store, "record_pass", crash)
            with pytest.raises(OSError, match="dies"):
                await evaluate(world.context)
        assert await alerts(world.context) == []
        assert await messages(world.context) == []
        assert await evaluate(world.context) == (1, 0)

    play(open_context, story, devices=3)


def test_a_silenced_rule_tells_what_is_still_open_when_the_silence_ends(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        context = world.context
        await set_rule(context, rule(AlertKind.USED_SHARE, 100))
        await silence_rule(context, "rule", context.clock.now_ms() + 10 * MINUTE_MS)
        assert await evaluate(context) == (1, 0)
        await remove_licenses(context, world.caller, world.devices)
        assert await evaluate(context) == (0, 1)
        await assign(world, 3)
        assert await evaluate(context) == (1, 0)
        assert await messages(context) == []
        await set_rule(context, rule(AlertKind.USED_SHARE, 99))  # a change leaves the silence as it is
        clock_of(context).move_to(context.clock.now_ms() + 10 * MINUTE_MS)
        assert await evaluate(context) == (0, 0)
        assert await messages(context) == [("began", 1)]
        await set_rule(context, rule(AlertKind.USED_SHARE, 99, enabled=False))
        assert await evaluate(context) == (0, 1)
        assert await messages(context) == [("began", 1), ("ended", 1)]

    play(open_context, story, devices=3)


def test_what_operators_do_with_rules_and_alerts(open_context: OpenContext) -> None:
    async def story(world: World) -> None:
        context = world.context
        await set_rule(context, rule(AlertKind.USED_SHARE, 100))
        with pytest.raises(Conflict, match="kind"):
            await set_rule(context, rule(AlertKind.FREE_LICENSES, 100))
        await evaluate(context)
        (alert,) = await alerts(context)
        noted = await acknowledge_alert(context, alert.id, "night-shift", "ordered 500 more")
        assert (noted.acknowledged_by, noted.note) == ("night-shift", "ordered 500 more")
        assert noted.acknowledged_ms == context.clock.now_ms()
        await set_rule(context, rule(AlertKind.USED_SHARE, 100, targets=(OTHER,)))
        assert await world.fetch("SELECT url FROM listener WHERE account_id = 0") == [(OTHER,)]
        await send_test(context, "rule")
        await delete_rule(context, "rule")
        assert await world.fetch("SELECT url FROM listener WHERE account_id = 0") == []
        assert await alerts(context, is_open=True) == []
        with pytest.raises(NotFound):
            await read_rule(context, "rule")
        with pytest.raises(Conflict, match="has ended"):
            await acknowledge_alert(context, alert.id, "night-shift", "")
        await set_rule(context, rule(AlertKind.USED_SHARE, 100, targets=()))
        with pytest.raises(Conflict, match="no targets"):
            await send_test(context, "rule")

    play(open_context, story, devices=3)


def test_limits(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_OPEN_ALERTS", 2)
    monkeypatch.setattr("fotapool.services.accounts.alerts.rules.MAX_RULES", 2)

    async def story() -> None:
        async with open_context() as context:
            for place in range(4):
                await create_account(context, f"account-{place}", PurchaseType.MRC, 1)
            for name in ("a", "b"):
                await set_rule(context, rule(AlertKind.FREE_LICENSES, 1, name))
            with pytest.raises(Conflict, match="the maximum"):
                await set_rule(context, rule(AlertKind.FREE_LICENSES, 1, "c"))
            assert await evaluate(context) == (4, 0)
            assert await evaluate(context) == (0, 0)

    asyncio.run(asyncio.wait_for(story(), 300))


def test_a_target_that_does_not_answer_blocks_no_other(open_context: OpenContext) -> None:
    async def story() -> None:
        with running_receiver() as dead, running_receiver() as receiver:
            dead.replies.extend([Reply(500)] * 10)
            async with open_context() as context, delivering(context) as deliveries:
                world = await make_world(context, devices=3)
                allowed = replace(context, settings=Settings(callback_private_targets=True))
                await set_rule(allowed, rule(AlertKind.USED_SHARE, 100, targets=(dead.url, receiver.url)))
                await evaluate(context)
                await remove_licenses(context, world.caller, world.devices)
                await evaluate(context)
                await deliveries.deliver_due()
                assert [one.json["type"] for one in receiver.seen] == ["alerts.began", "alerts.ended"]
                (alert,) = receiver.seen[0].json["data"]["alerts"]
                assert (alert["account"], alert["value"]) == (world.caller.account_name, 100)
                assert [one.json["type"] for one in dead.seen] == ["alerts.began"]

    asyncio.run(asyncio.wait_for(story(), 300))
