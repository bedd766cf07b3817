"""Draws a chart as SVG: paths in a stretched inner drawing, ticks, texts and markers at per-cent positions."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol

import msgspec
from markupsafe import Markup

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS

HEIGHT = 208
WIDTH = 1000
"""The units of the inner drawing, which is stretched to the width of the page."""
MAX_POINTS = 400
MAX_TICKS = 6
MIN_MARKER_GAP = 3.0
"""Markers that are nearer than this many per cent of the width share a number."""
_STEPS_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS)
_MONTH_STEPS = (1, 3, 6, 12)


class Point(Protocol):
    """A time (ms since 1970), a value of each line (None: not known), and the label of an event."""

    @property
    def at_ms(self) -> int: ...
    @property
    def values(self) -> Sequence[int | None]: ...
    @property
    def mark(self) -> str: ...


class Tick(msgspec.Struct, frozen=True):
    """A label at a place: per cent from the left, or pixels from the top."""

    place: float
    label: str
    css: str = ""


class Marker(msgspec.Struct):
    """A numbered event: per cent from the left, and what happened when (ms)."""

    number: int
    x: float
    events: list[tuple[int, str]]


class Plot:
    """What the template draws of points, oldest first; `stepped` says which lines hold a value until the next."""

    height = HEIGHT
    width = WIDTH

    def __init__(self, points: Sequence[Point], stepped: Sequence[bool], band: tuple[int, int] | None = None) -> None:
        self._from_ms = points[0].at_ms
        self._span_ms = max(points[-1].at_ms - self._from_ms, 1)
        self._all = points
        self._points = _thinned(points, self._x)
        self._stepped = stepped
        self._band = band
        values = [value for point in points for value in point.values if value is not None] or [0]
        self._steps = round_steps(min(values), max(values))

    def _x(self, at_ms: int) -> float:
        return (at_ms - self._from_ms) / self._span_ms

    def _y(self, value: float) -> float:
        low, high = self._steps[0], self._steps[-1]
        return HEIGHT * (1 - (value - low) / (high - low))

    @property
    def y_ticks(self) -> list[Tick]:
        return [Tick(round(self._y(step), 1), short_number(step)) for step in self._steps]

    @property
    def x_ticks(self) -> list[Tick]:
        found = [
            Tick(round(100 * self._x(at_ms), 2), label) for at_ms, label in time_ticks(self._from_ms, self._span_ms)
        ]
        ends = {0: "first"} if found and found[0].place < 3 else {}
        if found and found[-1].place > 96:
            ends[len(found) - 1] = "last"
        names = [" ".join(filter(None, (ends.get(at), "minor" if at % 2 else ""))) for at in range(len(found))]
        return [Tick(one.place, one.label, css) for one, css in zip(found, names, strict=True)]

    @property
    def paths(self) -> list[str]:
        """The path of each line."""
        return [self._path(self._line(number), stepped) for number, stepped in enumerate(self._stepped)]

    @property
    def band(self) -> str:
        """The area between two lines where the second is above the first; empty without a band."""
        if self._band is None:
            return ""
        low, high = self._band
        rows = [(point.at_ms, point.values[low] or 0, point.values[high] or 0) for point in self._points]
        upper = self._path([(at_ms, max(one, other)) for at_ms, one, other in rows], True)
        lower = _corners([(at_ms, one) for at_ms, one, _ in rows])[::-1]
        return upper + "".join(f"L{self._place(at_ms, value)}" for at_ms, value in lower) + "Z"

    @cached_property
    def markers(self) -> list[Marker]:
        found: list[Marker] = []
        for point in self._all:
            if not point.mark:
                continue
            x = round(100 * self._x(point.at_ms), 2)
            if not found or x - found[-1].x >= MIN_MARKER_GAP:
                found.append(Marker(len(found) + 1, x, []))
            found[-1].events.append((point.at_ms, point.mark))
        return found

    def json(self, names: Sequence[str]) -> Markup:
        """The values for the crosshair; safe between script tags."""
        rows = [
            {"x": round(self._x(point.at_ms), 4), "at": _utc(point.at_ms).strftime("%Y-%m-%d %H:%M"), "v": point.values}
            for point in self._points
        ]
        text = json.dumps({"names": list(names), "rows": rows}, separators=(",", ":"))
        return Markup(text.replace("<", "\\u003c"))  # noqa: S704

    def _line(self, number: int) -> list[tuple[int, int]]:
        found = ((point.at_ms, point.values[number]) for point in self._points)
        return [(at_ms, value) for at_ms, value in found if value is not None]

    def _path(self, line: Sequence[tuple[int, int]], stepped: bool) -> str:
        places = [self._place(*one) for one in (_corners(line) if stepped else line)]
        return "M" + "L".join(places) if places else ""

    def _place(self, at_ms: int, value: int) -> str:
        return f"{WIDTH * self._x(at_ms):.1f} {self._y(value):.1f}"


def _corners(line: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A line that holds each value until the next one."""
    found = list(line[:1])
    for at_ms, value in line[1:]:
        if value != found[-1][1]:
            found.append((at_ms, found[-1][1]))
        found.append((at_ms, value))
    return found


