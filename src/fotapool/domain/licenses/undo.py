"""Undoing a reduction: the licenses that it took are given back, all or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fotapool.domain.errors import Conflict
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import LicenseFacts
from fotapool.domain.names import format_device_id


@dataclass(frozen=True, slots=True)
class LostLicense:
    """A license that a reduction took: its device, when it was assigned (ms), its LicenseState.

    `undone_by` is the number of the change that gave it back; None if there is none.
    """

    device: int
    assigned_ms: int
    state: int
    undone_by: int | None


def decide_undo(change: int, lost: Sequence[LostLicense], facts: LicenseFacts) -> list[Entry]:
    """The ledger entries that give back the licenses, in their order. Raises Conflict with all reasons against it.

    `change` is the number of the reduction, `lost` are the licenses that it took.
    """
    if not lost:
        raise Conflict(f"change {change} took no license")
    if lost[0].undone_by is not None:
        raise Conflict(f"change {change} was undone by change {lost[0].undone_by}")
    free = facts.pool.free
    too_few = f"{len(lost):,} licenses are needed and {free:,} are free: raise the subscription first"
    reasons = [
        too_few if free < len(lost) else "",
        _count((one.device for one in lost if one.device in facts.licenses), "got a license since"),
        _count((one.device for one in lost if one.device not in facts.devices), "left the account"),
    ]
    if any(reasons):
        raise Conflict("; ".join(reason for reason in reasons if reason))
    used = facts.pool.used
    return [Entry(one.device, EntryKind.RESTORED, used + place) for place, one in enumerate(lost, start=1)]


def _count(devices: Iterable[int], what: str) -> str:
    found = list(devices)
    devices_text = "device" if len(found) == 1 else "devices"
    return f"{len(found):,} {devices_text} {what} (the first: {format_device_id(found[0])})" if found else ""
