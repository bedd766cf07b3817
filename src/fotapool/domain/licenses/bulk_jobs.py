"""Bulk jobs: parsing a list of devices to assign or remove, and the preview of its outcomes."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fotapool.domain.devices.device_lists import DeviceList
from fotapool.domain.licenses.licenses import LicenseDecision, LicenseFacts, Outcome, decide_assign, decide_remove

MAX_BULK_DEVICES = 200_000
"""Maximum number of devices of a list."""
MAX_SHOWN = 100
"""Maximum number of devices of each outcome in a preview; the result file has all."""


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
    """A skipped line of the list, counted from 1; line 0 summarizes the lines that are not stored."""

    line: int
    reason: str
    value: str = ""
    """The text that is not an IMEI."""
    original: dict[str, str] | None = None
    """The line's cells by the name of their column; None for a device that is in the list again."""


def left_out_of(found: DeviceList) -> list[LeftOut]:
    """The lines of a list that were skipped, in order."""
    lines = [LeftOut(one.line, one.reason, one.value, one.original) for one in found.failed.lines]
    lines += [LeftOut(one.line, f"{one.device} is already in line {one.first_line}") for one in found.repeated]
    lines.sort(key=lambda one: one.line)
    further = found.failed.further + found.repeated_count - len(found.repeated)
    return [*lines, LeftOut(0, f"and {further} further lines or values")] if further else lines


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
