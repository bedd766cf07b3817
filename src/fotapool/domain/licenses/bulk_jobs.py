"""Bulk jobs: parsing a list of devices to assign or remove, and the preview of its outcomes."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fotapool.domain.devices.device_lists import read_id_texts
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
    """Parses a list of IMEIs, one or more per line, or CSV or JSON lines (see `read_id_texts`).

    Skips lines without an IMEI and devices that occur again. Raises TooManyDevices.
    """
    devices: dict[int, int] = {}
    left_out: list[LeftOut] = []
    further = 0
    for line, word in read_id_texts(text.splitlines(), several=True):
        if not is_device_id(word):
            reason = f"{word[:MAX_QUOTED]!r} is not an IMEI of 15 digits"
        elif int(word) in devices:
            reason = f"{word} is already in line {devices[int(word)]}"
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
        left_out.append(LeftOut(0, f"and {further} further lines or values"))
    return DeviceLines(list(devices), left_out)


_NUMBERS = {outcome: number for number, outcome in enumerate(Outcome)}


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
    _outcomes: bytearray = field(default_factory=bytearray)

    @property
    def mark(self) -> str:
        """A token that changes when any device would have another outcome."""
        return hashlib.sha256(self._outcomes).hexdigest()[:32]

    @property
    def done(self) -> int:
        """The number of devices with a successful outcome."""
        return self.counts.get(self.verb.done, 0)

    def add(self, devices: Iterable[int], outcomes: Iterable[Outcome]) -> None:
        """Counts the devices of one decision."""
        for device, outcome in zip(devices, outcomes, strict=True):
            self.counts[outcome] = self.counts.get(outcome, 0) + 1
            self._outcomes.append(_NUMBERS[outcome])
            shown = self.first.setdefault(outcome, [])
            if len(shown) < MAX_SHOWN:
                shown.append(device)
            if not self.check_digit_is_valid(device):
                self.wrong_digits += 1
                if len(self.first_wrong) < MAX_SHOWN:
                    self.first_wrong.append(device)
