"""Whether the database answers: the log has a line when it stops, and one when it answers again."""

from __future__ import annotations

import time

from fotapool.core.logs.events import Log, LogEvent

log = Log(__name__)


class Availability:
    """Whether the database answered last, in one kind of use: reads, or changes. Threads may share it."""

    def __init__(self, use: str) -> None:
        self._use = use
        self._down_since_s: float | None = None

    def failed(self, error: Exception) -> None:
        """Notes that the database did not answer, or took no change."""
        if self._down_since_s is None:
            self._down_since_s = time.monotonic()
            log.write(LogEvent.DATABASE_DOWN, reason=error, use=self._use)

    def answered(self) -> None:
        """Notes that the database answered."""
        down_since_s = self._down_since_s
        if down_since_s is not None:
            self._down_since_s = None
            log.write(LogEvent.DATABASE_UP, seconds=time.monotonic() - down_since_s, use=self._use)
