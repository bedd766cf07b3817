"""The mark by which a change of the subscription is the preview that was confirmed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fotapool.domain.accounts.subscriptions import SubscriptionChange, SubscriptionDecision
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.names import PurchaseType

DECISION = SubscriptionDecision(
    total=2,
    need=2,
    used=4,
    affected=[7, 8],
    kinds=bytes([EntryKind.RECLAIMED_OLDEST, EntryKind.NOTICE_OLDEST]),
    canceled_upgrades=[7],
    notice_until_ms=99,
)
CHANGE = SubscriptionChange(4, PurchaseType.MRC, PurchaseType.MRC, DECISION)


def with_devices(*affected: tuple[int, EntryKind]) -> SubscriptionChange:
    kinds = bytes(kind for _, kind in affected)
    return replace(CHANGE, decision=replace(DECISION, affected=[device for device, _ in affected], kinds=kinds))


RECLAIMED, NOTICED = (7, EntryKind.RECLAIMED_OLDEST), (8, EntryKind.NOTICE_OLDEST)


@pytest.mark.parametrize(
    "other",
    [
        replace(CHANGE, before=5),
        replace(CHANGE, purchase_type=PurchaseType.BOTH),
        replace(CHANGE, before_type=PurchaseType.BOTH),
        replace(CHANGE, decision=replace(DECISION, total=1)),
        replace(CHANGE, decision=replace(DECISION, canceled_upgrades=[])),
        replace(CHANGE, decision=replace(DECISION, notice_until_ms=100)),
        with_devices(NOTICED, RECLAIMED),
        with_devices(RECLAIMED),
        with_devices(RECLAIMED, (8, EntryKind.NOTICE_CANDIDATE)),
        with_devices(RECLAIMED, (9, EntryKind.NOTICE_OLDEST)),
        replace(with_devices(RECLAIMED, RECLAIMED), decision=replace(DECISION, canceled_upgrades=[7, 7])),
    ],
)
def test_a_change_that_does_anything_else_has_another_mark(other: SubscriptionChange) -> None:
    assert other.mark != CHANGE.mark


def test_how_many_are_used_and_when_a_notice_that_nobody_gets_would_end_do_not_count() -> None:
    assert replace(CHANGE, decision=replace(DECISION, used=9)).mark == CHANGE.mark
    quiet = with_devices(RECLAIMED)
    assert replace(quiet, decision=replace(quiet.decision, notice_until_ms=1)).mark == quiet.mark


def test_withdrawing_notices_takes_nothing() -> None:
    assert CHANGE.takes
    assert not with_devices((7, EntryKind.NOTICE_WITHDRAWN)).takes
    assert not with_devices().takes


def test_a_decision_lists_its_entries_and_the_first_devices_of_each_kind() -> None:
    assert DECISION.entries == [Entry(*RECLAIMED, 3), Entry(*NOTICED, 3)]
    assert DECISION.devices(EntryKind.NOTICE_OLDEST) == [8]
    assert DECISION.first(5, EntryKind.NOTICE_OLDEST, EntryKind.RECLAIMED_OLDEST) == [(1, *RECLAIMED), (2, *NOTICED)]
    assert DECISION.first(1, EntryKind.NOTICE_OLDEST) == [(2, *NOTICED)]
    assert DECISION.count(EntryKind.NOTICE_OLDEST, EntryKind.NOTICE_WITHDRAWN) == 1
