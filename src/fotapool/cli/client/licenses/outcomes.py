"""What became of each device, in the words of the command line, from the words of the documented answers."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec


class Outcome(enum.StrEnum):
    """What stands in tables, in result files and in JSON."""

    ASSIGNED = "assigned"
    ALREADY_LICENSED = "already-licensed"
    NO_FREE_LICENSE = "no-free-license"
    UNKNOWN_DEVICE = "unknown-device"
    REMOVED = "removed"
    NOT_LICENSED = "not-licensed"
    REFUSED = "refused"
    WOULD_ASSIGN = "would-assign"
    WOULD_REMOVE = "would-remove"

    @property
    def is_good(self) -> bool:
        """Whether the device is now, or would be, as it was to be."""
        return self not in _REFUSALS


_REFUSALS = {Outcome.NO_FREE_LICENSE, Outcome.UNKNOWN_DEVICE, Outcome.REFUSED}
MEANINGS = {
    Outcome.ASSIGNED: "have a license now",
    Outcome.ALREADY_LICENSED: "had a license before; no second one was taken",
    Outcome.NO_FREE_LICENSE: "no license was free for them",
    Outcome.UNKNOWN_DEVICE: "are no devices of this account",
    Outcome.REMOVED: "gave their license back",
    Outcome.NOT_LICENSED: "have no license, perhaps since an earlier try",
    Outcome.REFUSED: "were refused; the message of each says why",
    Outcome.WOULD_ASSIGN: "would get a license",
    Outcome.WOULD_REMOVE: "have a license; whether it is used already is told when it is removed",
}
_BY_REASON = {
    "device license preexisting": Outcome.ALREADY_LICENSED,
    "no unused license available": Outcome.NO_FREE_LICENSE,
    "device not found": Outcome.UNKNOWN_DEVICE,
    "no license attached to device": Outcome.NOT_LICENSED,
}
"""The reasons as the pages print them, without the full stop that some have."""


class DeviceRow(msgspec.Struct, gc=False):
    """A row of the answer to assign or remove: one of `Reason` and `resultReason` is there in each version."""

    deviceId: str
    status: str = ""
    Reason: str = ""
    resultReason: str = ""


class LicensesAnswer(msgspec.Struct):
    """What the three versions have in common, and each one's name for the total."""

    deviceList: list[DeviceRow]
    licUsedCount: int | None = None
    licTotalCount: int | None = None
    licCount: int | None = None

    @property
    def total(self) -> int | None:
        return self.licTotalCount if self.licTotalCount is not None else self.licCount


@lru_cache(maxsize=1024)
def outcome_of(status: str, reason: str, succeeded: Outcome) -> tuple[Outcome, str]:
    """The outcome and, unless it is as hoped, the service's message. There are few words and many devices."""
    known = _BY_REASON.get(reason.rstrip(". ").lower())
    if known is not None:
        return known, reason
    return (succeeded, "") if status.lower().endswith("success") else (Outcome.REFUSED, reason or status)


def expected_of(row: Mapping[str, Any], assigning: bool, free: int | None) -> tuple[Outcome, str]:
    """What assigning to or removing from the device would come to, as far as the list of devices tells."""
    if "licenseAssigned" not in row:
        return Outcome.UNKNOWN_DEVICE, str(row.get("resultReason", ""))
    if row["licenseAssigned"]:
        return (Outcome.ALREADY_LICENSED, "") if assigning else (Outcome.WOULD_REMOVE, "")
    if not assigning:
        return Outcome.NOT_LICENSED, ""
    if free is not None and free <= 0:
        return Outcome.NO_FREE_LICENSE, ""
    return Outcome.WOULD_ASSIGN, ""
