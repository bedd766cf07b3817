"""Ledger entries: their kinds, effects on the count of assigned licenses, and reasons."""

from __future__ import annotations

import enum
from typing import NamedTuple


class EntryKind(enum.IntEnum):
    """The change of one device's license. Stored as a number: never renumber."""

    ASSIGNED = 1
    REMOVED = 2
    RECLAIMED_CANDIDATE = 3
    RECLAIMED_OLDEST = 4
    NOTICE_CANDIDATE = 5
    NOTICE_OLDEST = 6
    NOTICE_WITHDRAWN = 7
    NOTICE_ENDED = 8
    IMPORTED = 9

    @property
    def delta(self) -> int:
        """The change of the number of assigned licenses: 1, 0 or -1."""
        return _DELTA[self]

    @property
    def what(self) -> str:
        """A short label, as the ledger shows it."""
        return _WHAT[self]

    @property
    def why(self) -> str:
        """The reason, in lower case."""
        return _WHY[self]


_DELTA = {
    EntryKind.ASSIGNED: 1,
    EntryKind.REMOVED: -1,
    EntryKind.RECLAIMED_CANDIDATE: -1,
    EntryKind.RECLAIMED_OLDEST: -1,
    EntryKind.NOTICE_CANDIDATE: 0,
    EntryKind.NOTICE_OLDEST: 0,
    EntryKind.NOTICE_WITHDRAWN: 0,
    EntryKind.NOTICE_ENDED: -1,
    EntryKind.IMPORTED: 1,
}
_WHAT = {
    EntryKind.ASSIGNED: "assigned",
    EntryKind.REMOVED: "removed",
    EntryKind.RECLAIMED_CANDIDATE: "reclaimed",
    EntryKind.RECLAIMED_OLDEST: "reclaimed",
    EntryKind.NOTICE_CANDIDATE: "notice",
    EntryKind.NOTICE_OLDEST: "notice",
    EntryKind.NOTICE_WITHDRAWN: "notice withdrawn",
    EntryKind.NOTICE_ENDED: "reclaimed",
    EntryKind.IMPORTED: "assigned",
}
_WHY = {
    EntryKind.ASSIGNED: "requested by the user",
    EntryKind.REMOVED: "requested by the user",
    EntryKind.RECLAIMED_CANDIDATE: "subscription reduced; the device was on the cancellation candidate list",
    EntryKind.RECLAIMED_OLDEST: "subscription reduced; first assigned, first out",
    EntryKind.NOTICE_CANDIDATE: "subscription reduced while its upgrade ran; the device was on the candidate list",
    EntryKind.NOTICE_OLDEST: "subscription reduced while its upgrade ran; first assigned, first out",
    EntryKind.NOTICE_WITHDRAWN: "subscription raised before the notice ended",
    EntryKind.NOTICE_ENDED: "the notice given at the reduction ended",
    EntryKind.IMPORTED: "imported by the operator as licensed",
}


class Entry(NamedTuple):
    """A ledger entry before the store gives it its number."""

    device: int
    kind: EntryKind
    used_after: int
