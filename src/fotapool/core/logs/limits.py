"""Limits lines that repeat: the first ones of a period are written, the others are counted."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

PERIOD_S = 30.0
"""How long the lines of an event are counted, from its first one, in seconds."""
MAX_KEYS = 1_000
"""Maximum number of events, with their fields, that are counted at the same time."""

Key = tuple[str, ...]


class Repeated(msgspec.Struct):
    """The lines of one key within a period: how many there were, and how many of them were not written."""

    key: Key
    level: int
    logger: str
    began_s: float
    lines: int = 0
    suppressed: int = 0


class RepeatLimiter:
    """Counts lines by key. Times are arguments, in seconds."""

    def __init__(self, period_s: float = PERIOD_S) -> None:
        self._period_s = period_s
        self._counted: dict[Key, Repeated] = {}
        """The present period of each key, in the order in which they began."""

    def allows(self, seen: Repeated, burst: int) -> bool:
        """Whether to write a line, which `seen` describes: one of the first `burst` of its period; 0 for all."""
        if burst == 0:
            return True
        counted = self._counted.setdefault(seen.key, seen)
        counted.lines += 1
        if counted.lines <= burst:
            return True
        counted.suppressed += 1
        return False

    def ended(self, now_s: float) -> Iterator[Repeated]:
        """Removes the periods that have ended, and yields those with lines that were not written."""
        while self._counted:
            first = next(iter(self._counted.values()))
            if first.began_s <= now_s < first.began_s + self._period_s and len(self._counted) < MAX_KEYS:
                return
            del self._counted[first.key]
            if first.suppressed:
                yield first

    def drain(self) -> Iterator[Repeated]:
        """Removes all periods, ended or not, and yields those with lines that were not written."""
        counted, self._counted = self._counted, {}
        return (one for one in counted.values() if one.suppressed)
