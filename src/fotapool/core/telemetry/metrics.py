"""The metrics that a process counts itself; exposition.py writes them for Prometheus.

Counting is on the path of every request: a series is a list of numbers, to which the caller adds.
"""

from __future__ import annotations

import threading
from bisect import bisect_left

from fotapool.core.clock import SystemClock
from fotapool.core.telemetry import definitions
from fotapool.core.telemetry.definitions import Definition
from fotapool.core.telemetry.shared import Counts, Series, SharedCounts


class Metrics:
    """What one process counts. With several workers, `shared` has the memory that all of them read."""

    def __init__(self, shared: SharedCounts | None = None) -> None:
        self.shared = shared
        self.began_ms = shared.began_ms if shared else SystemClock().now_ms()
        """When counting began."""
        self._place = shared.open() if shared else None
        self._counts: Counts = self._place.load() if self._place else {}
        self._lock = threading.RLock()
        for one in definitions.COUNTED:
            self._counts.setdefault(one.name, {})
            if not one.labels:
                self.series(one)
        for outcome in definitions.OUTCOMES:
            self.series(definitions.CALLBACKS, outcome)
        self.batch_size = self.series(definitions.BATCH_SIZE)
        self.changes_waiting = self.series(definitions.CHANGES_WAITING)

    def series(self, one: Definition, *labels: str) -> Series:
        """The series with these labels, to which one thread may add: `series[0] += 1`, or `observe(series, …)`."""
        with self._lock:
            found = self._counts[one.name]
            series = found.get(labels)
            if series is None:
                size = len(one.buckets) + 2 if one.kind == "histogram" else 1
                series = [0.0] * size if self._place is None else self._place.add(one.name, labels, size)
                found[labels] = series
            return series

    def count(self, one: Definition, *labels: str, by: float = 1.0) -> None:
        """Adds to a counter, from any thread."""
        with self._lock:
            self.series(one, *labels)[0] += by

    def count_error(self, error: Exception) -> None:
        """Counts an error of the database (store/db/connection.py) by its kind; no other errors."""
        kind: str | None = getattr(error, "kind", None)
        if kind is not None:
            self.count(definitions.DATABASE_ERRORS, kind)

    def count_sign_in_failure(self) -> None:
        self.count(definitions.SIGN_IN_FAILURES)

    def total(self, one: Definition) -> float:
        """The sum of a counter's or a gauge's series, of all workers."""
        return sum(series[0] for series in list(self.sums().get(one.name, {}).values()))

    def sums(self) -> Counts:
        """The series of all workers, by name and labels."""
        return self._counts if self.shared is None else self.shared.read_sums()


def observe(series: Series, buckets: tuple[float, ...], value: float) -> None:
    """Adds an observation to a histogram."""
    series[bisect_left(buckets, value)] += 1
    series[-1] += value
