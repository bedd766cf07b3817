"""Counts of several worker processes: each process has files in one directory, and a scrape adds all of them up.

Files belong to a place among the workers, not to a process id: a worker that replaces another one continues its counts,
so that counters never fall and the number of files is bounded.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from prometheus_client import values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from fotapool.core.clock import SystemClock

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
PARENT = "parent"
FIRST = "0"
"""The place of the first worker."""

values.ValueClass = values.MutexValue  # in memory, also if the environment has the directory of another program


@dataclass(frozen=True, slots=True)
class SharedCounts:
    """The directory of a server's workers, as one of them sees it."""

    path: str
    began_ms: int
    """When the counts began, with the parent."""
    place: str = PARENT
    """The place of this process."""

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that sends the sums of all by OpenTelemetry."""
        return self.place == FIRST

    def use(self) -> None:
        """Keeps all metrics that this process makes from now on in files of its place."""
        os.environ[DIRECTORY] = self.path
        values.ValueClass = values.MultiProcessValue(lambda: self.place)  # type: ignore[no-untyped-call]

    def at(self, number: int) -> SharedCounts:
        """The counts of the worker with this number, from 0."""
        return replace(self, place=str(number))

    def forget_gauges(self) -> None:
        """Removes what only a running process has: how much waits in it."""
        mark_process_dead(self.place, self.path)  # type: ignore[no-untyped-call]

    def collect(self) -> list[Metric]:
        """The sums over all processes."""
        return list(MultiProcessCollector(None, self.path).collect())  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def shared_counts() -> Iterator[SharedCounts]:
    """A private temporary directory, which is removed at the end. This process has the place of the parent."""
    with tempfile.TemporaryDirectory(prefix="fotapool-metrics-", ignore_cleanup_errors=True) as path:
        counts = SharedCounts(path, SystemClock().now_ms())
        counts.use()
        try:
            yield counts
        finally:
            values.ValueClass = values.MutexValue
            os.environ.pop(DIRECTORY, None)
