"""Account names, device ids (IMEI), purchase types and account states, with their formats."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

from fotapool.domain.errors import ErrorCode, RequestRejected

IMEI_DIGITS = 15
MAX_IMEI = 10**IMEI_DIGITS - 1
MAX_OFFENDERS = 100
"""Maximum number of invalid device ids listed in an error."""

ACCOUNT_NAME_PATTERN = "[0-9A-Za-z][0-9A-Za-z._-]{0,63}"

ALL_ACCOUNTS = 0
"""Stands for the id of an account in rows that belong to the server, or are about all accounts."""

_ACCOUNT_NAME = re.compile(ACCOUNT_NAME_PATTERN, re.ASCII)
_IMEI = re.compile(r"[0-9]{15}", re.ASCII)


class PurchaseType(enum.Enum):
    """An account's billing model (facts, section 6.1): monthly (MRC), per event, or both."""

    MRC = "TS-HFOTA-MRC"
    EVENT = "TS-HFOTA-EVNT"
    BOTH = "TS-HFOTA-EVNT,TS-HFOTA-MRC"

    @classmethod
    def parse(cls, text: str) -> PurchaseType:
        """Parses one type, or both joined by a comma in any order. Raises ValueError."""
        types = frozenset(part.strip() for part in text.split(","))
        for member in cls:
            if types == frozenset(member.value.split(",")):
                return member
        raise ValueError(f"purchaseType must be TS-HFOTA-MRC, TS-HFOTA-EVNT or both joined by a comma, not {text!r}")

    @property
    def has_monthly_licenses(self) -> bool:
        return self is not PurchaseType.EVENT


class AccountStatus(enum.Enum):
    """Whether users have access to the account."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    """Closed for good: licenses and campaigns have ended or are ending, records stay."""


def is_account_name(text: str) -> bool:
    """Whether the text is 1 to 64 letters, digits, `-`, `_` or `.`; leading zeros are significant."""
    return _ACCOUNT_NAME.fullmatch(text) is not None


def is_device_id(text: str) -> bool:
    """Whether the text is 15 ASCII digits. The check digit is not verified: documented examples fail it."""
    return _IMEI.fullmatch(text) is not None


def format_device_id(imei: int) -> str:
    """The IMEI as 15 digits with leading zeros."""
    return f"{imei:015d}"


def parse_device_ids(texts: Sequence[str]) -> list[int]:
    """Parses 15-digit IMEIs.

    Raises RequestRejected(DEVICE_ID_INVALID) with the first MAX_OFFENDERS invalid ones.
    """
    ids = [int(text) for text in texts if len(text) == IMEI_DIGITS and text.isascii() and text.isdigit()]
    if len(ids) != len(texts):
        offenders = [text for text in texts if not is_device_id(text)]
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=offenders[:MAX_OFFENDERS])
    return ids
