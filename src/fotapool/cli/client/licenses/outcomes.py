"""Outcomes of devices, derived from the responses of the documented API."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec


class DeviceOutcome(enum.StrEnum):
    """The outcome of a device in tables, result files and JSON."""

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
    def is_success(self) -> bool:
        """Whether the device is, or would be, in the state that was asked for."""
        return self not in _REFUSED

    @property
    def meaning(self) -> str:
        """What the outcome says of its devices, for people."""
        return _MEANINGS[self]


Result = tuple[str, DeviceOutcome, str]
"""Device, outcome and message."""
_REFUSED = {DeviceOutcome.NO_FREE_LICENSE, DeviceOutcome.UNKNOWN_DEVICE, DeviceOutcome.REFUSED}
_MEANINGS = {
    DeviceOutcome.ASSIGNED: "now have a license",
    DeviceOutcome.ALREADY_LICENSED: "already had a license",
    DeviceOutcome.NO_FREE_LICENSE: "not assigned: no license was free",
    DeviceOutcome.UNKNOWN_DEVICE: "are not devices of this account",
    DeviceOutcome.REMOVED: "had their license removed",
    DeviceOutcome.NOT_LICENSED: "have no license, perhaps since an earlier run",
    DeviceOutcome.REFUSED: "were refused; see the message of each",
    DeviceOutcome.WOULD_ASSIGN: "would get a license",
    DeviceOutcome.WOULD_REMOVE: "have a license; removing it fails if an upgrade has used it",
}
_BY_REASON = {
    "device license preexisting": DeviceOutcome.ALREADY_LICENSED,
    "no unused license available": DeviceOutcome.NO_FREE_LICENSE,
    "device not found": DeviceOutcome.UNKNOWN_DEVICE,
    "no license attached to device": DeviceOutcome.NOT_LICENSED,
}
"""The documented reasons in lower case, without the full stop that some have."""


class DeviceRow(msgspec.Struct, gc=False):
    """A row of the response to assign or remove. Each version has either `Reason` or `resultReason`."""

    deviceId: str
    status: str = ""
    Reason: str = ""
    resultReason: str = ""


class LicensesResponse(msgspec.Struct):
    """The members that all versions share, and each version's name for the total."""

    deviceList: list[DeviceRow]
    licUsedCount: int | None = None
    licTotalCount: int | None = None
    licCount: int | None = None

    @property
    def total(self) -> int | None:
        return self.licTotalCount if self.licTotalCount is not None else self.licCount


@lru_cache(maxsize=1024)  # few combinations, many devices
def outcome_of(status: str, reason: str, success: DeviceOutcome) -> tuple[DeviceOutcome, str]:
    """The outcome, and the service's message unless the outcome is `success`."""
    known = _BY_REASON.get(reason.rstrip(". ").lower())
    if known is not None:
        return known, reason
    return (success, "") if status.lower().endswith("success") else (DeviceOutcome.REFUSED, reason or status)


def expected_outcome(row: Mapping[str, Any], assigning: bool, free: int | None) -> tuple[DeviceOutcome, str]:
    """The expected outcome of a change, and a message. `row` is the device's row in the list of devices.

    `free` is the number of free licenses, None if the account's purchase type has no licenses.
    """
    if "licenseAssigned" not in row:
        return DeviceOutcome.UNKNOWN_DEVICE, str(row.get("resultReason", ""))
    if row["licenseAssigned"]:
        return (DeviceOutcome.ALREADY_LICENSED if assigning else DeviceOutcome.WOULD_REMOVE), ""
    if not assigning:
        return DeviceOutcome.NOT_LICENSED, ""
    return (DeviceOutcome.NO_FREE_LICENSE if free is not None and free <= 0 else DeviceOutcome.WOULD_ASSIGN), ""
