"""Assign and remove: their rules by example, and what is true of every request on every pool."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import (
    LicenseDecision,
    LicenseFacts,
    LicenseState,
    Outcome,
    Pool,
    apply,
    decide_assign,
    decide_remove,
)

PLAIN, USED, NOTICE = LicenseState.PLAIN, LicenseState.USED, LicenseState.NOTICE
SCHEDULED, IN_PROGRESS = UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS
DEVICES = range(12)
"""The devices of the requests; some of them are not in the account."""


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
def facts(draw: st.DrawFn) -> LicenseFacts:
    """Any pool that keeps its invariant, with licenses outside of the request too."""
    devices = draw(st.sets(st.sampled_from(DEVICES)))
    of_devices = st.sampled_from(sorted(devices)) if devices else st.nothing()
    licenses = draw(st.dictionaries(of_devices, st.integers(0, 3).map(int)))
    upgrades = draw(st.dictionaries(of_devices, st.sampled_from([int(SCHEDULED), int(IN_PROGRESS)])))
    notice = sum(1 for state in licenses.values() if state & NOTICE)
    used = len(licenses) + draw(st.integers(0, 3))
    return LicenseFacts(pool(used - notice + draw(st.integers(0, 5)), used, notice), devices, licenses, upgrades)


requests = st.lists(st.sampled_from(DEVICES), max_size=20)


@pytest.mark.parametrize(
    ("total", "used", "notice", "free"), [(5, 0, 0, 5), (5, 5, 0, 0), (5, 7, 2, 0), (5, 7, 7, 0), (0, 0, 0, 0)]
)
def test_free_is_what_is_left_of_the_total_and_never_negative(total: int, used: int, notice: int, free: int) -> None:
    assert pool(total, used, notice).free == free


@pytest.mark.parametrize(
    ("state", "upgrade", "outcome"),
    [
        (PLAIN, None, Outcome.REMOVED),
        (PLAIN, SCHEDULED, Outcome.REMOVED),
        (PLAIN, IN_PROGRESS, Outcome.UPGRADE_IN_PROGRESS),
        (USED, None, Outcome.USED_BY_UPGRADE),
        (USED, SCHEDULED, Outcome.USED_BY_UPGRADE),
        (USED, IN_PROGRESS, Outcome.UPGRADE_IN_PROGRESS),
        (NOTICE, None, Outcome.UNDER_NOTICE),
        (NOTICE, IN_PROGRESS, Outcome.UPGRADE_IN_PROGRESS),
        (NOTICE | USED, None, Outcome.USED_BY_UPGRADE),
        (None, IN_PROGRESS, Outcome.NO_LICENSE),
    ],
)
def test_only_an_unused_license_can_be_removed(
    state: LicenseState | None, upgrade: UpgradeStatus | None, outcome: Outcome
) -> None:
    of_device = LicenseFacts(
        pool(9, 9, 9), {1}, {} if state is None else {1: state}, {} if upgrade is None else {1: upgrade}
    )
    decision = decide_remove(of_device, [1])
    assert decision.outcomes == [outcome]
    assert decision.canceled_upgrades == ([1] if outcome is Outcome.REMOVED and upgrade is SCHEDULED else [])


def test_the_first_of_the_request_get_the_licenses_that_are_free() -> None:
    decision = decide_assign(LicenseFacts(pool(3, 1), {1, 2, 3, 4}, {4: PLAIN}), [3, 9, 3, 1, 2, 4, 1])
    words = [outcome.name for outcome in decision.outcomes]
    assert words == [
        "ASSIGNED",
        "DEVICE_NOT_FOUND",
        "PREEXISTING",
        "ASSIGNED",
        "NO_FREE_LICENSE",
        "PREEXISTING",
        "PREEXISTING",
    ]
    assert decision.entries == [(3, EntryKind.ASSIGNED, 2), (1, EntryKind.ASSIGNED, 3)]


def recorded(before: LicenseFacts, decision: LicenseDecision) -> LicenseFacts:
    after = copy.deepcopy(before)
    apply(after, decision)
    return after


def plain(of_facts: LicenseFacts) -> Any:
    return of_facts.pool.used, of_facts.devices, of_facts.licenses, of_facts.upgrades


@given(facts(), requests)
def test_assign_never_exceeds_the_total_and_counts_what_it_grants(before: LicenseFacts, request: list[int]) -> None:
    decision = decide_assign(before, request)
    granted = [entry.device for entry in decision.entries]
    assert len(decision.outcomes) == len(request)
    assert granted == [d for d, o in zip(request, decision.outcomes, strict=True) if o is Outcome.ASSIGNED]
    assert len(set(granted)) == len(granted) <= before.pool.free
    assert not set(granted) & set(before.licenses)
    assert set(granted) <= before.devices
    assert [entry.used_after for entry in decision.entries] == [
        before.pool.used + place for place in range(1, len(granted) + 1)
    ]
    if Outcome.NO_FREE_LICENSE in decision.outcomes:
        assert len(granted) == before.pool.free


@given(facts(), requests)
def test_remove_takes_only_licenses_that_are_there_and_unused(before: LicenseFacts, request: list[int]) -> None:
    decision = decide_remove(before, request)
    taken = [entry.device for entry in decision.entries]
    assert taken == [d for d, o in zip(request, decision.outcomes, strict=True) if o is Outcome.REMOVED]
    assert len(set(taken)) == len(taken)
    for device in taken:
        assert before.licenses[device] == PLAIN
        assert before.upgrades.get(device) != IN_PROGRESS
    assert set(decision.canceled_upgrades) == {d for d in taken if before.upgrades.get(d) == SCHEDULED}
    assert recorded(before, decision).pool.used == before.pool.used - len(taken)


@given(facts(), requests, st.sampled_from([decide_assign, decide_remove]))
def test_a_decision_is_a_function_of_its_facts_and_leaves_them_alone(
    before: LicenseFacts, request: list[int], decide: Any
) -> None:
    copied = copy.deepcopy(before)
    assert decide(before, request) == decide(copied, request)
    assert plain(before) == plain(copied)


@given(facts(), requests, requests, st.sampled_from([decide_assign, decide_remove]))
def test_one_request_decides_as_two_halves_after_each_other_do(
    before: LicenseFacts, first: list[int], second: list[int], decide: Any
) -> None:
    whole = decide(before, first + second)
    half = decide(before, first)
    between = recorded(before, half)
    other = decide(between, second)
    assert whole.outcomes == half.outcomes + other.outcomes
    assert whole.entries == half.entries + other.entries
    assert plain(recorded(before, whole)) == plain(recorded(between, other))


@given(facts(), requests)
def test_what_was_assigned_can_be_removed_again_unless_an_upgrade_runs(
    before: LicenseFacts, request: list[int]
) -> None:
    assigned = decide_assign(before, request)
    devices = [entry.device for entry in assigned.entries if before.upgrades.get(entry.device) != IN_PROGRESS]
    between = recorded(before, assigned)
    removed = decide_remove(between, devices)
    assert set(removed.outcomes) <= {Outcome.REMOVED}
    assert recorded(between, removed).pool.used == before.pool.used + len(assigned.entries) - len(devices)


@given(facts(), requests)
def test_assigning_twice_changes_nothing_the_second_time(before: LicenseFacts, request: list[int]) -> None:
    after = recorded(before, decide_assign(before, request))
    assert decide_assign(after, request).entries == []
