"""Rules of devices and packages: words for protocols, eligibility, reachability, logging, the pilot rule."""

from __future__ import annotations

import pytest

from fotapool.domain.devices.devices import (
    LOGGING_MS,
    MAX_LOGGING_DEVICES,
    REACHABLE_WITHIN_MS,
    Reachability,
    check_logging,
    is_eligible,
    last_connection_ms,
    parse_protocol,
    reachability,
)
from fotapool.domain.errors import ErrorCode, Invalid, RequestRejected
from fotapool.domain.packages import NewPackage, check_package, pilot_has_passed

DAY_MS = REACHABLE_WITHIN_MS


@pytest.mark.parametrize(
    ("word", "protocol"),
    [
        ("LWM2M", "LWM2M"),
        ("lwm2m", "LWM2M"),
        ("HTTP", "HTTP"),
        ("none", "NONE"),
        ("OMADM", "OMADM"),
        ("OMA", "OMADM"),
        ("oma-dm", "OMADM"),
        ("OMD-DM", "OMADM"),
        ("OMDADM", "OMADM"),
        ("COAP", None),
        ("", None),
        (" HTTP", None),
    ],
)
def test_every_word_of_pages_and_sdks_for_a_protocol_is_understood(word: str, protocol: str | None) -> None:
    assert parse_protocol(word) == protocol


def test_devices_without_a_protocol_or_not_active_are_not_eligible() -> None:
    assert is_eligible("LWM2M", "Active")
    assert not is_eligible("NONE", "Active")
    assert not is_eligible("HTTP", "Suspended")


@pytest.mark.parametrize(
    ("licensed_ms", "seen_ms", "expected"),
    [
        (None, None, Reachability.UNKNOWN),
        (None, 10 * DAY_MS, Reachability.UNKNOWN),  # heard of, and not monitored
        (9 * DAY_MS, 10 * DAY_MS, Reachability.REACHABLE),
        (9 * DAY_MS, 9 * DAY_MS, Reachability.REACHABLE),  # just as long ago as it may be
        (8 * DAY_MS, 9 * DAY_MS - 1, Reachability.UNREACHABLE),
        (8 * DAY_MS, None, Reachability.UNREACHABLE),
        (9 * DAY_MS, None, Reachability.UNKNOWN),  # not monitored for long enough
        (10 * DAY_MS, 10 * DAY_MS - 1, Reachability.UNKNOWN),  # heard of before the license
        (0, 10 * DAY_MS, Reachability.REACHABLE),  # licensed, nobody knows since when
    ],
)
def test_reachability_is_what_was_heard_of_a_device_since_its_license(
    licensed_ms: int | None, seen_ms: int | None, expected: Reachability
) -> None:
    assert reachability(licensed_ms, seen_ms, 10 * DAY_MS) is expected


def test_only_a_contact_under_the_license_counts_as_a_connection() -> None:
    assert last_connection_ms(5, 5) == 5
    assert [last_connection_ms(*facts) for facts in ((None, 5), (5, None), (6, 5))] == [None] * 3


def test_logging_goes_on_for_twenty_devices_of_the_account_and_no_more() -> None:
    twenty = list(range(MAX_LOGGING_DEVICES))
    check_logging(set(), set(twenty), twenty)
    check_logging(set(twenty), set(twenty), twenty)  # extended
    with pytest.raises(RequestRejected) as rejected:
        check_logging(set(twenty), {20}, [20])
    assert rejected.value.code is ErrorCode.LOGGING_LIMIT
    with pytest.raises(RequestRejected) as rejected:
        check_logging(set(), {1}, [1, 2])
    assert (rejected.value.code, rejected.value.offenders) == (ErrorCode.DEVICE_UNKNOWN, ("000000000000002",))
    assert LOGGING_MS == 7 * DAY_MS


@pytest.mark.parametrize(
    ("by_operator", "succeeded", "failed", "pilot_passed"),
    [
        (False, 0, 0, False),
        (True, 0, 9, True),
        (False, 4, 0, False),
        (False, 5, 0, True),
        (False, 3, 2, True),
        (False, 2, 3, False),
        (False, 3, 3, True),
        (False, 50, 51, False),
    ],
)
def test_a_package_is_proven_by_half_of_at_least_five_devices_or_by_the_operator(
    by_operator: bool, succeeded: int, failed: int, pilot_passed: bool
) -> None:
    assert pilot_has_passed(by_operator, succeeded, failed) is pilot_passed


GOOD = {
    "name": "F",
    "make": "Verizon",
    "model": "Model-A",
    "from_version": "1",
    "to_version": "2",
    "protocol": "LWM2M",
    "release_note": "Line 1\nline 2",
}


@pytest.mark.parametrize(
    ("member", "value", "says"),
    [
        ("name", "", "firmwareName must be 1 to 200"),
        ("name", "a/b", "slash"),
        ("name", "..", "slash"),
        ("make", "x" * 201, "make must be"),
        ("model", "a\x00", "model must be"),
        ("from_version", "", "fromVersion"),
        ("to_version", "1", "must differ"),
        ("protocol", "NONE", "protocol must be LWM2M, OMADM or HTTP"),
        ("protocol", "OMA", "protocol must be"),
        ("release_note", "x" * 4001, "releaseNote"),
        ("release_note", "\x07", "releaseNote"),
    ],
)
def test_a_package_that_makes_no_sense_is_refused_with_the_member(member: str, value: str, says: str) -> None:
    check_package(NewPackage(launched_ms=0, **GOOD))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=says):
        check_package(NewPackage(launched_ms=0, **{**GOOD, member: value}))  # type: ignore[arg-type]
