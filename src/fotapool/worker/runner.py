"""Runs what is due: in the background on a real clock, and moment by moment on the emulator's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from fotapool.core.clock import MovableClock
from fotapool.domain.campaigns.campaigns import DAY_MS
from fotapool.domain.errors import RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.accounts.rejections import flush_rejections
from fotapool.services.callbacks.deliveries import purge_deliveries
from fotapool.services.campaigns.steps import StepResult, next_campaign_due, step_due_campaign
from fotapool.services.context import Context
from fotapool.services.devices.devices import answer_due_report, next_report_due
from fotapool.services.devices.logs import purge_old_logs
from fotapool.services.identity.sessions import Authenticator, purge_ended
from fotapool.services.licenses.bulk_jobs import purge_jobs
from fotapool.services.licenses.notices import end_due_notices, next_notice_end
from fotapool.store.db.connection import ConstraintViolated, StoreUnavailable
from fotapool.worker.callbacks.deliveries import Delivered, Deliveries, in_order

log = logging.getLogger(__name__)
Result = TypeVar("Result")

TICK_S = 1.0
"""How often the background looks for what is due, and writes the sessions' uses, in seconds."""
TICKS_BETWEEN_FORGETTING = 600
FORGETTING_MOVE_MS = DAY_MS
"""After moves of the test clock of a day or more, what is only kept for some time is forgotten, as it is in time."""
MAX_STEPS_A_TICK = 10_000
MAX_DEVICES_TOLD = 100
"""How many devices of one step are named in what happened."""
SUBMITTED_BY_A_STEP = 3
"""How many commands a step submits itself, at most."""
LEFT_TO_REQUESTS = 5.0
"""How long the engine pauses after a step while requests come in, as a multiple of the step's time."""
MAX_CLOCK_EVENTS = 10_000
"""How many things one move of the clock tells of; what comes after them is done all the same."""


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """One thing that fell due: when (ms), what, and which devices of which account and campaign it was about."""

    at_ms: int
    what: str
    account_id: int
    count: int
    devices: list[str]
    """The first MAX_DEVICES_TOLD of them."""
    campaign: str | None = None


def _happened(at_ms: int, done: StepResult) -> ClockEvent:
    devices = [format_device_id(device) for device in done.devices[:MAX_DEVICES_TOLD]]
    return ClockEvent(
        at_ms=at_ms,
        what=done.what,
        account_id=done.account_id,
        count=len(done.devices),
        devices=devices,
        campaign=done.campaign or None,
    )


async def _step(context: Context) -> tuple[bool, StepResult | None]:
    """Does one piece of work: whether there was any, and what was done if no other server was quicker."""
    ended = await end_due_notices(context)
    if ended is not None:
        account_id, devices = ended
        return True, StepResult("notice ended", account_id, "", devices) if devices else None
    reported = await answer_due_report(context)
    if reported is not None:
        account_id, devices = reported
        return True, StepResult("firmware reported", account_id, "", devices) if devices else None
    return await step_due_campaign(context)


async def give_way(context: Context, step: Callable[[Context], Awaitable[Result]]) -> Result:
    """Does a step; if requests came in meanwhile, it leaves the writer to them for some time before the next."""
    loop = asyncio.get_running_loop()
    began_s, submitted = loop.time(), context.writer.submitted
    result = await step(context)
    if context.writer.submitted - submitted > SUBMITTED_BY_A_STEP:
        await asyncio.sleep((loop.time() - began_s) * LEFT_TO_REQUESTS)
    return result


async def run_due(context: Context) -> list[ClockEvent]:
    """Does everything that is due now, licenses under notice first, then campaigns; answers it in order."""
    async with context.step_lock:
        return await _run_due(context)


async def _run_due(context: Context) -> list[ClockEvent]:
    happened: list[ClockEvent] = []
    for _ in range(MAX_STEPS_A_TICK):
        found, done = await give_way(context, _step)
        if not found:
            break
        if done is not None:
            happened.append(_happened(context.clock.now_ms(), done))
    return happened


async def next_due_ms(context: Context, deliveries: Deliveries | None = None) -> int | None:
    """The next moment at which something falls due, or None."""
    moments = [await next_notice_end(context), await next_report_due(context), await next_campaign_due(context)]
    if deliveries is not None:
        moments.append(await deliveries.next_delivery_ms())
    return min((moment for moment in moments if moment is not None), default=None)


async def advance(
    context: Context, clock: MovableClock, timestamp_ms: int, deliveries: Deliveries | None = None
) -> list[ClockEvent]:
    """Moves the test clock to the moment, stopping at each moment in between at which something falls due.

    Callbacks are delivered on the way, so that what they are an answer to has happened and nothing after it has.
    """
    async with context.step_lock:
        began_ms = clock.now_ms()
        # The background delivers too as soon as the clock has moved: whoever does, it is told here.
        nobody: contextlib.AbstractContextManager[list[Delivered]] = contextlib.nullcontext([])
        with deliveries.watch() if deliveries else nobody as turns:
            happened = await _run_and_tell(context, deliveries, turns)
            while (due_ms := await next_due_ms(context, deliveries)) is not None and due_ms <= timestamp_ms:
                clock.move_to(due_ms)
                happened += (await _run_and_tell(context, deliveries, turns))[: MAX_CLOCK_EVENTS - len(happened)]
            clock.move_to(timestamp_ms)
            happened += await _run_and_tell(context, deliveries, turns)
        if timestamp_ms - began_ms >= FORGETTING_MOVE_MS:
            await _purge(context)
        return happened


async def _run_and_tell(context: Context, deliveries: Deliveries | None, turns: list[Delivered]) -> list[ClockEvent]:
    """Does everything that is due now, and delivers the callbacks about it; empties `turns`, which it tells."""
    happened = await _run_due(context)
    if deliveries is not None:
        await deliveries.deliver_due()
        told = in_order(turns)
        turns.clear()
        for turn in told:
            for what, count in (("callbacks delivered", turn.delivered), ("callback failed", turn.failed)):
                if count:
                    happened.append(
                        ClockEvent(at_ms=turn.at_ms, what=what, account_id=turn.account_id, count=count, devices=[])
                    )
    return happened


async def _purge(context: Context) -> None:
    for forget in (purge_deliveries, purge_old_logs, purge_jobs):
        await forget(context)


async def run_in_background(context: Context, gate: Authenticator) -> None:
    """Does what is due, until canceled. A fault is logged and tried again at the next tick."""
    ticks = 0
    while True:
        await asyncio.sleep(TICK_S)
        ticks += 1
        try:
            await gate.flush()
            await flush_rejections(context)
            await run_due(context)
            if ticks % TICKS_BETWEEN_FORGETTING == 0:
                await purge_ended(context)
                await _purge(context)
        except (StoreUnavailable, ConstraintViolated, RequestRejected) as error:
            log.warning("the engine will try again: %s", error)
        except Exception:
            log.exception("the engine will try again")
