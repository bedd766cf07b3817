"""Whether the database answers: the log has a line when it stops, and one when it answers again."""

from __future__ import annotations

import time
from collections.abc import Callable

from fotapool.core.logs.events import Log, LogEvent

log = Log(__name__)

SETTLED_S = 5.0
"""How long nothing must fail until the database answers again: on a full disk, a commit without a change succeeds."""


class Availability:
    """Whether the database answered last, in one kind of use: reads, or changes. Threads may share it."""

    def __init__(self, use: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self._use = use
        self._now_s = now_s
        self._down_since_s: float | None = None
        self._up_since_s: float | None = None
        """When it answered first since the last failure."""

    def failed(self, error: Exception) -> None:
        """Notes that the database did not answer, or took no change."""
        self._up_since_s = None
        if self._down_since_s is None:
            self._down_since_s = self._now_s()
            log.write(LogEvent.DATABASE_DOWN, reason=error, use=self._use)

    def answered(self) -> None:
        """Notes that the database answered."""
        if self._down_since_s is not None:
            self._settle(self._down_since_s)

    def _settle(self, down_since_s: float) -> None:
        now_s = self._now_s()
        up_since_s = self._up_since_s = now_s if self._up_since_s is None else self._up_since_s
        if now_s - up_since_s >= SETTLED_S:
            self._down_since_s = self._up_since_s = None
            log.write(LogEvent.DATABASE_UP, seconds=up_since_s - down_since_s, use=self._use)
