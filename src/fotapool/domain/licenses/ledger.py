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
        return _KINDS[self][0]

    @property
    def what(self) -> str:
        """A short label, as the ledger shows it."""
        return _KINDS[self][1]

    @property
    def why(self) -> str:
        """The reason, in lower case."""
        return _KINDS[self][2]


_REDUCED = "subscription reduced"
_NOTICE = "subscription reduced while its upgrade ran"
_KINDS = {
    EntryKind.ASSIGNED: (1, "assigned", "requested by the user"),
    EntryKind.REMOVED: (-1, "removed", "requested by the user"),
    EntryKind.RECLAIMED_CANDIDATE: (-1, "reclaimed", f"{_REDUCED}; the device was on the cancellation candidate list"),
    EntryKind.RECLAIMED_OLDEST: (-1, "reclaimed", f"{_REDUCED}; first assigned, first out"),
    EntryKind.NOTICE_CANDIDATE: (0, "notice", f"{_NOTICE}; the device was on the candidate list"),
    EntryKind.NOTICE_OLDEST: (0, "notice", f"{_NOTICE}; first assigned, first out"),
    EntryKind.NOTICE_WITHDRAWN: (0, "notice withdrawn", "subscription raised before the notice ended"),
    EntryKind.NOTICE_ENDED: (-1, "reclaimed", "the notice given at the reduction ended"),
    EntryKind.IMPORTED: (1, "assigned", "imported by the operator as licensed"),
}
"""The change of the number of assigned licenses, the label and the reason of each kind."""


class Entry(NamedTuple):
    """A ledger entry before the store gives it its number."""

    device: int
    kind: EntryKind
    used_after: int
