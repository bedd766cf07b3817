"""Reductions, raises and notices: rules C1 to C5 and our choices about them, for every pool."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fotapool.domain.accounts.subscriptions import (
    MAX_LICENSES,
    Holder,
    RemovalOrder,
    SubscriptionDecision,
    check_total,
    decide_notice_ends,
    decide_raise,
    decide_reduction,
    reduction_need,
    withdrawable,
)
from fotapool.domain.billing import next_billing_month_ms, notice_end_ms
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import LicenseState, Pool
from fotapool.domain.names import PurchaseType

NOW_MS = 1_773_144_000_000
TAKEN = (EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST)
NOTICED = (EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST)


class Licensed(NamedTuple):
    """A device with a license: LicenseState, UpgradeStatus of its open upgrade, whether it is a candidate."""

    device: int
    state: int
    upgrade: int | None
    candidate: bool


def reduce(before: Pool, total: int, holders: list[Licensed]) -> SubscriptionDecision:
    """The reduction, by what the store reads of these holders."""
    firm = [holder for holder in holders if not holder.state & LicenseState.NOTICE]
    order = RemovalOrder(
        candidates=[holder.device for holder in firm if holder.candidate],
        oldest=[holder.device for holder in firm if not holder.candidate],
        upgrades={holder.device: holder.upgrade for holder in holders if holder.upgrade is not None},
    )
    return decide_reduction(before, total, order, NOW_MS)


def pool(total: int, used: int, notice: int = 0) -> Pool:
    return Pool(
        account_id=1,
        total=total,
        used=used,
        notice=notice,
        entries=0,
        changes=0,
        candidates=0,
        candidates_updated_ms=0,
        subscription_updated_ms=0,
    )


@st.composite
def pools_with_holders(draw: st.DrawFn) -> tuple[Pool, list[Licensed]]:
    """A pool, and all who hold its licenses: candidates first."""
    states = st.sampled_from([0, 1, int(LicenseState.NOTICE), int(LicenseState.NOTICE | LicenseState.USED)])
    upgrades = st.sampled_from([None, int(UpgradeStatus.SCHEDULED), int(UpgradeStatus.IN_PROGRESS)])
    facts = draw(st.lists(st.tuples(states, upgrades, st.booleans()), max_size=12))
    facts.sort(key=lambda fact: not fact[2])
    holders = [Licensed(device, *fact) for device, fact in enumerate(facts)]
    notice = sum(1 for holder in holders if holder.state & LicenseState.NOTICE)
    return pool(len(holders) - notice + draw(st.integers(0, 4)), len(holders), notice), holders


totals = st.integers(0, 16)


@given(pools_with_holders(), totals)
def test_a_reduction_takes_or_notes_exactly_what_is_needed(found: tuple[Pool, list[Licensed]], total: int) -> None:
    before, holders = found
    decision = reduce(before, total, holders)
    taken, noticed = decision.devices(*TAKEN), decision.devices(*NOTICED)
    assert decision.need == len(decision.entries) == len(set(taken + noticed))
    used, notice = before.used - len(taken), before.notice + len(noticed)
    assert used - notice == min(before.used - before.notice, total)  # invariant 1, and no license too many goes
    if decision.entries:
        assert decision.entries[-1].used_after == used
        assert used - notice == total


@given(pools_with_holders(), totals)
def test_a_reduction_visits_holders_in_order_and_none_that_is_under_notice(
    found: tuple[Pool, list[Licensed]], total: int
) -> None:
    before, holders = found
    decision = reduce(before, total, holders)
    visited = [entry.device for entry in decision.entries]
    assert visited == [h.device for h in holders if not h.state & LicenseState.NOTICE][: decision.need]
    of_device = {holder.device: holder for holder in holders}
    for entry in decision.entries:
        holder = of_device[entry.device]
        assert (entry.kind in NOTICED) == (holder.upgrade == UpgradeStatus.IN_PROGRESS)
        by_list = (EntryKind.RECLAIMED_CANDIDATE, EntryKind.NOTICE_CANDIDATE)
        assert (entry.kind in by_list) == holder.candidate
    scheduled = [d for d in decision.devices(*TAKEN) if of_device[d].upgrade == UpgradeStatus.SCHEDULED]
    assert decision.canceled_upgrades == scheduled


@given(pools_with_holders(), totals, totals)
def test_reducing_in_two_steps_takes_the_same_licenses_in_the_same_order(
    found: tuple[Pool, list[Licensed]], one: int, other: int
) -> None:
    before, holders = found
    low, high = sorted((one, other))
    whole = reduce(before, low, holders)
    first = reduce(before, high, holders)
    gone, noticed = set(first.devices(*TAKEN)), set(first.devices(*NOTICED))
    left = [
        Licensed(h.device, h.state | (LicenseState.NOTICE if h.device in noticed else 0), h.upgrade, h.candidate)
        for h in holders
        if h.device not in gone
    ]
    between = pool(high, before.used - len(gone), before.notice + len(noticed))
    second = reduce(between, low, left)
    assert whole.entries == first.entries + second.entries


@given(pools_with_holders(), totals)
def test_a_raise_withdraws_as_many_notices_as_there_is_room_for_oldest_first(
    found: tuple[Pool, list[Licensed]], total: int
) -> None:
    before, holders = found
    notices = [holder.device for holder in holders if holder.state & LicenseState.NOTICE]
    decision = decide_raise(before, total, notices)
    withdrawn = decision.devices(EntryKind.NOTICE_WITHDRAWN)
    assert withdrawn == notices[: len(withdrawn)]
    assert len(withdrawn) == withdrawable(before, total)
    firm = before.used - before.notice + len(withdrawn)
    assert firm <= max(total, before.used - before.notice)
    assert len(withdrawn) == before.notice or firm >= total
    assert all(entry.used_after == before.used for entry in decision.entries)


@given(pools_with_holders(), totals)
def test_a_total_either_needs_licenses_or_leaves_room_never_both(
    found: tuple[Pool, list[Licensed]], total: int
) -> None:
    before, _ = found
    assert not (reduction_need(before, total) and withdrawable(before, total))


def test_licenses_whose_notice_has_ended_go_in_the_order_given_and_their_scheduled_upgrades_with_them() -> None:
    due = [Holder(30, 2, None), Holder(10, 2, UpgradeStatus.SCHEDULED), Holder(20, 3, None)]
    entries, canceled = decide_notice_ends(pool(0, 5, 3), due)
    ended = EntryKind.NOTICE_ENDED
    assert entries == [(30, ended, 4), (10, ended, 3), (20, ended, 2)]
    assert canceled == [10]


@pytest.mark.parametrize(
    ("bought", "total", "good"),
    [
        (PurchaseType.MRC, 0, True),
        (PurchaseType.MRC, MAX_LICENSES, True),
        (PurchaseType.MRC, -1, False),
        (PurchaseType.MRC, MAX_LICENSES + 1, False),
        (PurchaseType.BOTH, 7, True),
        (PurchaseType.EVENT, 0, True),
        (PurchaseType.EVENT, 1, False),
    ],
)
def test_a_total_fits_what_was_bought(bought: PurchaseType, total: int, good: bool) -> None:
    if good:
        check_total(bought, total)
    else:
        with pytest.raises(Invalid, match="licenseCount must be"):
            check_total(bought, total)


# Billing months

MONTHS = [
    ("2026-01-01T00:00:00.000", "2026-02-01", "2026-03-01"),
    ("2026-01-31T23:59:59.999", "2026-02-01", "2026-03-01"),
    ("2026-11-30T12:00:00.000", "2026-12-01", "2027-01-01"),
    ("2026-12-31T23:59:59.999", "2027-01-01", "2027-02-01"),
    ("2028-02-29T00:00:00.001", "2028-03-01", "2028-04-01"),
]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(("now", "following", "after_next"), MONTHS)
def test_a_billing_month_is_a_calendar_month_in_utc(now: str, following: str, after_next: str) -> None:
    assert next_billing_month_ms(ms(now)) == ms(following)
    assert notice_end_ms(ms(now)) == ms(after_next)


@given(st.integers(0, 4_102_444_800_000))
def test_a_notice_ends_one_whole_billing_month_after_the_one_it_fell_in(now_ms: int) -> None:
    following = next_billing_month_ms(now_ms)
    assert now_ms < following <= now_ms + 31 * 86_400_000
    assert notice_end_ms(now_ms) == next_billing_month_ms(following)
