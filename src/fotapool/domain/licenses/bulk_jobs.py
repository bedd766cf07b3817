"""Bulk jobs: parsing a list of devices to assign or remove, and the preview of its outcomes."""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fotapool.domain.licenses.licenses import LicenseDecision, LicenseFacts, Outcome, decide_assign, decide_remove
from fotapool.domain.names import is_device_id

MAX_BULK_DEVICES = 200_000
"""Maximum number of devices of a list."""
MAX_LEFT_OUT = 1_000
"""Maximum number of skipped lines that are stored with their reason; further ones are only counted."""
MAX_SHOWN = 100
"""Maximum number of devices of each outcome in a preview; the result file has all."""
MAX_QUOTED = 40
"""Maximum number of characters of an invalid line that are quoted."""
ID_COLUMNS = ("deviceid", "imei")
"""Headers of a CSV's column of IMEIs, in any case, with or without spaces and underscores."""

_SEPARATORS = (",", ";", "\t")
_DELIMITERS = re.compile(r"[\s,;]+")


class BulkVerb(enum.Enum):
    """The operation applied to the devices of a list."""

    ASSIGN = "assign"
    REMOVE = "remove"

    def decide(self, facts: LicenseFacts, devices: Sequence[int]) -> LicenseDecision:
        """The decision on some devices, as for a request of the API."""
        return decide_assign(facts, devices) if self is BulkVerb.ASSIGN else decide_remove(facts, devices)

    @property
    def done(self) -> Outcome:
        """The outcome of a successful device."""
        return Outcome.ASSIGNED if self is BulkVerb.ASSIGN else Outcome.REMOVED


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A skipped line of the list, counted from 1; line 0 summarizes all lines beyond MAX_LEFT_OUT."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceLines:
    """A parsed list: each device once, in order, and the skipped lines."""

    devices: list[int]
    left_out: list[LeftOut]


class TooManyDevices(ValueError):
    """The list has more devices than MAX_BULK_DEVICES."""


def read_device_lines(text: str) -> DeviceLines:
    """Parses IMEIs, one or more per line, or a CSV whose header names their column (see ID_COLUMNS).

    Skips lines without an IMEI and devices that occur again. Raises TooManyDevices.
    """
    devices: dict[int, int] = {}
    left_out: list[LeftOut] = []
    further = 0
    for line, token in _tokens(text.removeprefix("\ufeff").splitlines()):
        if not is_device_id(token):
            reason = f"{token[:MAX_QUOTED]!r} is not an IMEI of 15 digits"
        elif int(token) in devices:
            reason = f"{token} is already in line {devices[int(token)]}"
        else:
            devices[int(token)] = line
            if len(devices) > MAX_BULK_DEVICES:
                raise TooManyDevices
            continue
        if len(left_out) < MAX_LEFT_OUT:
            left_out.append(LeftOut(line, reason))
        else:
            further += 1
    if further:
        left_out.append(LeftOut(0, f"and {further} further lines or values"))
    return DeviceLines(list(devices), left_out)


def _tokens(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The expected IMEIs with their line number."""
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
        yield from ((number, _unquoted(text)) for text in _DELIMITERS.split(line) if text)


def _id_column(line: str) -> tuple[int, str] | None:
    """The index of the column of IMEIs and the separator, if the line is the header of a CSV, else None."""
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
    """The cell without quotes, and without the apostrophe that marks text in spreadsheets."""
    return cell.strip().strip("\"'").strip()


@dataclass(slots=True)
class BulkCheck:
    """A preview: the outcomes of a list's devices if the job ran now."""

    verb: BulkVerb
    check_digit_is_valid: Callable[[int], bool]
    """Checks a device's check digit; a wrong one is only a warning, since documented examples have wrong ones."""
    counts: dict[Outcome, int] = field(default_factory=dict)
    first: dict[Outcome, list[int]] = field(default_factory=dict)
    """The first MAX_SHOWN devices of each outcome."""
    wrong_digits: int = 0
    first_wrong: list[int] = field(default_factory=list)

    @property
    def done(self) -> int:
        """The number of devices with a successful outcome."""
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
