"""The effect of a subscription change on assigned licenses: which are reclaimed, which are put under notice.

Source: the page on the v2 cancellation candidate list, "Uses and Requirements" (rules C1 to C5).
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fotapool.domain.billing import notice_end_ms
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import LicenseState, Pool
from fotapool.domain.names import PurchaseType

MAX_LICENSES = 2**31 - 1
"""Maximum number of licenses of a subscription: the vendor's Java SDK reads a 32-bit integer."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A device with a license: LicenseState, UpgradeStatus of its open upgrade, and whether it is a candidate."""

    device: int
    state: int
    upgrade: int | None
    candidate: bool


@dataclass(frozen=True, slots=True)
class SubscriptionDecision:
    """The effect of a new total: ledger entries in the order decided, and upgrades to cancel."""

    total: int
    need: int
    entries: list[Entry]
    canceled_upgrades: list[int]
    notice_until_ms: int

    def devices(self, *kinds: EntryKind) -> list[int]:
        return [entry.device for entry in self.entries if entry.kind in kinds]


NOTICE_KINDS = (EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST)
RECLAIM_KINDS = (EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST)


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """A subscription before and after a change, and the effect on licenses."""

    before: int
    before_type: PurchaseType
    purchase_type: PurchaseType
    decision: SubscriptionDecision

    @property
    def takes(self) -> bool:
        """Whether any device loses its license, now or when its notice ends."""
        return any(entry.kind is not EntryKind.NOTICE_WITHDRAWN for entry in self.decision.entries)

    @property
    def mark(self) -> str:
        """A token that changes when the change would affect other devices or affect them differently.

        The count of used licenses is not included, nor the end of notices if none is given.
        """
        decision = self.decision
        notice = any(entry.kind in NOTICE_KINDS for entry in decision.entries)
        numbers = array("q", [self.before, decision.total, decision.need, decision.notice_until_ms if notice else 0])
        for device, kind, _ in decision.entries:
            numbers.append(device)
            numbers.append(kind)
        numbers.extend(decision.canceled_upgrades)
        types = f"{self.before_type.value} {self.purchase_type.value} ".encode()
        return hashlib.sha256(types + numbers.tobytes()).hexdigest()[:32]


def check_total(purchase_type: PurchaseType, total: int) -> None:
    """Raises Invalid: a total is 0 to MAX_LICENSES, and 0 for an account that has only event billing (B3)."""
    if not 0 <= total <= MAX_LICENSES:
        raise Invalid(f"licenseCount must be from 0 to {MAX_LICENSES}")
    if total and not purchase_type.has_monthly_licenses:
        raise Invalid("an account with only TS-HFOTA-EVNT has no monthly licenses: licenseCount must be 0")


def reduction_need(pool: Pool, total: int) -> int:
    """The number of licenses to take, now or after notice, besides those already under notice."""
    return max(0, pool.used - pool.notice - total)


def withdrawable(pool: Pool, total: int) -> int:
    """The number of notices that a new total allows to withdraw."""
    return max(0, min(pool.notice, total - (pool.used - pool.notice)))


def decide_reduction(pool: Pool, total: int, holders: Iterable[Holder], now_ms: int) -> SubscriptionDecision:
    """Takes as many licenses as needed, in the order of the holders: candidates first, then first assigned first.

    A device with an upgrade in progress keeps its license under notice. Others lose it now, and their scheduled
    upgrades are canceled. Devices already under notice are skipped.
    """
    need = reduction_need(pool, total)
    used = pool.used
    entries: list[Entry] = []
    canceled: list[int] = []
    for holder in holders:
        if len(entries) == need:
            break
        if holder.state & LicenseState.NOTICE:
            continue
        if holder.upgrade == UpgradeStatus.IN_PROGRESS:
            kind = EntryKind.NOTICE_CANDIDATE if holder.candidate else EntryKind.NOTICE_OLDEST
        else:
            kind = EntryKind.RECLAIMED_CANDIDATE if holder.candidate else EntryKind.RECLAIMED_OLDEST
            used -= 1
            if holder.upgrade == UpgradeStatus.SCHEDULED:
                canceled.append(holder.device)
        entries.append(Entry(holder.device, kind, used))
    return SubscriptionDecision(
        total=total, need=need, entries=entries, canceled_upgrades=canceled, notice_until_ms=notice_end_ms(now_ms)
    )


def decide_raise(pool: Pool, total: int, oldest_notices: Iterable[int]) -> SubscriptionDecision:
    """Withdraws as many notices as the new total allows, oldest first."""
    room = withdrawable(pool, total)
    entries = [
        Entry(device, EntryKind.NOTICE_WITHDRAWN, pool.used)
        for device, _ in zip(oldest_notices, range(room), strict=False)
    ]
    return SubscriptionDecision(total=total, need=0, entries=entries, canceled_upgrades=[], notice_until_ms=0)


def decide_notice_ends(pool: Pool, due: Sequence[Holder]) -> tuple[list[Entry], list[int]]:
    """Takes the licenses whose notice has ended. Returns ledger entries, and devices whose upgrades are canceled."""
    entries = [
        Entry(holder.device, EntryKind.NOTICE_ENDED, pool.used - place) for place, holder in enumerate(due, start=1)
    ]
    return entries, [holder.device for holder in due if holder.upgrade == UpgradeStatus.SCHEDULED]
