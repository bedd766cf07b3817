"""A pool over time: licenses used, under notice and subscribed, with marks for reductions and statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fotapool.domain.billing import Month
from fotapool.domain.licenses.ledger import EntryKind


class LastEntry(NamedTuple):
    """One of the latest ledger entries, with its timestamp (ms)."""

    at_ms: int
    kind: int
    used_after: int


class Level(NamedTuple):
    """Licenses used and under notice from a timestamp (ms) on."""

    at_ms: int
    used: int
    notice: int


@dataclass(slots=True)
class PoolPoint:
    """The pool from a timestamp (ms) on, and the events at that time."""

    at_ms: int
    used: int
    notice: int
    total: int
    mark: str = ""

    @property
    def levels(self) -> tuple[int, int, int]:
        return self.used, self.notice, self.total


def levels_of_entries(newest_first: Sequence[LastEntry], notice_now: int) -> list[Level]:
    """The levels after each of the latest ledger entries, oldest first. Notices are counted back from `notice_now`."""
    levels: list[Level] = []
    notice = notice_now
    for entry in newest_first:
        if not levels or levels[-1].at_ms != entry.at_ms:
            levels.append(Level(entry.at_ms, entry.used_after, notice))
        notice -= EntryKind(entry.kind).notice_delta
    return levels[::-1]


def pool_history(
    levels: Sequence[Level], periods: Sequence[tuple[int, int]], from_ms: int, now_ms: int
) -> list[PoolPoint]:
    """The points from `from_ms` to now. `levels` and `periods` (start in ms, total) include the last ones before it."""
    changes: dict[int, list[tuple[int, int] | int | str]] = {from_ms: [], now_ms: []}
    for level in levels:
        changes.setdefault(max(from_ms, level.at_ms), []).append((level.used, level.notice))
    before: int | None = None
    for at_ms, total in periods:
        events = changes.setdefault(max(from_ms, at_ms), [])
        events.append(total)
        if before is not None and total < before and at_ms >= from_ms:
            events.append(f"reduced to {total:,}")
        before = total
    month_ms = Month.of(from_ms).to_ms
    while month_ms <= now_ms:
        changes.setdefault(month_ms, []).append(f"statement {Month.of(month_ms).before.text}")
        month_ms = Month.of(month_ms).to_ms
    return _filled(changes)


def _filled(changes: dict[int, list[tuple[int, int] | int | str]]) -> list[PoolPoint]:
    """One point for each timestamp, without those between the first and the last at which nothing changed."""
    used = notice = total = 0
    points: list[PoolPoint] = []
    last_ms = max(changes)
    for at_ms in sorted(changes):
        marks: list[str] = []
        for change in changes[at_ms]:
            if isinstance(change, str):
                marks.append(change)
            elif isinstance(change, int):
                total = change
            else:
                used, notice = change
        point = PoolPoint(at_ms=at_ms, used=used, notice=notice, total=total, mark=", ".join(marks))
        if not points or point.mark or at_ms == last_ms or points[-1].levels != point.levels:
            points.append(point)
    return points
