"""Upgrades: the state of one device in a campaign, its transitions, and the reason for each state."""

from __future__ import annotations

import enum
from typing import NamedTuple

from fotapool.domain.errors import Conflict


class UpgradeStatus(enum.IntEnum):
    """Stored as a number: never renumber. States up to IN_PROGRESS are open; a device has at most one open upgrade."""

    SCHEDULED = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    FAILED = 4
    CANCELED = 5
    PENDING = 6
    """Accepted with its campaign and not checked yet; not open."""
    REJECTED = 7

    @property
    def word(self) -> str:
        """The state's name in the operator API."""
        return _STATUS_VALUES[self]


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
    STOPPED_BY_RULE = 26
    """The account's stop rule stopped the campaign, since too many of its devices had failed."""
    DOWNLOADING = 30
    DOWNLOADED = 31
    INSTALLING = 32
    NOT_REACHABLE = 33
    """Scheduled; the device was offline at the last attempt."""
    DOWNLOAD_FAILED = 40
    VERIFY_FAILED = 41
    INSTALL_FAILED = 42
    NOT_REACHED = 43
    """The campaign ended before the device could be reached."""
    NOT_REPORTED = 44
    """The device began and did not report a result."""
    OTHER_FAILURE = 45
    SUCCEEDED = 60

    @property
    def text(self) -> str:
        """The reason for people; empty for NONE."""
        return _REASON_TEXTS[self]


class Upgrade(NamedTuple):
    """A row; times in ms. `due_ms` is when a simulated device acts next."""

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

_STATUS_VALUES = {
    UpgradeStatus.SCHEDULED: "scheduled",
    UpgradeStatus.IN_PROGRESS: "inProgress",
    UpgradeStatus.COMPLETED: "completed",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "canceled",
    UpgradeStatus.PENDING: "pending",
    UpgradeStatus.REJECTED: "rejected",
}
_REASON_TEXTS: dict[Reason, str] = {
    Reason.NONE: "",
    Reason.DEVICE_NOT_FOUND: "not a device of the account",
    Reason.NOT_ELIGIBLE: "not eligible for upgrades over the air",
    Reason.WRONG_PROTOCOL: "protocol does not match the package",
    Reason.ALREADY_SCHEDULED: "another upgrade was open",
    Reason.WRONG_MODEL: "make or model does not match the package",
    Reason.WRONG_VERSION: "installed version does not match",
    Reason.NOT_ACTIVE: "device not active",
    Reason.NO_LICENSE: "no license",
    Reason.NO_FREE_LICENSE: "no license available",
    Reason.CANCELED_BY_USER: "campaign canceled",
    Reason.ABORTED_BY_USER: "campaign stopped",
    Reason.REMOVED_FROM_CAMPAIGN: "device removed from the campaign",
    Reason.LICENSE_REMOVED: "license removed",
    Reason.LICENSE_RECLAIMED: "license reclaimed by a subscription reduction",
    Reason.SET_BY_OPERATOR: "set by the operator",
    Reason.STOPPED_BY_RULE: "campaign stopped, because too many devices failed",
    Reason.DOWNLOADING: "downloading",
    Reason.DOWNLOADED: "downloaded, not installed yet",
    Reason.INSTALLING: "installing",
    Reason.NOT_REACHABLE: "not reachable, will be retried",
    Reason.DOWNLOAD_FAILED: "download failed",
    Reason.VERIFY_FAILED: "verification failed",
    Reason.INSTALL_FAILED: "installation failed",
    Reason.NOT_REACHED: "not reached before the campaign ended",
    Reason.NOT_REPORTED: "no final status reported",
    Reason.OTHER_FAILURE: "failed for another reason",
    Reason.SUCCEEDED: "downloaded and installed",
}
STATUS_OF_WORD = {
    word: status
    for status, word in _STATUS_VALUES.items()
    if status not in (UpgradeStatus.PENDING, UpgradeStatus.REJECTED)
}
"""The states that the operator may set."""

