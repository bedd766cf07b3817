"""Ledger entries: their kinds, effects on the count of assigned licenses, and reasons."""

from __future__ import annotations

import enum
from typing import NamedTuple

_REDUCED = "subscription reduced"
_STAYS = "its license is used or under notice and stays counted"
_NOTICE = "subscription reduced while its upgrade ran"


class EntryKind(enum.IntEnum):
    """The change of one device's license. Stored as a number: never renumber.

    Each kind has the change of the number of assigned licenses, a short label as the ledger shows it, and the reason.
    """

    ASSIGNED = 1, 1, "assigned", "requested by the user"
    REMOVED = 2, -1, "removed", "requested by the user"
    RECLAIMED_CANDIDATE = 3, -1, "reclaimed", f"{_REDUCED}; the device was on the cancellation candidate list"
    RECLAIMED_OLDEST = 4, -1, "reclaimed", f"{_REDUCED}; first assigned, first out"
    NOTICE_CANDIDATE = 5, 0, "notice", f"{_NOTICE}; the device was on the candidate list"
    NOTICE_OLDEST = 6, 0, "notice", f"{_NOTICE}; first assigned, first out"
    NOTICE_WITHDRAWN = 7, 0, "notice withdrawn", "subscription raised before the notice ended"
    NOTICE_ENDED = 8, -1, "reclaimed", "the notice given at the reduction ended"
    IMPORTED = 9, 1, "assigned", "imported by the operator as licensed"
    RESTORED = 10, 1, "restored", "the reduction that took it was undone"
    DELETED_LICENSED = 11, -1, "removed", "the device was deleted"
    DELETED_KEPT = 12, 0, "kept", f"the device was deleted; {_STAYS}"
    DELETED = 13, 0, "device deleted", "it had no license"
    MOVED_LICENSED = 14, -1, "removed", "the device was moved to another account"
    MOVED_KEPT = 15, 0, "kept", f"the device was moved to another account; {_STAYS}"
    MOVED = 16, 0, "device moved", "to another account; it had no license"
    ARRIVED = 17, 0, "device moved here", "from another account"

    delta: int
    what: str
    why: str

    def __new__(cls, number: int, delta: int = 0, what: str = "", why: str = "") -> EntryKind:
        kind = int.__new__(cls, number)
        kind._value_ = number
        kind.delta, kind.what, kind.why = delta, what, why
        return kind

    @property
    def notice_delta(self) -> int:
        """The change of the number of licenses under notice."""
        given = self in (EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST)
        return given - (self in (EntryKind.NOTICE_WITHDRAWN, EntryKind.NOTICE_ENDED))


class Entry(NamedTuple):
    """A ledger entry before the store gives it its number."""

    device: int
    kind: EntryKind
    used_after: int
