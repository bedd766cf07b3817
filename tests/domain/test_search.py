"""What a text that an operator searches for can be."""

from __future__ import annotations

import pytest

from fotapool.domain.accounts.search import MAX_SEARCH, SearchTerms, parse_search
from fotapool.domain.errors import Invalid

IMEI = 352099001761481


@pytest.mark.parametrize(
    "text",
    [
        "352099001761481",
        " 352099001761481\t",
        "35-209900-176148-1",
        "35 209900 176148 1",
        "35.209900.176148.1",
        "35/209900/176148/1",
        "352099-00-176148-1",
        "IMEI 352099001761481",
        "imei:35-209900-176148-1",
        "urn:gsma:imei:35209900-176148-1",
        "352099001761481 / 01",
        "35\xa0209900\xa0176148\xa01",
        "35\u2011209900\u2013176148\u20111",
        "\u202a352099001761481\u202c",
        "\ufeff352099001761481\u200b",
        '="352099001761481"',
        "'352099001761481;",
    ],
)
def test_an_imei_of_15_digits_is_one_device_however_it_is_spelled(text: str) -> None:
    terms = parse_search(text)
    assert (terms.imeis, terms.is_whole_imei) == ((IMEI, IMEI), True)


@pytest.mark.parametrize(
    "text", ["35209900176148", "35-209900-176148", "3520990017614823", "IMEISV: 35-209900-176148-23"]
)
def test_an_imei_of_14_or_16_digits_is_any_device_with_the_same_first_14(text: str) -> None:
    terms = parse_search(text)
    assert (terms.imeis, terms.is_whole_imei) == ((352099001761480, 352099001761489), True)


def test_fewer_digits_are_how_an_imei_begins() -> None:
    assert parse_search("3520-9900").imeis == (352099000000000, 352099009999999)
    assert parse_search("0").imeis == (0, 99999999999999)
    assert not parse_search("3520990017614").is_whole_imei
    assert parse_search("000000000000017").imeis == (17, 17)


def test_more_than_16_digits_are_no_imei_and_more_than_15_no_mdn() -> None:
    assert parse_search("1" * 17) == SearchTerms("1" * 17)
    assert parse_search("1" * 16).mdns == ()


@pytest.mark.parametrize(
    "text", ["555-123-4567", "(555) 123-4567", "5551234567", "+1 555 123 4567", "1 (555) 123.4567", "mdn 5551234567"]
)
def test_an_mdn_is_looked_for_with_and_without_its_country_code(text: str) -> None:
    terms = parse_search(text)
    assert {text, "5551234567", "15551234567", "+15551234567"} <= set(terms.mdns)
    assert terms.text == text


def test_a_number_with_plus_is_no_imei_and_one_of_another_length_keeps_its_digits() -> None:
    assert parse_search("+35209900176148").imeis is None
    assert parse_search("+44 7700 900123").mdns == ("+44 7700 900123", "447700900123", "+447700900123")
    assert parse_search("5551").mdn_part == "5551"


@pytest.mark.parametrize("text", ["zbeeblebrox", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥", "35209900176148x", "²", "+", "--"])
def test_what_is_no_number_is_looked_for_as_it_is(text: str) -> None:
    assert parse_search(text) == SearchTerms(text)


def test_the_beginning_of_an_id_has_at_least_8_hexadecimal_digits() -> None:
    assert parse_search("60B5D639-ccdc-4db8").campaign_id == "60b5d639-ccdc-4db8"
    assert parse_search("60b5d63").campaign_id == ""
    assert parse_search("rollout-of-may").campaign_id == ""


@pytest.mark.parametrize("text", ["", "  ", "x" * (MAX_SEARCH + 1), "a\x00b", "a\nb", "\x1b[1m"])
def test_a_text_that_is_empty_too_long_or_unprintable_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="1 to 100 printable characters"):
        parse_search(text)
