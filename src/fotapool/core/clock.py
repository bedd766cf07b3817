"""The only module that reads the time: a system clock, and the emulator's clock that can be moved."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the current moment in milliseconds since 1970-01-01 UTC."""

    def now_ms(self) -> int: ...


class SystemClock:
    """Real time, as `fotapool serve` uses it."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class MovableClock:
    """Another clock plus an offset: the emulator's test clock. It only goes back by a reset, and with a snapshot."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self._offset_ms = 0

    def now_ms(self) -> int:
        return self._base.now_ms() + self._offset_ms

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still between moves."""
        return isinstance(self._base, FixedClock)

    @property
    def offset_ms(self) -> int:
        """How far the clock was moved ahead of real time, or of the time that it was frozen at, in milliseconds."""
        return self._offset_ms

    def move_to(self, timestamp_ms: int) -> None:
        """Moves forward to the moment; a moment in the past leaves the clock where it is."""
        self._offset_ms += max(0, timestamp_ms - self.now_ms())

    def set_to(self, timestamp_ms: int) -> None:
        """Goes to the moment, also back: everything else must go there with it."""
        self._offset_ms = timestamp_ms - self._base.now_ms()

    def reset(self) -> None:
        self._offset_ms = 0


class FixedClock:
    """A clock that stands still until it is set: below a frozen test clock, in tests and in benchmarks."""

    def __init__(self, timestamp_ms: int) -> None:
        self.timestamp_ms = timestamp_ms

    def now_ms(self) -> int:
        return self.timestamp_ms
