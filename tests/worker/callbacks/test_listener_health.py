"""What the outbox keeps of a listener: its last attempt, since when it fails, and counts by the hour."""

from __future__ import annotations

from delivering import FIVE_MINUTES, clock_of, delivering, happen, listening, within

from fotapool.core.timestamps import DAY_MS, HOUR_MS
from fotapool.domain.accounts.retention import DEFAULT_DAYS, Kind
from fotapool.domain.callbacks import ListenerStatus
from fotapool.services.accounts.retention import purge_old_data
from fotapool.services.callbacks.health import (
    list_listener_health,
    list_listeners_in_trouble,
    read_figures,
    read_listener_hours,
    status_of,
)
from support.helpers import NOW_MS
from support.receivers import Reply, running_receiver
from worker.conftest import OpenContext


def test_a_success_ends_the_trouble_and_each_hour_counts_its_attempts(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2, 3)
            seen = []
            for _ in range(4):
                await deliveries.deliver_due()
                (one,) = await list_listener_health(context, None, caller.account_id, ("", ""), 10)
                trouble = await list_listeners_in_trouble(context)
                assert trouble == ([one] if one.failing_ms is not None else [])
                status = status_of(one, context.clock.now_ms())
                seen.append((status, one.status, one.failing_ms and one.failing_ms - NOW_MS, one.waiting))
                clock_of(context).move_to(context.clock.now_ms() + FIVE_MINUTES)
            assert seen == [
                (ListenerStatus.RETRYING, 500, 0, 3),
                (ListenerStatus.RETRYING, 503, FIVE_MINUTES, 2),  # the first was delivered before
                (ListenerStatus.RETRYING, 404, FIVE_MINUTES, 2),
                (ListenerStatus.DELIVERING, 200, None, 0),
            ]
            (hour,) = await read_listener_hours(context, one)
            assert (hour.delivered, hour.at_first, hour.attempts_failed, hour.given_up) == (3, 1, 3, 0)
            figures = await read_figures(context)
            assert (figures.listeners, figures.accounts, figures.waiting, figures.oldest_ms) == (1, 1, 0, None)
            assert (figures.day.delivered, figures.day.attempts_failed) == (3, 3)
            clock_of(context).move_to(NOW_MS + DEFAULT_DAYS[Kind.CALLBACKS] * DAY_MS + 2 * HOUR_MS)
            await purge_old_data(context, (Kind.CALLBACKS,))
            clock_of(context).set_to(NOW_MS)
            assert (await read_figures(context)).day.delivered == 0

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(500), Reply(200), Reply(503), Reply(404)])
        within(play())
