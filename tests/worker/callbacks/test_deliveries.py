"""Callbacks are delivered in order, once if all goes well, again if not, and nobody waits for another's receiver."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from delivering import (
    AWARE,
    ENCODERS,
    FIVE_MINUTES,
    PULL,
    PUSH,
    all_deliveries,
    clock_of,
    delivering,
    execute,
    happen,
    listen,
    listening,
    numbers,
    report,
    states,
    within,
)

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.retention import Kind
from fotapool.domain.callbacks import DeliveryState, Event
from fotapool.domain.errors import Conflict
from fotapool.services.accounts import retention
from fotapool.services.accounts.retention import Purged, purge_old_data
from fotapool.services.callbacks.deliveries import (
    acquire_batch,
    read_delivery,
    record_batch,
    redeliver,
)
from fotapool.services.callbacks.listeners import deregister_listener
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.callbacks import deliveries as store
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.callbacks.leases import LEASE_MS
from fotapool.store.callbacks.listeners import DEREGISTERED, Listener
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.worker.callbacks import deliveries as worker
from support.helpers import NOW_MS
from support.receivers import PATIENCE_S, Reply, running_receiver

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]
DEAD = "http://127.0.0.1:1/"


def test_what_happens_arrives_once_and_in_order_whatever_the_number(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, *range(3))
            await happen(context, caller, *range(3, 450))
            done = await deliveries.deliver_due()
            assert sum(turn.delivered for turn in done) == 450
            assert numbers(receiver.bodies) == list(range(450))
            assert set(await states(context)) == {"delivered"}
            assert await deliveries.next_delivery_ms() is None
            assert await deliveries.deliver_due() == []
            await happen(context, caller, 450)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == list(range(451))

    with running_receiver() as receiver:
        within(play())


def test_each_listener_of_an_account_is_told_in_its_own_words(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url, PUSH, PULL, AWARE)
            await happen(context, caller, 7)
            await deliveries.deliver_due()
            bodies = sorted(receiver.bodies, key=len)
            assert [("password" in body, body["type"]) for body in bodies] == [
                (False, "firmwareReported"),
                (False, "firmwareReported"),
                (True, "firmwareReported"),
            ]
            assert (bodies[2]["username"], bodies[2]["password"]) == ("me", "secret")

    with running_receiver() as receiver:
        within(play())


def test_a_failure_is_tried_again_after_five_minutes_and_nothing_overtakes_it(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            await deliveries.deliver_due()
            assert await deliveries.next_delivery_ms() == NOW_MS + FIVE_MINUTES
            clock_of(context).move_to(NOW_MS + FIVE_MINUTES - 1)
            assert await deliveries.deliver_due() == []
            clock_of(context).move_to(NOW_MS + FIVE_MINUTES)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 1, 2]
            first, again, other = receiver.seen
            assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
            assert other.headers["webhook-id"] != first.headers["webhook-id"]
            found = (await all_deliveries(context))[0]
            _, attempts = await read_delivery(context, found.id)
            assert [(one.number, one.at_ms - NOW_MS, one.status, one.answer) for one in attempts] == [
                (1, 0, 503, "not now"),
                (2, FIVE_MINUTES, 200, ""),
            ]

    with running_receiver() as receiver:
        receiver.replies.append(Reply(503, b"not now"))
        within(play())


def test_after_three_retries_it_is_given_up_and_the_next_one_goes(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            await deliveries.deliver_due()
            for place in range(3):
                due_ms = await deliveries.next_delivery_ms()
                assert due_ms == NOW_MS + (place + 1) * FIVE_MINUTES
                clock_of(context).move_to(due_ms)
                await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 1, 1, 1, 2]
            assert await states(context) == ["failed", "delivered"]
            assert await deliveries.next_delivery_ms() is None

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(500)] * 4)
        within(play())


def test_what_ended_is_kept_for_thirty_days(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", 2)

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2, 3, 4, 5)
            await deliveries.deliver_due()
            clock_of(context).move_to(NOW_MS + 30 * DAY_MS)
            await happen(context, caller, 6)
            assert await purge_old_data(context, [Kind.CALLBACKS]) == [Purged(Kind.CALLBACKS, 0, complete=True)]
            clock_of(context).move_to(NOW_MS + 30 * DAY_MS + 1)
            assert await purge_old_data(context, [Kind.CALLBACKS]) == [Purged(Kind.CALLBACKS, 5, complete=True)]
            assert await states(context) == ["waiting"]
            attempts = await context.reader.short(lambda connection: connection.fetch("SELECT * FROM delivery_attempt"))
            assert attempts == []

    with running_receiver() as receiver:
        within(play())


def test_the_operator_delivers_again_what_ended_with_the_same_bytes_and_id(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            for _ in range(4):
                await deliveries.deliver_due()
                clock_of(context).move_to(context.clock.now_ms() + FIVE_MINUTES)
            await deliveries.deliver_due()
            failed, delivered = await all_deliveries(context)
            assert await states(context) == ["failed", "delivered"]
            for one in (delivered, failed):
                assert (await redeliver(context, one.id)).state == DeliveryState.WAITING
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 1, 1, 1, 2, 1, 2]
            assert receiver.seen[0].body == receiver.seen[5].body
            assert receiver.seen[0].headers["webhook-id"] == receiver.seen[5].headers["webhook-id"]
            found, attempts = await read_delivery(context, failed.id)
            assert (found.attempts, [one.number for one in attempts]) == (1, [1, 2, 3, 4, 5])

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(500)] * 4)
        within(play())


def test_what_is_delivered_again_goes_first_and_leaves_the_retry_of_the_next_alone(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            await deliveries.deliver_due()
            assert await states(context) == ["delivered", "waiting"]
            await redeliver(context, (await all_deliveries(context))[0].id)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 2, 1]
            assert await deliveries.next_delivery_ms() == NOW_MS + FIVE_MINUTES
            clock_of(context).move_to(NOW_MS + FIVE_MINUTES)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 2, 1, 2]

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(), Reply(500)])
        within(play())


def test_nobody_can_deliver_again_where_nobody_listens(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1)
            await deliveries.deliver_due()
            assert await deregister_listener(context, caller, AWARE)
            with pytest.raises(Conflict, match="no listener"):
                await redeliver(context, (await all_deliveries(context))[0].id)

    with running_receiver() as receiver:
        within(play())


def test_a_slow_receiver_holds_up_no_other_account(open_context: OpenContext) -> None:
    release = threading.Event()

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            for name, url in (("slow", slow.url), ("quick", quick.url)):
                await happen(context, await listening(context, name, url), *range(5))
            under_way = asyncio.create_task(deliveries.deliver_due())
            await asyncio.to_thread(quick.wait_for, 5)
            await asyncio.to_thread(slow.wait_for, 1)  # its thread may be the last to run
            assert numbers(slow.bodies) == [0]
            release.set()
            await under_way
            assert numbers(slow.bodies) == numbers(quick.bodies) == list(range(5))

    with running_receiver() as slow, running_receiver() as quick:
        slow.replies.append(Reply(wait=release))
        within(play())


def test_dead_receivers_leave_room_for_the_others(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_AT_ONCE", 2)
    monkeypatch.setattr(worker, "MAX_RETRIES_AT_ONCE", 1)
    release = threading.Event()

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            for number in range(3):
                await happen(context, await listening(context, f"dead-{number}", dead.url), number)
            await deliveries.deliver_due()
            clock_of(context).move_to(NOW_MS + FIVE_MINUTES)
            await happen(context, await listening(context, "alive", alive.url), *range(5))
            under_way = asyncio.create_task(deliveries.deliver_due())
            await asyncio.to_thread(alive.wait_for, 5)
            assert len(dead.seen) <= 4
            release.set()
            await under_way
            assert set(await states(context)) == {"delivered"}

    with running_receiver() as dead, running_receiver() as alive:
        dead.replies.extend([Reply(500)] * 3 + [Reply(wait=release)] * 3)
        within(play())


def test_a_long_queue_lets_the_other_listeners_have_their_turns(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_AT_ONCE", 1)
    monkeypatch.setattr("fotapool.store.callbacks.leases.DELIVERIES_PER_LEASE", 3)
    monkeypatch.setattr(worker, "DELIVERIES_PER_LEASE", 3)

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            await happen(context, await listening(context, "long", receiver.url), *range(9))
            clock_of(context).move_to(NOW_MS + 1)
            await happen(context, await listening(context, "short", receiver.url), 100)
            clock_of(context).move_to(NOW_MS + 2)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [0, 1, 2, 100, 3, 4, 5, 6, 7, 8]

    with running_receiver() as receiver:
        within(play())


def test_an_event_is_in_the_outbox_if_and_only_if_its_change_committed(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            caller = await listening(context, "only", DEAD)

            def fails(connection: Connection, now_ms: int) -> None:
                record_events(connection, caller.account_id, [report("only", 1)], now_ms)
                raise Conflict("after all")

            with pytest.raises(Conflict):
                await context.writer.submit(DirectCommand(fails, (caller.account_id,), alone=True))
            assert await all_deliveries(context) == []
            await happen(context, caller, 1)
            assert await states(context) == ["waiting"]

    within(play())


def test_without_listeners_events_are_not_even_made(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            caller = await listening(context, "only", DEAD)
            await deregister_listener(context, caller, AWARE)

            def change(connection: Connection, now_ms: int) -> None:
                record_events(connection, caller.account_id, (pytest.fail("made") for _ in "x"), now_ms)

            await context.writer.submit(DirectCommand(change, (caller.account_id,)))
            assert await all_deliveries(context) == []

    within(play())


def test_whoever_dies_between_sending_and_recording_sends_again(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> bool:
        raise ZeroDivisionError("the crash")

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1)
            with monkeypatch.context() as patch:
                patch.setattr(worker, "record_batch", dies)
                assert await deliveries.deliver_due() == []
            assert await states(context) == ["waiting"]
            assert await deliveries.deliver_due() == []  # the dead one's lease still lasts
            await execute(context, "UPDATE listener SET leased_until_ms = leased_until_ms - :lease", lease=LEASE_MS)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 1]
            assert receiver.seen[0].body == receiver.seen[1].body
            assert receiver.seen[0].headers["webhook-id"] == receiver.seen[1].headers["webhook-id"]
            assert await states(context) == ["delivered"]

    with running_receiver() as receiver:
        within(play())


def test_while_the_database_does_not_answer_what_was_sent_is_recorded_later(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RECORD_WAIT_S", 0.0)
    failures = [StoreUnavailable("gone")] * 2
    original = worker.record_batch

    async def sometimes(*arguments: object) -> bool:
        if failures:
            raise failures.pop()
        return await original(*arguments)  # type: ignore[arg-type]

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            await happen(context, await listening(context, "only", receiver.url), 1)
            monkeypatch.setattr(worker, "record_batch", sometimes)
            await deliveries.deliver_due()
            assert await states(context) == ["delivered"]
            assert len(receiver.seen) == 1

    with running_receiver() as receiver:
        within(play())


def test_servers_that_share_a_database_send_nothing_twice_and_keep_the_order(open_context: OpenContext) -> None:
    accounts, events = 6, 40

    async def play() -> None:
        async with open_context() as one, open_context() as other, delivering(one) as ours, delivering(other) as theirs:
            for number in range(accounts):
                caller = await listening(one, f"account-{number}", receiver.url, AWARE)
                await happen(one, caller, *range(number * 1000, number * 1000 + events))
            while "waiting" in await states(one):
                await asyncio.gather(ours.deliver_due(), theirs.deliver_due())
            seen = numbers(receiver.bodies)
            assert len(seen) == len(set(seen)) == accounts * events
            for number in range(accounts):
                own = [each for each in seen if each // 1000 == number]
                assert own == sorted(own)

    with running_receiver() as receiver:
        within(play())


def test_the_background_delivers_and_the_one_who_asks_waits_for_it(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            background = asyncio.create_task(deliveries.run_in_background())
            caller = await listening(context, "only", receiver.url)
            for number in range(20):
                await happen(context, caller, number)
                await deliveries.deliver_due()
            await asyncio.to_thread(receiver.wait_for, 20)
            await happen(context, caller, 20)
            await asyncio.to_thread(receiver.wait_for, 21)
            assert numbers(receiver.bodies) == list(range(21))
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)

    with running_receiver() as receiver:
        within(play())


def test_a_server_that_stops_records_what_it_has_sent(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_GRACE_S", 0.01)
    never = threading.Event()

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2, 3)
            under_way = asyncio.create_task(deliveries.deliver_due())
            await asyncio.to_thread(receiver.wait_for, 2)
            await deliveries.stop()
            await under_way
            never.set()
            assert await states(context) == ["delivered", "waiting", "waiting"]
            async with delivering(context) as next_server:
                await next_server.deliver_due()
            assert numbers(receiver.bodies) == [1, 2, 2, 3]

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(), Reply(wait=never)])
        within(play())


def test_a_turn_whose_lease_was_lost_records_nothing(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            caller = await listening(context, "only", DEAD)
            await happen(context, caller, 1)
            mine = await acquire_batch(context, caller.account_id, AWARE, ENCODERS)
            assert mine is not None
            assert await acquire_batch(context, caller.account_id, AWARE, ENCODERS) is None
            await execute(context, "UPDATE listener SET leased_until_ms = leased_until_ms - :lease", lease=LEASE_MS)
            theirs = await acquire_batch(context, caller.account_id, AWARE, ENCODERS)
            assert theirs is not None
            assert not await record_batch(context, mine, [], [])
            assert await record_batch(context, theirs, [], [])

    within(play())


def test_an_event_that_cannot_be_put_into_words_fails_alone(open_context: OpenContext) -> None:
    def encode(event: Event, listener: Listener) -> bytes:
        if event == report("only", 2):
            raise ZeroDivisionError("a bug")
        return ENCODERS[AWARE](event, listener)

    async def play() -> None:
        async with open_context() as context, delivering(context, encoders={AWARE: encode}) as deliveries:
            await happen(context, await listening(context, "only", receiver.url), 1, 2, 3)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 3]
            assert await states(context) == ["delivered", "failed", "delivered"]
            _, attempts = await read_delivery(context, (await all_deliveries(context))[1].id)
            assert [one.error for one in attempts] == [worker.NOT_SERIALIZED]

    with running_receiver() as receiver:
        within(play())


def test_what_waits_for_a_listener_is_given_up_when_it_is_deregistered(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            await deregister_listener(context, caller, AWARE)
            assert await states(context) == ["failed", "failed"]
            found, attempts = await read_delivery(context, (await all_deliveries(context))[0].id)
            assert (found.due_ms, [one.error for one in attempts]) == (None, [DEREGISTERED])
            await listen(context, caller.account_id, AWARE, receiver.url)
            await happen(context, caller, 3)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [3]

    with running_receiver() as receiver:
        within(play())


def test_a_listener_that_is_replaced_gets_what_waits(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", DEAD)
            await happen(context, caller, 1)
            await listen(context, caller.account_id, AWARE, receiver.url)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1]

    with running_receiver() as receiver:
        within(play())


def test_what_is_too_much_for_a_listener_is_recorded_as_failed(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_WAITING_PER_LISTENER", 4)

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2, 3)
            await happen(context, caller, 4, 5, 6)
            await happen(context, caller, 7)
            assert await states(context) == ["waiting"] * 4 + ["failed"] * 3
            found = (await all_deliveries(context))[-1]
            _, attempts = await read_delivery(context, found.id)
            assert [one.error for one in attempts] == [store.TOO_MANY_WAIT]
            await redeliver(context, found.id)
            await deliveries.deliver_due()
            assert numbers(receiver.bodies) == [1, 2, 3, 4, 7]

    with running_receiver() as receiver:
        within(play())


def test_patience_is_longer_than_any_attempt() -> None:
    assert LEASE_MS > worker.MAX_BATCH_MS + 30_000 + worker.RECORD_TRIES * worker.RECORD_WAIT_S * 1000
    assert PATIENCE_S > 10
