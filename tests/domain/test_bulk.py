"""Lists to assign or remove by: how they are read, and what is counted."""

from __future__ import annotations

import pytest

from fotapool.domain.licenses import bulk_jobs
from fotapool.domain.licenses.bulk_jobs import BulkCheck, BulkVerb, LeftOut, TooManyDevices, read_device_lines
from fotapool.domain.licenses.licenses import LicenseFacts, Outcome, Pool, apply


def test_a_list_is_one_imei_a_line_or_several_and_keeps_its_order() -> None:
    found = read_device_lines("\ufeff000000000000002\n\n 000000000000001 , 000000000000003;000000000000004\r\n")
    assert found.devices == [2, 1, 3, 4]
    assert found.left_out == []


@pytest.mark.parametrize(
    "text",
    [
        "deviceId\n000000000000001\n000000000000002",
        'name,"IMEI",more\nx,000000000000001,y\n"a, b","000000000000002",y\n',
        "Device ID;x\n'000000000000001;1\n000000000000002;1\n",
        "x\tdevice_id\n1\t000000000000001\n2\t000000000000002\n",
    ],
)
def test_a_csv_s_header_says_where_the_imeis_are(text: str) -> None:
    assert read_device_lines(text).devices == [1, 2]
    assert read_device_lines(text).left_out == []


def test_lines_that_hold_no_imei_and_devices_that_stand_there_twice_are_left_out_with_their_number() -> None:
    found = read_device_lines("000000000000001\nabc\n00000000000001\n000000000000001\n000000000000002")
    assert found.devices == [1, 2]
    assert found.left_out == [
        LeftOut(2, "'abc' is not an IMEI of 15 digits"),
        LeftOut(3, "'00000000000001' is not an IMEI of 15 digits"),
        LeftOut(4, "000000000000001 is already in line 1"),
    ]


def test_of_many_lines_that_were_left_out_the_first_are_kept_and_the_others_counted() -> None:
    found = read_device_lines("x\n" * (bulk_jobs.MAX_LEFT_OUT + 5))
    assert len(found.left_out) == bulk_jobs.MAX_LEFT_OUT + 1
    assert found.left_out[-1] == LeftOut(0, "and 5 further lines or values")


def test_a_row_of_a_csv_that_is_too_short_is_left_out_as_it_stands() -> None:
    found = read_device_lines("name,imei\njust-a-name\nx,000000000000001")
    assert found.devices == [1]
    assert found.left_out == [LeftOut(2, "'just-a-name' is not an IMEI of 15 digits")]


def test_a_list_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "MAX_BULK_DEVICES", 3)
    assert len(read_device_lines("\n".join(f"{n:015d}" for n in range(3))).devices) == 3
    with pytest.raises(TooManyDevices):
        read_device_lines("\n".join(f"{n:015d}" for n in range(4)))


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
