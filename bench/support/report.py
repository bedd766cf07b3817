"""Measured figures with their targets, and their output."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

RSS_LIMIT_MIB = 200.0
T = TypeVar("T")


@dataclass
class Figure:
    """One measured number: the median of the rounds, with their spread."""

    section: str
    database: str
    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        if self.at_least is not None:
            return f"{'met' if self.value >= self.at_least else 'NOT MET'} (>= {self.at_least:g})"
        if self.at_most is not None:
            return f"{'met' if self.value <= self.at_most else 'NOT MET'} (<= {self.at_most:g})"
        return ""

    def line(self) -> str:
        spread = (
            f"[{_short(self.low)} to {_short(self.high)}]" if self.low is not None and self.high is not None else ""
        )
        start = f"{self.section}  {self.database:<10} {self.name:<66} {_short(self.value):>9} {self.unit:<10}"
        return f"{start} {spread:<20} {self.verdict}".rstrip()


@dataclass
class Report:
    """The figures of a run. Each is printed when it is added."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.line(), flush=True)

    def add_rounds(
        self,
        section: str,
        database: str,
        name: str,
        values: Sequence[float],
        unit: str = "",
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """The median of the rounds and their spread."""
        middle = statistics.median(values)
        self.add(
            Figure(
                section=section,
                database=database,
                name=name,
                value=middle,
                unit=unit,
                low=min(values),
                high=max(values),
                at_least=at_least,
                at_most=at_most,
            )
        )

    def add_memory(self, section: str, database: str, name: str, peak_mib: float) -> None:
        self.add(
            Figure(
                section=section,
                database=database,
                name=f"peak resident memory, {name}",
                value=peak_mib,
                unit="MiB",
                at_most=RSS_LIMIT_MIB,
            )
        )

    def note(self, text: str) -> None:
        self.notes.append(text)
        print(f"   {text}", flush=True)

    def print_targets(self) -> None:
        print("\nTargets:")
        for figure in self.figures:
            if figure.verdict:
                print(figure.line())


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Ratios round by round, so that a temporary slowdown of the machine affects both."""
    return [a / b for a, b in zip(over, under, strict=True)]


def alternate(rounds: int, lanes: Mapping[str, Callable[[], T]], warm_up: bool = True) -> dict[str, list[T]]:
    """Measures all lanes in each round, in reverse order in every other round."""
    values: dict[str, list[T]] = {name: [] for name in lanes}
    names = list(lanes)
    for number in range(-1 if warm_up else 0, rounds):
        for name in names if number % 2 == 0 else reversed(names):
            os.sync()  # so that no lane pays for what the one before has left to be written
            value = lanes[name]()
            if number >= 0:
                values[name].append(value)
        print(f"   round {max(0, number + 1)} of {rounds}", end="\r", file=sys.stderr, flush=True)
    return values


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
