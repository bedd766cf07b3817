"""Assigning and removing licenses of one account's pool."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.ledger import Entry, EntryKind

UNKNOWN_TIME_MS = 0
"""The assignment time of a license whose time is unknown; it counts as the oldest of the pool."""


class LicenseState(enum.IntFlag):
    """Flags of an assigned license. Stored as a number: never renumber."""

    PLAIN = 0
    USED = 1
    """An upgrade completed since the assignment: the user cannot remove the license (rule L4)."""
    NOTICE = 2
    """To be reclaimed later: the subscription was reduced while the device's upgrade ran (rule C4)."""


@dataclass(slots=True)
class Pool:
    """The locked row of an account's license pool. `entries` and `changes` are the last numbers of the ledger.

    Invariants: 0 <= notice <= used and used - notice <= total.
    """

    account_id: int
    total: int
    used: int
    notice: int
    entries: int
    changes: int
    candidates: int
    candidates_updated_ms: int
    subscription_updated_ms: int

    @property
    def row(self) -> tuple[int, ...]:
        """The members in order, as the row of `license_pool`."""
        members: tuple[int, ...] = _POOL_MEMBERS(self)
        return members

    @property
    def free(self) -> int:
        """The number of licenses that can be assigned now; 0 while licenses under notice exceed the total."""
        return max(0, self.total - self.used)


_POOL_MEMBERS = attrgetter(*Pool.__slots__)


@dataclass(slots=True)
class LicenseFacts:
    """What the rules of assign and remove need to know of the named devices of one account."""

    pool: Pool
    devices: set[int] = field(default_factory=set)
    licenses: dict[int, int] = field(default_factory=dict)
    """LicenseState by device, for devices with a license."""
    upgrades: dict[int, int] = field(default_factory=dict)
    """UpgradeStatus by device, for devices with an open upgrade."""


class Outcome(enum.Enum):
    """The result for one device of a request. Each version of the API maps every member to its own text."""

    ASSIGNED = "assigned"
    PREEXISTING = "already has a license"
    NO_FREE_LICENSE = "no license is free"
    DEVICE_NOT_FOUND = "not a device of this account"
    REMOVED = "removed"
    NO_LICENSE = "has no license"
    USED_BY_UPGRADE = "an upgrade completed since the license was assigned"
    UPGRADE_IN_PROGRESS = "an upgrade is in progress"
    UNDER_NOTICE = "is already to be removed later"


@dataclass(frozen=True, slots=True)
class LicenseDecision:
    """The outcome of each device of a request, in its order, and the changes to record."""

    outcomes: list[Outcome]
    entries: list[Entry]
    canceled_upgrades: list[int]


def decide_assign(facts: LicenseFacts, device_ids: Sequence[int]) -> LicenseDecision:
    """Assigns in request order while licenses are free (L1); licensed devices are unchanged (L2)."""
    pool, devices, licenses = facts.pool, facts.devices, facts.licenses
    used, limit = pool.used, pool.used + pool.free
    granted: set[int] = set()
    outcomes: list[Outcome] = []
    entries: list[Entry] = []
    assigned, kind = Outcome.ASSIGNED, EntryKind.ASSIGNED
    for device in device_ids:
        if device in licenses or device in granted:
            outcomes.append(Outcome.PREEXISTING)
        elif device not in devices:
            outcomes.append(Outcome.DEVICE_NOT_FOUND)
        elif used >= limit:
            outcomes.append(Outcome.NO_FREE_LICENSE)
        else:
            used += 1
            granted.add(device)
            entries.append(Entry(device, kind, used))
            outcomes.append(assigned)
    return LicenseDecision(outcomes, entries, [])


def _removal_outcome(facts: LicenseFacts, device: int) -> Outcome:
    if device not in facts.devices:
        return Outcome.DEVICE_NOT_FOUND
    state = facts.licenses.get(device)
    if state is None:
        return Outcome.NO_LICENSE
    if facts.upgrades.get(device) == UpgradeStatus.IN_PROGRESS:
        return Outcome.UPGRADE_IN_PROGRESS
    if state & LicenseState.USED:
        return Outcome.USED_BY_UPGRADE
    if state & LicenseState.NOTICE:
        return Outcome.UNDER_NOTICE
    return Outcome.REMOVED


def decide_remove(facts: LicenseFacts, device_ids: Sequence[int]) -> LicenseDecision:
    """Removes unused licenses (L4, L5, L8) and cancels the scheduled upgrades of these devices (L6)."""
    used = facts.pool.used
    gone: set[int] = set()
    outcomes: list[Outcome] = []
    entries: list[Entry] = []
    canceled: list[int] = []
    for device in device_ids:
        outcome = Outcome.NO_LICENSE if device in gone else _removal_outcome(facts, device)
        if outcome is Outcome.REMOVED:
            used -= 1
            gone.add(device)
            entries.append(Entry(device, EntryKind.REMOVED, used))
            if facts.upgrades.get(device) == UpgradeStatus.SCHEDULED:
                canceled.append(device)
        outcomes.append(outcome)
    return LicenseDecision(outcomes, entries, canceled)


def apply(facts: LicenseFacts, decision: LicenseDecision) -> None:
    """Applies the decision to the facts, for the next request of the batch."""
    for entry in decision.entries:
        if entry.kind.delta > 0:
            facts.licenses[entry.device] = LicenseState.PLAIN
        else:
            del facts.licenses[entry.device]
    for device in decision.canceled_upgrades:
        del facts.upgrades[device]
    if decision.entries:
        facts.pool.used = decision.entries[-1].used_after