_NEXT: dict[UpgradeStatus | None, frozenset[UpgradeStatus]] = {
    None: frozenset({UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS}),
    UpgradeStatus.SCHEDULED: frozenset({UpgradeStatus.IN_PROGRESS, UpgradeStatus.CANCELED, UpgradeStatus.FAILED}),
    UpgradeStatus.IN_PROGRESS: frozenset({UpgradeStatus.COMPLETED, UpgradeStatus.FAILED}),
}


_MAY_NOT_BEGIN = "the upgrade may not begin now: its campaign has not started, or its time window is closed"


def check_transition(current: UpgradeStatus | None, wanted: UpgradeStatus, may_start: bool = True) -> None:
    """Raises Conflict if the open upgrade cannot change from `current` (None: there is none) to `wanted`.

    `may_start`: whether a device could begin the upgrade now, as its campaign's state and windows say. Until then it
    can only be canceled.
    """
    if wanted not in _NEXT[current]:
        now = f"is {current.word}" if current else "does not exist"
        raise Conflict(f"the device's open upgrade {now}; it cannot become {wanted.word}")
    if current is UpgradeStatus.SCHEDULED and wanted is not UpgradeStatus.CANCELED and not may_start:
        raise Conflict(_MAY_NOT_BEGIN)


class ReportedStep(enum.Enum):
    """The progress that a device reports, in order."""

    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    INSTALLING = "installing"
    INSTALLED = "installed"
    FAILED = "failed"


class ReportedFailure(enum.Enum):
    """The step at which a device reports a failure."""

    DOWNLOAD = "download"
    VERIFY = "verify"
    INSTALL = "install"
    OTHER = "other"


_FAILED = {
    ReportedFailure.DOWNLOAD: Reason.DOWNLOAD_FAILED,
    ReportedFailure.VERIFY: Reason.VERIFY_FAILED,
    ReportedFailure.INSTALL: Reason.INSTALL_FAILED,
    ReportedFailure.OTHER: Reason.OTHER_FAILURE,
}
_PROGRESS = {
    ReportedStep.DOWNLOADING: Reason.DOWNLOADING,
    ReportedStep.DOWNLOADED: Reason.DOWNLOADED,
    ReportedStep.INSTALLING: Reason.INSTALLING,
}


def decide_report(
    upgrade: Upgrade, step: ReportedStep, failure: ReportedFailure | None, may_start: bool
) -> tuple[UpgradeStatus, Reason] | None:
    """The upgrade's state after a device's report, or None if the report changes nothing.

    `may_start`: whether the campaign is running and within its windows.
    Raises Conflict if the report goes back, contradicts a recorded result, or starts the upgrade too early.
    """
    status = UpgradeStatus(upgrade.status)
    if step is ReportedStep.FAILED:
        wanted, reason = UpgradeStatus.FAILED, _FAILED[failure or ReportedFailure.OTHER]
    elif step is ReportedStep.INSTALLED:
        wanted, reason = UpgradeStatus.COMPLETED, Reason.SUCCEEDED
    else:
        wanted, reason = UpgradeStatus.IN_PROGRESS, _PROGRESS[step]
    if status not in OPEN:
        if (status, upgrade.reason) == (wanted, reason):
            return None
        raise Conflict(f"the upgrade is {status.word} already; a report of {step.value} comes too late")
    if status is UpgradeStatus.SCHEDULED and not may_start:
        raise Conflict(_MAY_NOT_BEGIN)
    if wanted is UpgradeStatus.IN_PROGRESS and status is UpgradeStatus.IN_PROGRESS:
        if upgrade.reason == reason:
            return None
        if upgrade.reason > reason:
            raise Conflict(f"the upgrade is past {step.value} already")
    return wanted, reason


class UpgradeChange(NamedTuple):
    """A change of an upgrade to another status and reason. `due_ms` is when a simulated device acts next."""

    upgrade: Upgrade
    status: UpgradeStatus
    reason: Reason
    due_ms: int | None = None
    attempts: int = 0
    """Added to the count of attempts to reach the device."""
