"""Runs due work: in the background on a real clock, and event by event when the test clock advances."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from fotapool.core.clock import MovableClock
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.timestamps import DAY_MS
from fotapool.domain.errors import RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.domain.records import from_attributes
from fotapool.services.accounts.alerts.evaluation import (
    BEGAN,
    ENDED,
    evaluate_alerts,
    interval_ms,
    next_evaluation_ms,
    purge_alerts,
)
from fotapool.services.accounts.closing import end_idle_listeners
from fotapool.services.accounts.kept_answers import purge_kept_answers
from fotapool.services.accounts.rejections import flush_rejections
from fotapool.services.accounts.retention import STEPS_PER_RUN, purge_old_data
from fotapool.services.accounts.scheduled_changes import CarriedOut, carry_out_due_change, next_change_due
from fotapool.services.audit_log.drafts import NOT_AUDITED
from fotapool.services.audit_log.entries import flush_wrong_keys
from fotapool.services.campaigns.steps import StepResult, next_campaign_due, step_due_campaign
from fotapool.services.context import Context
from fotapool.services.devices.devices import answer_due_report, next_report_due
from fotapool.services.identity.keys.upkeep import flush_key_uses, purge_expired_keys
from fotapool.services.identity.sessions import Authenticator, purge_ended
from fotapool.services.licenses.bulk_jobs import purge_jobs
from fotapool.services.licenses.notices import end_due_notices, next_notice_end
from fotapool.store.db.connection import ConstraintViolated, StoreUnavailable
from fotapool.worker.callbacks.deliveries import BatchResult, Deliveries, in_order

log = Log(__name__)
Result = TypeVar("Result")

TICK_S = 1.0
"""Interval of the background runs, in seconds."""
TICKS_PER_PURGE = 600
PURGE_ADVANCE_MS = DAY_MS
"""Advances of the test clock by so much or more also delete what is stored for a limited time."""
MAX_STEPS_PER_TICK = 10_000
MAX_EVENT_DEVICES = 100
"""Maximum number of devices named in one clock event."""
COMMANDS_PER_STEP = 3
"""Maximum number of commands that a step submits itself."""
PAUSE_FACTOR = 5.0
"""The pause after a step while requests come in, as a multiple of the step's duration."""
MAX_CLOCK_EVENTS = 10_000
"""Maximum number of events returned by one clock advance; later events still run but are not returned."""


class ClockEvent(msgspec.Struct, frozen=True):
    """One event of a clock advance: its time (ms), what was done, and in which account and campaign."""

    at_ms: int
    what: str
    account_id: int
    count: int
    devices: list[str]
    """The first MAX_EVENT_DEVICES of `count` devices."""
    campaign: str | None = None


def _event(at_ms: int, done: StepResult) -> ClockEvent:
    devices = [format_device_id(device) for device in done.devices[:MAX_EVENT_DEVICES]]
    return from_attributes(
        ClockEvent, done, at_ms=at_ms, count=len(done.devices), devices=devices, campaign=done.campaign or None
    )


async def _step(context: Context) -> tuple[bool, StepResult | None]:
    """Runs one step. Returns whether one was due, and its result, None if another worker took it."""
    ended = await end_due_notices(context)
    if ended is not None:
        return True, _of_devices("notice ended", *ended)
    found, carried_out = await carry_out_due_change(context)
    if found:
        return True, None if carried_out is None else _of_change(carried_out)
    reported = await answer_due_report(context)
    if reported is not None:
        return True, _of_devices("firmware reported", *reported)
    return await step_due_campaign(context)


def _of_devices(what: str, account_id: int, devices: Sequence[int]) -> StepResult | None:
    return StepResult(what, account_id, "", devices) if devices else None


def _of_change(done: CarriedOut) -> StepResult:
    what = "subscription changed" if done.change.failure is None else "scheduled change failed"
    return StepResult(what, done.change.account_id, "", done.devices)


async def give_way(context: Context, step: Callable[[Context], Awaitable[Result]]) -> Result:
    """Runs a step; if requests came in meanwhile, pauses so that the writer runs them before the next step."""
    loop = asyncio.get_running_loop()
    began_s, submitted = loop.time(), context.writer.submitted
    result = await step(context)
    if context.writer.submitted - submitted > COMMANDS_PER_STEP:
        await asyncio.sleep((loop.time() - began_s) * PAUSE_FACTOR)
    return result


async def evaluate_in_background(context: Context) -> None:
    """Evaluates the alert rules, if that is due, and pauses after a step while requests come in."""
    async with context.step_lock:
        await evaluate_alerts(context, interval_ms(context), partial(give_way, context))


async def run_due(context: Context) -> list[ClockEvent]:
    """Runs everything that is due: ending notices, scheduled changes, reports, then campaigns.

    Returns the events in order.
    """
    async with context.step_lock:
        return await _run_due(context, partial(give_way, context, _step))


