"""Who gets a license and who may give it back: the rules of assign and remove over one account's pool."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.ledger import Entry, EntryKind

UNKNOWN_TIME_MS = 0
"""Assignment time of a license whose time is not known; such licenses are the oldest of the pool."""


class LicenseState(enum.IntFlag):
    """What is known of an assigned license besides its time."""

    PLAIN = 0
    USED = 1
    """An upgrade has completed since the license was assigned: it can't be removed by the user (rule L4)."""
    NOTICE = 2
    """To be taken later: the subscription shrank while the device's upgrade ran (rule C4)."""


@dataclass(slots=True)
class Pool:
    """The locked row of an account's license pool. `entries` and `changes` number the ledger.

    Always true: 0 <= notice <= used and used - notice <= total.
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
        """The members in their order."""
        return (
            self.account_id,
            self.total,
            self.used,
            self.notice,
            self.entries,
            self.changes,
            self.candidates,
            self.candidates_updated_ms,
            self.subscription_updated_ms,
        )

    @property
    def free(self) -> int:
        """Licenses that can be assigned now; none while licenses under notice exceed the total."""
        return max(0, self.total - self.used)


@dataclass(slots=True)
class LicenseFacts:
    """What assign and remove must know of the devices they name, in one account."""

    pool: Pool
    devices: set[int] = field(default_factory=set)
    licenses: dict[int, int] = field(default_factory=dict)
    """Device to LicenseState, for the devices that hold a license."""
    upgrades: dict[int, int] = field(default_factory=dict)
    """Device to UpgradeStatus, for the devices with an open upgrade."""


class Outcome(enum.Enum):
    """What became of one device of a request. Each dialect has its words for every member."""

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
    """The outcome of each entry of a request, in its order, and what is to be recorded."""

    outcomes: list[Outcome]
    entries: list[Entry]
    canceled_upgrades: list[int]


def decide_assign(facts: LicenseFacts, device_ids: Sequence[int]) -> LicenseDecision:
    """Assigns in request order while licenses are free (L1); a licensed device stays as it is (L2)."""
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
    """Removes unused licenses (L4, L5, L8) and cancels the removed devices' scheduled upgrades (L6)."""
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
    """Changes the facts as recording the decision will change the rows, for the next request of the batch."""
    for entry in decision.entries:
        if entry.kind.delta > 0:
            facts.licenses[entry.device] = LicenseState.PLAIN
        else:
            del facts.licenses[entry.device]
    for device in decision.canceled_upgrades:
        del facts.upgrades[device]
    if decision.entries:
        facts.pool.used = decision.entries[-1].used_after
