"""Advances of the test clock: their limits, and advances that run on after the request that started them."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from fotapool.core.clock import MovableClock
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.timestamps import DAY_MS, MAX_CLOCK_MS, format_timestamp, parse_timestamp
from fotapool.domain.errors import Conflict, Invalid
from fotapool.services.context import Context
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.runner import ClockEvent, advance

log = Log(__name__)

MAX_ADVANCE_MS = 100 * 366 * DAY_MS
"""Maximum of one advance: a century."""
MAX_EVENT_DEVICES = 10
"""Maximum number of devices stored with each event of an advance."""


def check_advance(now_ms: int, timestamp_ms: int) -> None:
    """Raises Invalid for an advance into the past, or too far."""
    if timestamp_ms < now_ms:
        raise Invalid("the clock only moves forward; a reset (POST /control/v1/reset) goes back to the seed's time")
    if timestamp_ms > min(now_ms + MAX_ADVANCE_MS, MAX_CLOCK_MS):
        raise Invalid("the clock moves a century at most, and not beyond the year 9997")


def parse_timestamp_ms(text: str) -> int:
    """The timestamp (ms) of RFC 3339 text; UTC if it names no offset. Raises Invalid."""
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise Invalid("to must be a time as in 2026-12-01T00:00:00Z") from error


def moved(from_ms: int, to_ms: int) -> tuple[dict[str, str], dict[str, str]]:
    """An advance as the audit log shows it."""
    return {"now": format_timestamp(from_ms)}, {"now": format_timestamp(to_ms)}


class ClockAdvance(msgspec.Struct):
    """An advance of the clock between two timestamps (ms): its events once it has `ended`, or whether it failed."""

    from_ms: int
    to_ms: int
    ended: bool = False
    events: list[ClockEvent] = msgspec.field(default_factory=list)
    failed: bool = False


class ClockAdvances:
    """Runs the clock advances of this process, one at a time; `last` is the latest one."""

    def __init__(self) -> None:
        self.last: ClockAdvance | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(
        self, context: Context, clock: MovableClock, timestamp_ms: int, deliveries: Deliveries | None, wait_s: float
    ) -> ClockAdvance:
        """Starts an advance, and waits up to `wait_s` for its end. Raises Invalid, or Conflict while one runs."""
        self.check_idle()
        check_advance(clock.now_ms(), timestamp_ms)
        started = self.last = ClockAdvance(clock.now_ms(), timestamp_ms)
        self._task = asyncio.create_task(_run(started, context, clock, deliveries))
        await asyncio.wait({self._task}, timeout=wait_s)
        return started

    def check_idle(self) -> None:
        """Raises Conflict while an advance runs."""
        if self.last is not None and not self.last.ended:
            raise Conflict("the clock is on its way; wait until it has arrived")

    def clear(self) -> None:
        """Discards the last advance if it has ended: a reset or a restored snapshot makes it obsolete."""
        if self.last is not None and self.last.ended:
            self.last = None


async def _run(started: ClockAdvance, context: Context, clock: MovableClock, deliveries: Deliveries | None) -> None:
    try:
        events = await advance(context, clock, started.to_ms, deliveries)
        started.events = [replace(one, devices=one.devices[:MAX_EVENT_DEVICES]) for one in events]
    except Exception as error:
        log.write(LogEvent.CLOCK_ADVANCE_FAILED, error)
        started.failed = True
    finally:
        started.ended = True
