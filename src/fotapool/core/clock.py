"""Clocks: the system clock, and the emulator's test clock. No other module reads the time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Returns the current time in milliseconds since 1970-01-01 UTC."""

    def now_ms(self) -> int: ...


class SystemClock:
    """Real time, for `fotapool serve`."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class MovableClock:
    """The emulator's test clock: another clock plus an offset. It moves back only by a reset or a snapshot."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self._offset_ms = 0

    def now_ms(self) -> int:
        return self._base.now_ms() + self._offset_ms

    @property
    def is_frozen(self) -> bool:
        """Whether the time only changes by moves."""
        return isinstance(self._base, FixedClock)

    @property
    def offset_ms(self) -> int:
        """The offset (ms) from real time, or from the time at which the clock is frozen."""
        return self._offset_ms

    def move_to(self, timestamp_ms: int) -> None:
        """Moves forward to the timestamp (ms); a timestamp in the past changes nothing."""
        self._offset_ms += max(0, timestamp_ms - self.now_ms())

    def set_to(self, timestamp_ms: int) -> None:
        """Sets the time (ms), forward or back; the caller must replace all data accordingly."""
        self._offset_ms = timestamp_ms - self._base.now_ms()

    def reset(self) -> None:
        self._offset_ms = 0


class FixedClock:
    """A frozen clock, for frozen test clocks, tests and benchmarks."""

    def __init__(self, timestamp_ms: int) -> None:
        self.timestamp_ms = timestamp_ms

    def now_ms(self) -> int:
        return self.timestamp_ms