def _thinned(points: Sequence[Point], x_of: Callable[[int], float]) -> list[Point]:
    """Thins the points to at most MAX_POINTS: the first of all, and the last one in each part of the width."""
    if len(points) <= MAX_POINTS:
        return list(points)
    last = {int((MAX_POINTS - 2) * x_of(point.at_ms)): point for point in points}
    return [points[0], *last.values()] if points[0] not in last.values() else list(last.values())


def round_steps(low: float, high: float) -> list[float]:
    """At most MAX_TICKS round numbers from below `low` to above `high`; from zero if the values are not far from it."""
    if low > 0 and high - low > high / 2:
        low = 0
    low = min(low, 0) if low < 1 else low
    span = max(high - low, 1)
    power = 10 ** math.floor(math.log10(span / (MAX_TICKS - 1)))
    for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = factor * power
        if step < 1 or step != int(step):
            continue
        first, last = math.floor(low / step), math.ceil(high / step)
        last = max(last, first + 1)
        if last - first + 1 <= MAX_TICKS:
            return [number * step for number in range(first, last + 1)]
    raise AssertionError((low, high))


def short_number(value: float) -> str:
    """As on an axis: 250, 2.5k, 12k, 1.5M."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{sign}"
    return f"{value:g}"


def time_ticks(from_ms: int, span_ms: int) -> list[tuple[int, str]]:
    """At most MAX_TICKS + 1 round times (ms) with their labels: times of a day, days, or months."""
    for step_ms in _STEPS_MS:
        if span_ms / step_ms <= MAX_TICKS:
            first_ms = -(-from_ms // step_ms) * step_ms
            times = range(first_ms, from_ms + span_ms + 1, step_ms)
            return [(at_ms, _day(at_ms) if at_ms % DAY_MS == 0 else f"{_utc(at_ms):%H:%M}") for at_ms in times]
    for days in ((1, 6, 11, 16, 21, 26), (1, 8, 15, 22), (1, 15)):
        found = [at_ms for at_ms in _days(from_ms, span_ms) if _utc(at_ms).day in days]
        if len(found) <= MAX_TICKS + 1:
            return [(at_ms, _day(at_ms)) for at_ms in found]
    firsts = [at_ms for at_ms in _days(from_ms, span_ms) if _utc(at_ms).day == 1]
    for months in _MONTH_STEPS:
        found = [at_ms for at_ms in firsts if (_utc(at_ms).month - 1) % months == 0]
        if len(found) <= MAX_TICKS + 1:
            break
    return [(at_ms, f"{_utc(at_ms):%b %Y}") for at_ms in found[:: -(-len(found) // (MAX_TICKS + 1))]]


def _day(at_ms: int) -> str:
    return f"{_utc(at_ms):%b} {_utc(at_ms).day}"


def _days(from_ms: int, span_ms: int) -> Iterator[int]:
    first_ms = -(-from_ms // DAY_MS) * DAY_MS
    return iter(range(first_ms, from_ms + span_ms + 1, DAY_MS))


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)
