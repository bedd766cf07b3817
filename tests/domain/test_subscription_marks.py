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
    entries=[Entry(7, EntryKind.RECLAIMED_OLDEST, 3), Entry(8, EntryKind.NOTICE_OLDEST, 3)],
    canceled_upgrades=[7],
    notice_until_ms=99,
)
CHANGE = SubscriptionChange(4, PurchaseType.MRC, PurchaseType.MRC, DECISION)


def with_entries(*entries: Entry) -> SubscriptionChange:
    return replace(CHANGE, decision=replace(DECISION, entries=list(entries)))


@pytest.mark.parametrize(
    "other",
    [
        replace(CHANGE, before=5),
        replace(CHANGE, purchase_type=PurchaseType.BOTH),
        replace(CHANGE, before_type=PurchaseType.BOTH),
        replace(CHANGE, decision=replace(DECISION, total=1)),
        replace(CHANGE, decision=replace(DECISION, canceled_upgrades=[])),
        replace(CHANGE, decision=replace(DECISION, notice_until_ms=100)),
        with_entries(*DECISION.entries[::-1]),
        with_entries(DECISION.entries[0]),
        with_entries(DECISION.entries[0], Entry(8, EntryKind.NOTICE_CANDIDATE, 3)),
        with_entries(DECISION.entries[0], Entry(9, EntryKind.NOTICE_OLDEST, 3)),
    ],
)
def test_a_change_that_does_anything_else_has_another_mark(other: SubscriptionChange) -> None:
    assert other.mark != CHANGE.mark


def test_how_many_are_used_and_when_a_notice_that_nobody_gets_would_end_do_not_count() -> None:
    assert with_entries(*(entry._replace(used_after=9) for entry in DECISION.entries)).mark == CHANGE.mark
    quiet = with_entries(DECISION.entries[0])
    assert replace(quiet, decision=replace(quiet.decision, notice_until_ms=1)).mark == quiet.mark


def test_withdrawing_notices_takes_nothing() -> None:
    assert CHANGE.takes
    assert not with_entries(Entry(7, EntryKind.NOTICE_WITHDRAWN, 3)).takes
    assert not with_entries().takes
