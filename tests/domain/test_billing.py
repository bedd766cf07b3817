"""Billing months are calendar months in UTC; events are charged where they were bought and no license paid for them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fotapool.domain.billing import Month, is_charged, last_months, next_billing_month_ms, notice_end_ms
from fotapool.domain.errors import Invalid
from fotapool.domain.names import PurchaseType


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


def test_a_month_lasts_from_its_first_moment_to_the_next_months() -> None:
    assert (Month(2026, 12).from_ms, Month(2026, 12).to_ms) == (ms(2026, 12, 1), ms(2027, 1, 1))
    assert (Month(2028, 2).to_ms - Month(2028, 2).from_ms) == 29 * 86_400_000


def test_every_moment_lies_in_its_month() -> None:
    assert Month.of(ms(2026, 3, 1)) == Month(2026, 3)
    assert Month.of(ms(2026, 3, 1) - 1) == Month(2026, 2)
    assert Month.of(ms(2026, 12, 31, 23)) == Month(2026, 12)


def test_a_month_is_read_and_written_as_year_and_number() -> None:
    assert Month.parse("2026-03") == Month(2026, 3)
    assert Month.parse("2026-03").text == "2026-03"
    assert Month.parse("0000-12") < Month(1970, 1) < Month.parse("9999-12")


@pytest.mark.parametrize("text", ["2026-3", "2026-13", "2026-00", "202603", "2026-03-01", "", " 2026-03", "٢٠٢٦-03"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="2026-03"):
        Month.parse(text)


def test_the_last_months_come_newest_first_and_no_more_than_asked_for() -> None:
    assert last_months(Month(2025, 11), Month(2026, 2), 24) == [(2026, 2), (2026, 1), (2025, 12), (2025, 11)]
    assert last_months(Month(2000, 1), Month(2026, 2), 3) == [(2026, 2), (2026, 1), (2025, 12)]
    assert last_months(Month(2026, 3), Month(2026, 2), 3) == []


def test_a_notice_ends_with_the_month_after_the_one_it_was_given_in() -> None:
    assert notice_end_ms(ms(2026, 3, 1)) == notice_end_ms(ms(2026, 4, 1) - 1) == ms(2026, 5, 1)
    assert notice_end_ms(ms(2026, 11, 30)) == ms(2027, 1, 1)
    assert next_billing_month_ms(ms(2026, 12, 5)) == ms(2027, 1, 1)


@pytest.mark.parametrize(
    ("purchase_type", "licensed", "charged"),
    [
        (PurchaseType.MRC, True, False),
        (PurchaseType.MRC, False, False),
        (PurchaseType.EVENT, True, False),
        (PurchaseType.EVENT, False, True),
        (PurchaseType.BOTH, True, False),
        (PurchaseType.BOTH, False, True),
    ],
)
def test_an_upgrade_is_charged_if_events_were_bought_and_no_license_paid_for_it(
    purchase_type: PurchaseType, licensed: bool, charged: bool
) -> None:
    assert is_charged(purchase_type, licensed) is charged
