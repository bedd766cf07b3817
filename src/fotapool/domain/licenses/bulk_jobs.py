"""Assigning and removing by a list of any length: how the list is read, and what would become of its devices."""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fotapool.domain.licenses.licenses import LicenseDecision, LicenseFacts, Outcome, decide_assign, decide_remove
from fotapool.domain.names import is_device_id

MAX_BULK_DEVICES = 200_000
"""How many devices one list holds at most."""
MAX_LEFT_OUT = 1_000
"""How many lines that were left out are kept with their reason; of the others only the number."""
MAX_SHOWN = 100
"""How many devices of each kind are shown before a list is carried out; all are in the result file."""
MAX_QUOTED = 40
"""How many characters of a line that cannot be read are repeated."""
ID_COLUMNS = ("deviceid", "imei")
"""What a CSV's header calls the column of IMEIs, in any case and with spaces or underscores in it."""

_SEPARATORS = (",", ";", "\t")
_JOINTS = re.compile(r"[\s,;]+")


class BulkVerb(enum.Enum):
    """What is done to the devices of a list."""

    ASSIGN = "assign"
    REMOVE = "remove"

    def decide(self, facts: LicenseFacts, devices: Sequence[int]) -> LicenseDecision:
        """The same decision as for a request of the API."""
        return decide_assign(facts, devices) if self is BulkVerb.ASSIGN else decide_remove(facts, devices)

    @property
    def done(self) -> Outcome:
        """The outcome of a device to which it was done."""
        return Outcome.ASSIGNED if self is BulkVerb.ASSIGN else Outcome.REMOVED


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of the list that is not carried out. Lines count from 1; 0 stands for all further ones together."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceLines:
    """What a list holds: each device once, in its order, and which lines were left out."""

    devices: list[int]
    left_out: list[LeftOut]


class TooManyDevices(ValueError):
    """The list holds more devices than MAX_BULK_DEVICES."""


def read_device_lines(text: str) -> DeviceLines:
    """Reads IMEIs, one or several a line, or a CSV whose header names the column (see ID_COLUMNS).

    A device that stands there again is left out, as is a line that holds no IMEI. Raises TooManyDevices.
    """
    devices: dict[int, int] = {}
    left_out: list[LeftOut] = []
    further = 0
    for line, word in _words(text.removeprefix("\ufeff").splitlines()):
        if not is_device_id(word):
            reason = f"{word[:MAX_QUOTED]!r} is not an IMEI of 15 digits"
        elif int(word) in devices:
            reason = f"{word} stands in line {devices[int(word)]} already"
        else:
            devices[int(word)] = line
            if len(devices) > MAX_BULK_DEVICES:
                raise TooManyDevices
            continue
        if len(left_out) < MAX_LEFT_OUT:
            left_out.append(LeftOut(line, reason))
        else:
            further += 1
    if further:
        left_out.append(LeftOut(0, f"and {further} further lines or words"))
    return DeviceLines(list(devices), left_out)


def _words(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The words that should be IMEIs, with the number of their line."""
    column: tuple[int, str] | None = None
    first = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if first:
            first = False
            column = _id_column(line)
            if column is not None:
                continue
        if column is not None:
            yield number, _unquoted(_cell(line, *column))
            continue
        for word in _JOINTS.split(line):
            if word:
                yield number, _unquoted(word)


def _id_column(line: str) -> tuple[int, str] | None:
    """Which column of a CSV with this header has the IMEIs, and what separates the columns; None for no header."""
    for separator in _SEPARATORS:
        names = [re.sub(r"[\s_]", "", _unquoted(cell)).lower() for cell in line.split(separator)]
        for place, name in enumerate(names):
            if name in ID_COLUMNS:
                return place, separator
    return None


def _cell(line: str, place: int, separator: str) -> str:
    try:
        cells = next(csv.reader([line], delimiter=separator))
    except csv.Error:
        return line
    return cells[place] if place < len(cells) else line


def _unquoted(cell: str) -> str:
    """The cell without quotes, and without the apostrophe that keeps a spreadsheet from rounding the number."""
    return cell.strip().strip("\"'").strip()


@dataclass(slots=True)
class BulkCheck:
    """What would become of the devices of a list if it were carried out now."""

    verb: BulkVerb
    check_digit_is_valid: Callable[[int], bool]
    """What tells of a device; a wrong check digit is a warning only, since documented examples have them too."""
    counts: dict[Outcome, int] = field(default_factory=dict)
    first: dict[Outcome, list[int]] = field(default_factory=dict)
    """The first MAX_SHOWN devices of each outcome."""
    wrong_digits: int = 0
    first_wrong: list[int] = field(default_factory=list)

    @property
    def done(self) -> int:
        """To how many devices it would be done."""
        return self.counts.get(self.verb.done, 0)

    def add(self, devices: Iterable[int], outcomes: Iterable[Outcome]) -> None:
        """Counts the devices of one decision."""
        for device, outcome in zip(devices, outcomes, strict=True):
            self.counts[outcome] = self.counts.get(outcome, 0) + 1
            shown = self.first.setdefault(outcome, [])
            if len(shown) < MAX_SHOWN:
                shown.append(device)
            if not self.check_digit_is_valid(device):
                self.wrong_digits += 1
                if len(self.first_wrong) < MAX_SHOWN:
                    self.first_wrong.append(device)
