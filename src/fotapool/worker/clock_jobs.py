"""Moves of the test clock: how far one may go, and one that runs on while whoever asked for it looks elsewhere."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace

from fotapool.core.clock import MovableClock
from fotapool.core.timestamps import DAY_MS, MAX_CLOCK_MS, parse_timestamp
from fotapool.domain.errors import Conflict, Invalid
from fotapool.services.context import Context
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.runner import ClockEvent, advance

log = logging.getLogger(__name__)

MAX_ADVANCE_MS = 100 * 366 * DAY_MS
"""How far one call moves the clock at most: a century."""

MAX_DEVICES_KEPT = 10
"""How many devices of each thing that happened are kept for the page."""


def check_advance(now_ms: int, timestamp_ms: int) -> None:
    """Raises Invalid for a move backwards, or too far."""
    if timestamp_ms < now_ms:
        raise Invalid("the clock only moves forward; a reset (POST /control/v1/reset) goes back to the seed's time")
    if timestamp_ms > min(now_ms + MAX_ADVANCE_MS, MAX_CLOCK_MS):
        raise Invalid("the clock moves a century at most, and not beyond the year 9997")


def parse_timestamp_ms(text: str) -> int:
    """The moment (ms) of an RFC 3339 time, UTC if it does not say. Raises Invalid."""
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise Invalid("to must be a time as in 2026-12-01T00:00:00Z") from error


@dataclass(slots=True)
class Move:
    """One move, from a moment to another (ms): under way until it has `ended`; then what happened, or why it failed."""

    from_ms: int
    to_ms: int
    ended: bool = False
    happened: list[ClockEvent] = field(default_factory=list)
    failed: bool = False


class ClockJobs:
    """The last move of this process that was begun and not waited for."""

    def __init__(self) -> None:
        self.last: Move | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(
        self, context: Context, clock: MovableClock, timestamp_ms: int, deliveries: Deliveries | None, patience_s: float
    ) -> Move:
        """Begins a move, and waits for its end no longer than that. Raises Invalid, or Conflict while one runs."""
        self.check_idle()
        check_advance(clock.now_ms(), timestamp_ms)
        move = self.last = Move(clock.now_ms(), timestamp_ms)
        self._task = asyncio.create_task(_run(move, context, clock, deliveries))
        await asyncio.wait({self._task}, timeout=patience_s)
        return move

    def check_idle(self) -> None:
        """Raises Conflict while a move is under way."""
        if self.last is not None and not self.last.ended:
            raise Conflict("the clock is on its way; wait until it has arrived")

    def forget(self) -> None:
        """Of one that has ended, what happened; after a reset it is no longer true."""
        if self.last is not None and self.last.ended:
            self.last = None


async def _run(move: Move, context: Context, clock: MovableClock, deliveries: Deliveries | None) -> None:
    try:
        happened = await advance(context, clock, move.to_ms, deliveries)
        move.happened = [replace(one, devices=one.devices[:MAX_DEVICES_KEPT]) for one in happened]
    except Exception:
        log.exception("a move of the clock failed")
        move.failed = True
    finally:
        move.ended = True