async def _run_due(context: Context, step: Callable[[], Awaitable[tuple[bool, StepResult | None]]]) -> list[ClockEvent]:
    """Runs steps until none is due."""
    events: list[ClockEvent] = []
    for _ in range(MAX_STEPS_PER_TICK):
        found, done = await step()
        if not found:
            break
        if done is not None:
            events.append(_event(context.clock.now_ms(), done))
    return events


async def next_due_ms(context: Context, deliveries: Deliveries | None = None, span_ms: int = 0) -> int | None:
    """The next time (ms) at which something is due, or None; `span_ms` is that of an advance of the test clock."""
    times_ms = [
        await next_notice_end(context),
        await next_change_due(context),
        await next_report_due(context),
        await next_campaign_due(context),
        await next_evaluation_ms(context, interval_ms(context, span_ms)),
    ]
    if deliveries is not None:
        times_ms.append(await deliveries.next_delivery_ms())
    return min((due_ms for due_ms in times_ms if due_ms is not None), default=None)


async def advance(
    context: Context, clock: MovableClock, timestamp_ms: int, deliveries: Deliveries | None = None
) -> list[ClockEvent]:
    """Advances the test clock to the timestamp (ms); stops at each time at which something is due, and runs it.

    Callbacks are delivered at each stop, so that they report the state of that time. Returns the events in order.
    """
    async with context.step_lock:
        began_ms = clock.now_ms()
        span_ms = max(0, timestamp_ms - began_ms)
        # The background may deliver as soon as the clock has moved: `watch` collects its batches too.
        no_results: contextlib.AbstractContextManager[list[BatchResult]] = contextlib.nullcontext([])
        with deliveries.watch() if deliveries else no_results as results:
            events = await _run_and_deliver(context, deliveries, results, span_ms)
            while (due_ms := await next_due_ms(context, deliveries, span_ms)) is not None and due_ms <= timestamp_ms:
                clock.move_to(due_ms)
                found = await _run_and_deliver(context, deliveries, results, span_ms)
                events += found[: MAX_CLOCK_EVENTS - len(events)]
            clock.move_to(timestamp_ms)
            events += await _run_and_deliver(context, deliveries, results, span_ms)
        if span_ms >= PURGE_ADVANCE_MS:
            await _purge(context, None)
        return events


async def _run_and_deliver(
    context: Context, deliveries: Deliveries | None, results: list[BatchResult], span_ms: int
) -> list[ClockEvent]:
    """Runs everything that is due and delivers the callbacks; returns the events, and clears `results`.

    Somebody waits for the clock: the steps do not pause for other requests, with which they take turns in the writer.
    """
    events = await _run_due(context, partial(_step, context))
    events += await _run_alerts(context, span_ms)
    if deliveries is not None:
        await deliveries.deliver_due()
        for one in in_order(results):
            for what, count in (("callbacks delivered", one.delivered), ("callback failed", one.failed)):
                if count:
                    events.append(
                        ClockEvent(at_ms=one.at_ms, what=what, account_id=one.account_id, count=count, devices=[])
                    )
        results.clear()
    return events


async def _run_alerts(context: Context, span_ms: int = 0) -> list[ClockEvent]:
    """Evaluates the alert rules, if that is due. Returns an event for each alert that began or ended."""
    now_ms = context.clock.now_ms()
    return [
        ClockEvent(at_ms=now_ms, what=what, account_id=alert.account_id, count=1, devices=[])
        for outcome in await evaluate_alerts(context, interval_ms(context, span_ms))
        for what, alerts in ((ENDED, outcome.ended), (BEGAN, outcome.began))
        for alert in alerts
    ]


async def _purge(context: Context, steps: int | None = STEPS_PER_RUN) -> None:
    for purge in (purge_ended, purge_expired_keys, purge_jobs, purge_kept_answers, end_idle_listeners, purge_alerts):
        await purge(context)
    # An advance of the test clock has an entry of its own in the audit log.
    await purge_old_data(replace(context, audit=NOT_AUDITED), steps=steps)


async def flush_counts(context: Context) -> None:
    """Writes what was counted and noted in memory: rejections, wrong keys, uses of keys."""
    await flush_rejections(context)
    await flush_wrong_keys(context)
    await flush_key_uses(context)


async def run_in_background(context: Context, authenticator: Authenticator) -> None:
    """Runs due work at every tick, until canceled. Errors are logged, and the work is retried at the next tick."""
    ticks = 0
    while True:
        await asyncio.sleep(TICK_S)
        ticks += 1
        try:
            await authenticator.flush()
            await flush_counts(context)
            await run_due(context)
            await evaluate_in_background(context)
            if ticks % TICKS_PER_PURGE == 0:
                await _purge(context)
        except (StoreUnavailable, ConstraintViolated, RequestRejected) as error:
            log.write(LogEvent.JOBS_FAILED, reason=error)
        except Exception as error:
            log.write(LogEvent.JOBS_FAILED, error, reason=repr(error))
