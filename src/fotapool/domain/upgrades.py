"""The states of an upgrade, one device's part in a campaign, as far as license rules depend on them."""

from __future__ import annotations

import enum

from fotapool.domain.errors import Conflict


class UpgradeStatus(enum.IntEnum):
    """Stored as a number: never renumber. Up to IN_PROGRESS an upgrade is open; a device has at most one."""

    SCHEDULED = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    FAILED = 4
    CANCELED = 5

    @property
    def word(self) -> str:
        """The operator plane's word for the state."""
        return _WORDS[self]


OPEN = frozenset({UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS})

_WORDS = {
    UpgradeStatus.SCHEDULED: "scheduled",
    UpgradeStatus.IN_PROGRESS: "inProgress",
    UpgradeStatus.COMPLETED: "completed",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "canceled",
}
STATUS_OF_WORD = {word: status for status, word in _WORDS.items()}

_NEXT: dict[UpgradeStatus | None, frozenset[UpgradeStatus]] = {
    None: frozenset({UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS}),
    UpgradeStatus.SCHEDULED: frozenset({UpgradeStatus.IN_PROGRESS, UpgradeStatus.CANCELED, UpgradeStatus.FAILED}),
    UpgradeStatus.IN_PROGRESS: frozenset({UpgradeStatus.COMPLETED, UpgradeStatus.FAILED}),
}


def check_transition(current: UpgradeStatus | None, wanted: UpgradeStatus) -> None:
    """`current` is the state of the open upgrade, or None without one. Raises Conflict if it can't become `wanted`."""
    if wanted not in _NEXT[current]:
        now = f"is {current.word}" if current else "does not exist"
        raise Conflict(f"the device's open upgrade {now}; it cannot become {wanted.word}")
