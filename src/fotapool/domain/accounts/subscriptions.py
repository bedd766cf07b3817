"""The effect of a subscription change on assigned licenses: which are reclaimed, which are put under notice.

Source: the page on the v2 cancellation candidate list, "Uses and Requirements" (rules C1 to C5).
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import compress, islice
from typing import NamedTuple

from fotapool.domain.billing import notice_end_ms
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import PurchaseType

MAX_LICENSES = 2**31 - 1
"""Maximum number of licenses of a subscription: the vendor's Java SDK reads a 32-bit integer."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A device with a license: LicenseState, and UpgradeStatus of its open upgrade."""

    device: int
    state: int
    upgrade: int | None


class RemovalOrder(NamedTuple):
    """The devices whose licenses a reduction takes first: candidates in list order, then first assigned first.

    Devices under notice are not among them. `upgrades` has the UpgradeStatus of those with an open upgrade.
    """

    candidates: Sequence[int]
    oldest: Sequence[int]
    upgrades: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SubscriptionDecision:
    """The effect of a new total on `affected` devices, in the order decided, and upgrades to cancel.

    `kinds` has the EntryKind of each device as a byte, since a decision may concern a million of them. `used` is the
    number of assigned licenses before the change.
    """

    total: int
    need: int
    used: int
    affected: Sequence[int]
    kinds: bytes
    canceled_upgrades: Sequence[int]
    notice_until_ms: int

    @property
    def entries(self) -> list[Entry]:
        """The ledger entries. They are made anew at each use."""
        used = self.used
        return [
            Entry(device, kind, used := used + kind.delta)
            for device, kind in zip(self.affected, map(_KINDS.__getitem__, self.kinds), strict=True)
        ]

    def devices(self, *kinds: EntryKind) -> list[int]:
        """The devices that are affected in these ways."""
        return list(compress(self.affected, map(frozenset(kinds).__contains__, self.kinds)))

    def count(self, *kinds: EntryKind) -> int:
        """The number of `devices`."""
        return sum(map(self.kinds.count, kinds))

    def first(self, limit: int, *kinds: EntryKind) -> list[tuple[int, int, EntryKind]]:
        """Up to `limit` of the `devices`: position in the order from 1, device, and kind."""
        places = islice(merge(*(_places(self.kinds, kind) for kind in kinds)), limit)
        return [(place + 1, self.affected[place], _KINDS[self.kinds[place]]) for place in places]


_KINDS = {int(kind): kind for kind in EntryKind}


def _places(kinds: bytes, kind: EntryKind) -> Iterator[int]:
    place = -1
    while (place := kinds.find(kind, place + 1)) >= 0:
        yield place


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
        return self.decision.count(EntryKind.NOTICE_WITHDRAWN) < len(self.decision.affected)

    @property
    def mark(self) -> str:
        """A token that changes when the change would affect other devices or affect them differently.

        The count of used licenses is not included, nor the end of notices if none is given.
        """
        decision = self.decision
        until_ms = decision.notice_until_ms if decision.count(*NOTICE_KINDS) else 0
        numbers = [self.before, decision.total, decision.need, until_ms, len(decision.affected)]
        found = hashlib.sha256(f"{self.before_type.value} {self.purchase_type.value} ".encode())
        for part in (numbers, decision.affected, decision.canceled_upgrades):
            found.update(array("q", part).tobytes())
        found.update(decision.kinds)
        return found.hexdigest()[:32]


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


def decide_reduction(pool: Pool, total: int, order: RemovalOrder, now_ms: int) -> SubscriptionDecision:
    """Takes as many licenses as needed, in this order.

    A device with an upgrade in progress keeps its license under notice. Others lose it now, and their scheduled
    upgrades are canceled.
    """
    need = reduction_need(pool, total)
    affected = [*order.candidates[:need], *order.oldest[: max(0, need - len(order.candidates))]]
    listed = min(len(order.candidates), need)
    kinds = bytearray([EntryKind.RECLAIMED_CANDIDATE]) * listed
    kinds += bytearray([EntryKind.RECLAIMED_OLDEST]) * (len(affected) - listed)
    canceled: list[int] = []
    for place, device in enumerate(affected if order.upgrades else ()):
        if device not in order.upgrades:
            continue
        if order.upgrades[device] == UpgradeStatus.IN_PROGRESS:
            kinds[place] = EntryKind.NOTICE_CANDIDATE if place < listed else EntryKind.NOTICE_OLDEST
        elif order.upgrades[device] == UpgradeStatus.SCHEDULED:
            canceled.append(device)
    return SubscriptionDecision(
        total=total,
        need=need,
        used=pool.used,
        affected=affected,
        kinds=bytes(kinds),
        canceled_upgrades=canceled,
        notice_until_ms=notice_end_ms(now_ms),
    )


def decide_raise(pool: Pool, total: int, oldest_notices: Sequence[int]) -> SubscriptionDecision:
    """Withdraws as many notices as the new total allows, oldest first."""
    affected = oldest_notices[: withdrawable(pool, total)]
    return SubscriptionDecision(
        total=total,
        need=0,
        used=pool.used,
        affected=affected,
        kinds=bytes([EntryKind.NOTICE_WITHDRAWN]) * len(affected),
        canceled_upgrades=[],
        notice_until_ms=0,
    )


def decide_notice_ends(pool: Pool, due: Sequence[Holder]) -> tuple[list[Entry], list[int]]:
    """Takes the licenses whose notice has ended. Returns ledger entries, and devices whose upgrades are canceled."""
    entries = [
        Entry(holder.device, EntryKind.NOTICE_ENDED, pool.used - place) for place, holder in enumerate(due, start=1)
    ]
    return entries, [holder.device for holder in due if holder.upgrade == UpgradeStatus.SCHEDULED]
