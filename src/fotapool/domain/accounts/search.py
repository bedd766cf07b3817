"""Searching over all accounts: what a text can be, by its form."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from fotapool.domain.devices.spelling import plain_number
from fotapool.domain.errors import Invalid
from fotapool.domain.names import IMEI_DIGITS

MAX_SEARCH = 100
"""Maximum length of a text to search for, in characters."""
MAX_FOUND = 20
"""Maximum number of results of each kind."""
MIN_ID_PART = 8
"""Minimum length of the beginning of a campaign's id."""
MDN_DIGITS = 15
"""Maximum number of digits of an MDN (ITU-T E.164)."""
NATIONAL_DIGITS = 10
"""Number of digits of an MDN without the country code 1 (North American Numbering Plan)."""
_ID = re.compile(r"[0-9a-f-]+", re.ASCII | re.IGNORECASE)


class ResultKind(enum.StrEnum):
    """What a search finds, in the order of the results."""

    DEVICE = "device"
    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    FIRMWARE = "firmware"
    USER = "user"
    CHANGE = "change"
    """What one request did to an account; see its ledger."""
    AUDIT_ENTRY = "auditEntry"


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """What a text can be: itself a name or an id, an IMEI or its beginning, an MDN or its beginning."""

    text: str
    imeis: tuple[int, int] | None = None
    """The first and the last IMEI that it can mean."""
    is_whole_imei: bool = False
    """Whether it is an IMEI of 14, 15 or 16 digits, not only the beginning of one."""
    mdns: tuple[str, ...] = ()
    """The spellings of the MDN that it can be."""
    mdn_part: str = ""
    """The beginning of an MDN."""

    @property
    def campaign_id(self) -> str:
        """The beginning of a campaign's id; empty if it is none."""
        is_id = len(self.text) >= MIN_ID_PART and _ID.fullmatch(self.text) is not None
        return self.text.lower() if is_id else ""


def parse_search(text: str) -> SearchTerms:
    """Reads a text in any usual spelling: an IMEI or MDN may have spaces, dashes, dots, slashes and parentheses.

    An IMEI of 14 digits lacks its check digit, one of 16 digits (IMEISV) has the software version in its place. Both
    find all devices with the same first 14 digits, since published examples have wrong check digits. Raises Invalid.
    """
    text, number = text.strip(), plain_number(text)
    is_international = number.startswith("+")
    digits = number.removeprefix("+")
    is_number = digits.isascii() and digits.isdigit()
    if is_number and not text.isprintable():
        text = number
    if not text or len(text) > MAX_SEARCH or not text.isprintable():
        raise Invalid(f"search for 1 to {MAX_SEARCH} printable characters")
    if not is_number:
        return SearchTerms(text)
    is_mdn = len(digits) <= MDN_DIGITS
    imeis = None if is_international or len(digits) > IMEI_DIGITS + 1 else _imeis(digits)
    return SearchTerms(
        text,
        imeis=imeis,
        is_whole_imei=imeis is not None and len(digits) >= IMEI_DIGITS - 1,
        mdns=_mdns(text, digits) if is_mdn else (),
        mdn_part=digits if is_mdn else "",
    )


def _imeis(digits: str) -> tuple[int, int]:
    known = digits if len(digits) == IMEI_DIGITS else digits[: IMEI_DIGITS - 1]
    unit = 10 ** (IMEI_DIGITS - len(known))
    first = int(known) * unit
    return first, first + unit - 1


def _mdns(text: str, digits: str) -> tuple[str, ...]:
    national = digits[1:] if len(digits) == NATIONAL_DIGITS + 1 and digits[0] == "1" else digits
    found = [text, digits, f"+{digits}"]
    if len(national) == NATIONAL_DIGITS:
        found += [national, f"1{national}", f"+1{national}"]
    return tuple(dict.fromkeys(found))
