"""Names, cursors, candidate lists, lifetimes and states: the small rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fotapool.domain.campaigns.upgrades import OPEN, STATUS_OF_WORD, UpgradeStatus, check_transition
from fotapool.domain.errors import Conflict, ErrorCode, RequestRejected
from fotapool.domain.identity import bearer_is_valid, is_locked, session_is_valid
from fotapool.domain.licenses.candidates import MAX_CANDIDATES, decide_candidates, is_append
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import (
    MAX_IMEI,
    MAX_OFFENDERS,
    PurchaseType,
    format_device_id,
    is_account_name,
    is_device_id,
    parse_device_ids,
)
from fotapool.domain.paging import check_record_number, parse_device_cursor, parse_record_number

imeis = st.integers(0, MAX_IMEI)
DIGITS_OF_OTHER_SCRIPTS = "\u0661\u0967\u00b2\uff11\u2460"


def refusal(call: object, *arguments: object) -> RequestRejected:
    with pytest.raises(RequestRejected) as rejected:
        call(*arguments)  # type: ignore[operator]
    return rejected.value


# Device ids and account names


@given(imeis)
def test_a_device_id_survives_the_way_to_a_number_and_back(imei: int) -> None:
    text = format_device_id(imei)
    assert is_device_id(text)
    assert parse_device_ids([text]) == [imei]
    assert parse_device_cursor(text) == parse_device_cursor(str(imei)) == imei


texts = st.text(st.sampled_from("0123456789 -+_.eA\n\x00" + DIGITS_OF_OTHER_SCRIPTS), min_size=13, max_size=17)


@given(st.lists(st.one_of(texts, imeis.map(format_device_id)), max_size=5))
def test_device_ids_are_read_all_or_the_malformed_ones_are_named(given_texts: list[str]) -> None:
    offenders = [text for text in given_texts if not (len(text) == 15 and set(text) <= set("0123456789"))]
    if offenders:
        rejected = refusal(parse_device_ids, given_texts)
        assert (rejected.code, rejected.offenders) == (ErrorCode.DEVICE_ID_INVALID, tuple(offenders))
    else:
        assert [format_device_id(imei) for imei in parse_device_ids(given_texts)] == given_texts


def test_no_more_offenders_are_named_than_the_limit() -> None:
    rejected = refusal(parse_device_ids, [f"x{number}" for number in range(MAX_OFFENDERS + 1)])
    assert rejected.offenders == tuple(f"x{number}" for number in range(MAX_OFFENDERS))


@pytest.mark.parametrize("name", ["0242078689-00001", "00000000000-123345", "0", "TestAccount-1", "a.b_c-d", "x" * 64])
def test_an_account_name(name: str) -> None:
    assert is_account_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-1", ".a", "_a", "a b", "a/b", "a\n", "a\x00", "x" * 65, "'", "<", "\\", "%30", *DIGITS_OF_OTHER_SCRIPTS],
)
def test_no_account_name(name: str) -> None:
    assert not is_account_name(name)


@pytest.mark.parametrize(
    ("text", "bought"),
    [
        ("TS-HFOTA-MRC", PurchaseType.MRC),
        ("TS-HFOTA-EVNT", PurchaseType.EVENT),
        ("TS-HFOTA-EVNT,TS-HFOTA-MRC", PurchaseType.BOTH),
        ("TS-HFOTA-MRC,TS-HFOTA-EVNT", PurchaseType.BOTH),
    ],
)
def test_a_purchase_type_is_read_in_either_order(text: str, bought: PurchaseType) -> None:
    assert PurchaseType.parse(text) is bought


@pytest.mark.parametrize("text", ["", "MRC", "TS-HFOTA-MRC,", "ts-hfota-mrc", "TS-HFOTA-MRC;TS-HFOTA-EVNT"])
def test_no_purchase_type(text: str) -> None:
    with pytest.raises(ValueError, match="purchaseType must be"):
        PurchaseType.parse(text)


def test_only_event_billing_has_no_monthly_licenses() -> None:
    assert [kind for kind in PurchaseType if not kind.has_monthly_licenses] == [PurchaseType.EVENT]


# Cursors


@pytest.mark.parametrize(
    "text", ["", " 0", "0 ", "-1", "+1", "1.0", "1e3", "0x1", "1_0", "1\n", *DIGITS_OF_OTHER_SCRIPTS]
)
@pytest.mark.parametrize("parse", [parse_device_cursor, parse_record_number])
def test_an_index_that_is_no_number(parse: object, text: str) -> None:
    assert refusal(parse, text).code is ErrorCode.INDEX_INVALID


@pytest.mark.parametrize("digits", [16, 5000])
def test_an_index_that_is_too_long(digits: int) -> None:
    rejected = refusal(parse_device_cursor, "9" * digits)
    assert rejected.code is ErrorCode.DEVICE_ID_INVALID
    assert len(rejected.offenders[0]) <= 64
    assert refusal(parse_record_number, "9" * digits).code is ErrorCode.INDEX_TOO_HIGH


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_record_number_names_a_record_or_is_zero(index: int, count: int) -> None:
    if index < max(count, 1):
        check_record_number(index, count)
    else:
        assert refusal(check_record_number, index, count).code is ErrorCode.INDEX_TOO_HIGH


# Candidates

lists = st.lists(st.integers(0, 9), max_size=12)
unique_lists = st.lists(st.integers(0, 9), unique=True)


@given(unique_lists, lists)
def test_appending_keeps_the_list_and_adds_the_new_ones_in_order(current: list[int], more: list[int]) -> None:
    merged = decide_candidates(current, more, append=True)
    assert merged[: len(current)] == current
    assert sorted(merged) == sorted({*current, *more})
    assert [more.index(device) for device in merged[len(current) :]] == sorted(
        more.index(device) for device in merged[len(current) :]
    )


@given(unique_lists, lists)
def test_replacing_forgets_the_list_and_appending_to_none_creates_one(current: list[int], more: list[int]) -> None:
    replaced = decide_candidates(current, more, append=False)
    assert replaced == decide_candidates([], more, append=True) == list(dict.fromkeys(more))


@given(unique_lists, lists, lists)
def test_appending_twice_is_appending_at_once(current: list[int], one: list[int], other: list[int]) -> None:
    twice = decide_candidates(decide_candidates(current, one, append=True), other, append=True)
    assert twice == decide_candidates(current, one + other, append=True)


def test_a_candidate_list_has_a_limit() -> None:
    full = list(range(MAX_CANDIDATES))
    assert decide_candidates(full, [0, 1], append=True) == full
    assert refusal(decide_candidates, full, [MAX_CANDIDATES], True).code is ErrorCode.DEVICE_LIST_TOO_LONG


def test_append_may_be_written_in_any_case() -> None:
    assert [is_append(word) for word in (None, "append", "Append", "APPEND")] == [False, True, True, True]
    for word in ("", "replace", " append", "appended", "null"):
        assert refusal(is_append, word).code is ErrorCode.TYPE_INVALID


# Lifetimes


def test_tokens_are_valid_up_to_their_last_millisecond() -> None:
    hour, idle = 3_600_000, 1_200_000
    assert [bearer_is_valid(5, False, 5 + age) for age in (0, hour - 1, hour)] == [True, True, False]
    assert not bearer_is_valid(5, True, 5)
    assert [session_is_valid(5, 5 + age) for age in (0, idle - 1, idle)] == [True, True, False]
    assert [is_locked(failures) for failures in (0, 4, 5, 6)] == [False, False, True, True]


# States of an upgrade and kinds of entries

ALLOWED = {
    (None, UpgradeStatus.SCHEDULED),
    (None, UpgradeStatus.IN_PROGRESS),
    (UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS),
    (UpgradeStatus.SCHEDULED, UpgradeStatus.CANCELED),
    (UpgradeStatus.SCHEDULED, UpgradeStatus.FAILED),
    (UpgradeStatus.IN_PROGRESS, UpgradeStatus.COMPLETED),
    (UpgradeStatus.IN_PROGRESS, UpgradeStatus.FAILED),
}


@pytest.mark.parametrize("wanted", UpgradeStatus)
@pytest.mark.parametrize("current", [None, *sorted(OPEN)])
def test_an_upgrade_moves_forward_only(current: UpgradeStatus | None, wanted: UpgradeStatus) -> None:
    if (current, wanted) in ALLOWED:
        check_transition(current, wanted)
    else:
        with pytest.raises(Conflict, match=f"cannot become {wanted.word}"):
            check_transition(current, wanted)


def test_every_state_and_every_kind_of_entry_has_its_words() -> None:
    assert len({status.word for status in UpgradeStatus}) == len(UpgradeStatus)
    never_set = {UpgradeStatus.PENDING, UpgradeStatus.REJECTED}
    assert {word: status for status in set(UpgradeStatus) - never_set for word in [status.word]} == STATUS_OF_WORD
    for kind in EntryKind:
        assert kind.delta in (-1, 0, 1)
        assert kind.what
        assert kind.why
    assert [kind.value for kind in EntryKind] == list(range(1, 18))  # stored as numbers: never renumber
