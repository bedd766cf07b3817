"""Lists to assign or remove by: what was skipped, and what is counted."""

from __future__ import annotations

import pytest

from fotapool.domain.devices import device_lists, failed_lines
from fotapool.domain.devices.device_lists import read_device_list
from fotapool.domain.licenses import bulk_jobs
from fotapool.domain.licenses.bulk_jobs import BulkCheck, BulkVerb, LeftOut, left_out_of
from fotapool.domain.licenses.licenses import LicenseFacts, Outcome, Pool, apply


def test_skipped_lines_are_in_order_with_repeated_devices_and_a_count_of_further_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failed_lines, "MAX_FAILED_LINES", 2)
    monkeypatch.setattr(device_lists, "MAX_REPEATED", 1)
    one = "000000000000001"
    found = read_device_list([f"{one}\nabc\n{one}\n{one}\nx\ny".encode()], 10)
    assert left_out_of(found) == [
        LeftOut(2, "'abc' is not an IMEI of 15 digits", "abc", {"deviceId": "abc"}),
        LeftOut(3, f"{one} is already in line 1"),
        LeftOut(5, "'x' is not an IMEI of 15 digits", "x", {"deviceId": "x"}),
        LeftOut(0, "and 2 further lines or values"),
    ]


def test_a_check_counts_each_outcome_and_names_the_first_devices() -> None:
    facts = LicenseFacts(
        Pool(
            account_id=1,
            total=150,
            used=0,
            notice=0,
            entries=0,
            changes=0,
            candidates=0,
            candidates_updated_ms=0,
            subscription_updated_ms=0,
        ),
        devices=set(range(1, 200)),
        licenses={199: 0},
    )
    facts.pool.used = 1
    check = BulkCheck(BulkVerb.ASSIGN, check_digit_is_valid=lambda device: device % 2 == 0)
    for some in (list(range(1, 100)), list(range(100, 205))):
        decision = BulkVerb.ASSIGN.decide(facts, some)
        check.add(some, decision.outcomes)
        apply(facts, decision)
    assert check.counts == {
        Outcome.ASSIGNED: 149,
        Outcome.NO_FREE_LICENSE: 49,
        Outcome.PREEXISTING: 1,
        Outcome.DEVICE_NOT_FOUND: 5,
    }
    assert check.done == 149
    assert check.first[Outcome.ASSIGNED] == list(range(1, bulk_jobs.MAX_SHOWN + 1))
    assert check.first[Outcome.DEVICE_NOT_FOUND] == [200, 201, 202, 203, 204]
    assert check.wrong_digits == 102
    assert check.first_wrong == list(range(1, 2 * bulk_jobs.MAX_SHOWN, 2))
