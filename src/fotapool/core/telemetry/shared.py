"""Counts of several worker processes in shared memory: each has its own, and a scrape adds them up.

Memory belongs to a place among the workers, not to a process id: a worker that replaces another one continues its
counts, so that counters never fall, nothing is lost with a killed process, and the number of files is bounded.

A place has two files: numbers, as memory that is mapped, and a line for each series that says where its numbers are.
"""

from __future__ import annotations

import contextlib
import mmap
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from fotapool.core.clock import SystemClock
from fotapool.core.telemetry.definitions import DEFINITIONS

Labels = tuple[str, ...]


class Series(Protocol):
    """The value of a counter or a gauge; of a histogram, the number of observations in each bucket, and their sum."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...
    def __iter__(self) -> Iterator[float]: ...


Counts = dict[str, dict[Labels, Series]]
"""Series by the name of their metric and the values of its labels."""

PARENT = "parent"
FIRST = "0"
"""The place of the first worker."""
MAX_NUMBERS = 65_536
"""Numbers of one place; labels are bounded, so that they suffice."""
NUMBER_BYTES = 8
_GAUGES = frozenset(one.name for one in DEFINITIONS if one.kind == "gauge")


class _Entry(msgspec.Struct, array_like=True):
    """The place of the numbers of a series in the shared memory."""

    name: str
    labels: Labels
    first: int
    size: int


_decode = msgspec.json.Decoder(_Entry).decode


class OpenPlace:
    """The memory of one place, for the process that counts there."""

    def __init__(self, numbers: Path, entries: Path) -> None:
        self._entries = entries
        with numbers.open("a+b") as file:
            file.truncate(MAX_NUMBERS * NUMBER_BYTES)
            self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
        self._used = max((one.first + one.size for one in _read_entries(entries)), default=0)

    def load(self) -> Counts:
        """The series that are there already, of a process that had the place before. Its gauges are 0 again."""
        counts: Counts = {}
        for one in _read_entries(self._entries):
            counts.setdefault(one.name, {})[one.labels] = self._numbers[one.first : one.first + one.size]
            if one.name in _GAUGES:
                self._numbers[one.first] = 0.0
        return counts

    def add(self, name: str, labels: Labels, size: int) -> Series:
        """A new series of zeros; one of this process alone if there is no room."""
        first = self._used
        if first + size > MAX_NUMBERS:
            return [0.0] * size
        self._used += size
        with self._entries.open("ab", buffering=0) as file:
            file.write(b"\n" + msgspec.json.encode(_Entry(name, labels, first, size)))
        return self._numbers[first : first + size]


class SharedCounts(msgspec.Struct, frozen=True):
    """The directory of a server's workers, as one of its processes sees it."""

    path: Path
    began_ms: int
    """When the counts began, with the parent."""
    place: str = PARENT
    """The place of this process."""

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that sends the sums of all by OpenTelemetry."""
        return self.place == FIRST

    @property
    def worker(self) -> int:
        """The number of the worker at this place, from 1; 0 is the parent."""
        return 0 if self.place == PARENT else int(self.place) + 1

    def at(self, number: int) -> SharedCounts:
        """The counts of the worker with this number, from 0."""
        return replace(self, place=str(number))

    def open(self) -> OpenPlace:
        """The memory of the place of this process."""
        return OpenPlace(self.path / self.place, self._entries(self.path / self.place))

    def clear_gauges(self) -> None:
        """Sets the gauges of this place to 0, after its process has ended."""
        if (self.path / self.place).exists():
            self.open().load()

    def read_sums(self) -> Counts:
        """The sums over all places."""
        sums: Counts = {}
        for entries in self.path.glob(f"*{_SUFFIX}"):
            found = _read_entries(entries)
            numbers = array("d")
            with entries.with_suffix("").open("rb") as file:
                numbers.fromfile(file, max((one.first + one.size for one in found), default=0))
            for one in found:
                values = numbers[one.first : one.first + one.size]
                of_name = sums.setdefault(one.name, {})
                before = of_name.get(one.labels)
                of_name[one.labels] = values if before is None else [a + b for a, b in zip(before, values, strict=True)]
        return sums

    @staticmethod
    def _entries(numbers: Path) -> Path:
        return numbers.with_name(numbers.name + _SUFFIX)


_SUFFIX = ".series"


def _read_entries(path: Path) -> list[_Entry]:
    """The entries; without those that a process did not write to the end."""
    found = []
    for line in path.read_bytes().split(b"\n")[1:] if path.exists() else ():
        with contextlib.suppress(msgspec.DecodeError):
            found.append(_decode(line))
    return found


@contextlib.contextmanager
def shared_counts() -> Iterator[SharedCounts]:
    """A private temporary directory, which is removed at the end. This process has the place of the parent."""
    with tempfile.TemporaryDirectory(prefix="fotapool-metrics-", ignore_cleanup_errors=True) as path:
        yield SharedCounts(Path(path), SystemClock().now_ms())
