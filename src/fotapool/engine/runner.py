"""Runs what is due: in the background on a real clock, and moment by moment on the emulator's."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from fotapool.clock import MovableClock
from fotapool.domain.errors import Refused
from fotapool.domain.names import format_device_id
from fotapool.store.database import ConstraintViolated, StoreUnavailable
from fotapool.usecases.context import Context
from fotapool.usecases.notices import end_due_notices, next_notice_end
from fotapool.usecases.signins import Gate, forget_ended

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often the background looks for what is due, and writes the sessions' uses, in seconds."""
TICKS_BETWEEN_FORGETTING = 600
MAX_STEPS_A_TICK = 10_000


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that fell due: when (ms), what, and which devices of which account it was about."""

    at_ms: int
    what: str
    account_id: int
    devices: list[str]


async def run_due(context: Context) -> list[Happened]:
    """Does everything that is due now; answers it in order."""
    happened: list[Happened] = []
    for _ in range(MAX_STEPS_A_TICK):
        done = await end_due_notices(context)
        if done is None:
            break
        account_id, devices = done
        if not devices:  # another server took them meanwhile
            continue
        at_ms = context.clock.now_ms()
        happened.append(Happened(at_ms, "notice ended", account_id, [format_device_id(device) for device in devices]))
    return happened


async def next_due_ms(context: Context) -> int | None:
    """The next moment at which something falls due, or None."""
    return await next_notice_end(context)


async def advance(context: Context, clock: MovableClock, moment_ms: int) -> list[Happened]:
    """Moves the test clock to the moment, stopping at each moment in between at which something falls due."""
    happened = await run_due(context)
    while (due_ms := await next_due_ms(context)) is not None and due_ms <= moment_ms:
        clock.move_to(due_ms)
        happened += await run_due(context)
    clock.move_to(moment_ms)
    return happened + await run_due(context)


async def run_in_background(context: Context, gate: Gate) -> None:
    """Does what is due, until canceled. A fault is logged and tried again at the next tick."""
    ticks = 0
    while True:
        await asyncio.sleep(TICK_S)
        ticks += 1
        try:
            await gate.flush()
            await run_due(context)
            if ticks % TICKS_BETWEEN_FORGETTING == 0:
                await forget_ended(context)
        except (StoreUnavailable, ConstraintViolated, Refused) as error:
            log.warning("the engine will try again: %s", error)
        except Exception:
            log.exception("the engine will try again")
