"""The states of an upgrade, one device's part in a campaign, and why it is in that state."""

from __future__ import annotations

import enum
from typing import NamedTuple

from fotapool.domain.errors import Conflict


class UpgradeStatus(enum.IntEnum):
    """Stored as a number: never renumber. Up to IN_PROGRESS an upgrade is open; a device has at most one."""

    SCHEDULED = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    FAILED = 4
    CANCELED = 5
    PENDING = 6
    """Accepted with its campaign, not checked yet; it does not count as open."""
    REJECTED = 7

    @property
    def word(self) -> str:
        """The operator plane's word for the state."""
        return _WORDS[self]


class Reason(enum.IntEnum):
    """Why an upgrade is in its state. Stored as a number: never renumber."""

    NONE = 0
    DEVICE_NOT_FOUND = 1
    NOT_ELIGIBLE = 2
    WRONG_PROTOCOL = 3
    ALREADY_SCHEDULED = 4
    WRONG_MODEL = 5
    WRONG_VERSION = 6
    NOT_ACTIVE = 7
    NO_LICENSE = 8
    NO_FREE_LICENSE = 9
    CANCELED_BY_USER = 20
    ABORTED_BY_USER = 21
    REMOVED_FROM_CAMPAIGN = 22
    LICENSE_REMOVED = 23
    LICENSE_RECLAIMED = 24
    SET_BY_OPERATOR = 25
    DOWNLOADING = 30
    DOWNLOADED = 31
    INSTALLING = 32
    NOT_REACHABLE = 33
    """Scheduled; the last attempt found the device away from the network."""
    DOWNLOAD_FAILED = 40
    VERIFY_FAILED = 41
    INSTALL_FAILED = 42
    NOT_REACHED = 43
    """The campaign ended before the device could be reached."""
    NOT_REPORTED = 44
    """The device began and never said how it ended."""
    OTHER_FAILURE = 45
    SUCCEEDED = 60


class Upgrade(NamedTuple):
    """A row; times in ms. `due_ms` is when a simulated device next does something."""

    id: int
    account_id: int
    imei: int
    campaign_id: int
    status: int
    reason: int
    attempts: int
    scheduled_ms: int
    started_ms: int | None
    ended_ms: int | None
    updated_ms: int
    due_ms: int | None


OPEN = frozenset({UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS})

_WORDS = {
    UpgradeStatus.SCHEDULED: "scheduled",
    UpgradeStatus.IN_PROGRESS: "inProgress",
    UpgradeStatus.COMPLETED: "completed",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "canceled",
    UpgradeStatus.PENDING: "pending",
    UpgradeStatus.REJECTED: "rejected",
}
STATUS_OF_WORD = {
    word: status for status, word in _WORDS.items() if status not in (UpgradeStatus.PENDING, UpgradeStatus.REJECTED)
}
"""What the operator may set an upgrade to."""

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


class Step(enum.Enum):
    """How far a device reports to be, in the order of an upgrade."""

    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    INSTALLING = "installing"
    INSTALLED = "installed"
    FAILED = "failed"


class Failure(enum.Enum):
    """At what a device reports to have failed."""

    DOWNLOAD = "download"
    VERIFY = "verify"
    INSTALL = "install"
    OTHER = "other"


_FAILED = {
    Failure.DOWNLOAD: Reason.DOWNLOAD_FAILED,
    Failure.VERIFY: Reason.VERIFY_FAILED,
    Failure.INSTALL: Reason.INSTALL_FAILED,
    Failure.OTHER: Reason.OTHER_FAILURE,
}
_PROGRESS = {
    Step.DOWNLOADING: Reason.DOWNLOADING,
    Step.DOWNLOADED: Reason.DOWNLOADED,
    Step.INSTALLING: Reason.INSTALLING,
}


def decide_report(
    upgrade: Upgrade, step: Step, failure: Failure | None, may_start: bool
) -> tuple[UpgradeStatus, Reason] | None:
    """The upgrade's state after a device's report, or None if the report says nothing new.

    `may_start`: whether the campaign runs and its windows are open, so that the device may begin now.
    Raises Conflict for a report that goes back, contradicts an end that is on record, or begins too early.
    """
    status = UpgradeStatus(upgrade.status)
    if step is Step.FAILED:
        wanted, reason = UpgradeStatus.FAILED, _FAILED[failure or Failure.OTHER]
    elif step is Step.INSTALLED:
        wanted, reason = UpgradeStatus.COMPLETED, Reason.SUCCEEDED
    else:
        wanted, reason = UpgradeStatus.IN_PROGRESS, _PROGRESS[step]
    if status not in OPEN:
        if (status, upgrade.reason) == (wanted, reason):
            return None
        raise Conflict(f"the upgrade is {status.word} already; a report of {step.value} comes too late")
    if status is UpgradeStatus.SCHEDULED and not may_start:
        raise Conflict("the upgrade may not begin now: its campaign has not started, or its time window is closed")
    if wanted is UpgradeStatus.IN_PROGRESS and status is UpgradeStatus.IN_PROGRESS:
        if upgrade.reason == reason:
            return None
        if upgrade.reason > reason:
            raise Conflict(f"the upgrade is past {step.value} already")
    return wanted, reason


class Change(NamedTuple):
    """What becomes of an upgrade's row: only members that differ from None are set besides status and reason."""

    upgrade: Upgrade
    status: UpgradeStatus
    reason: Reason
    due_ms: int | None = None
    attempts: int = 0
    """How many attempts to reach the device are added."""
