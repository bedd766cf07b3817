"""Names of the field: account names, device ids (IMEI) and purchase types, with their formats."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

from fotapool.domain.errors import ErrorCode, RequestRejected

IMEI_DIGITS = 15
MAX_IMEI = 10**IMEI_DIGITS - 1
MAX_OFFENDERS = 100
"""How many malformed device ids an error names at most."""

ACCOUNT_NAME_PATTERN = "[0-9A-Za-z][0-9A-Za-z._-]{0,63}"

_ACCOUNT_NAME = re.compile(ACCOUNT_NAME_PATTERN, re.ASCII)
_IMEI = re.compile(r"[0-9]{15}", re.ASCII)


class PurchaseType(enum.Enum):
    """What an account has bought (facts, section 6.1: MRC, event billing, or both, event first)."""

    MRC = "TS-HFOTA-MRC"
    EVENT = "TS-HFOTA-EVNT"
    BOTH = "TS-HFOTA-EVNT,TS-HFOTA-MRC"

    @classmethod
    def parse(cls, text: str) -> PurchaseType:
        """Reads one word, or two joined by a comma in either order. Raises ValueError."""
        words = frozenset(word.strip() for word in text.split(","))
        for member in cls:
            if words == frozenset(member.value.split(",")):
                return member
        raise ValueError(f"purchaseType must be TS-HFOTA-MRC, TS-HFOTA-EVNT or both joined by a comma, not {text!r}")

    @property
    def has_monthly_licenses(self) -> bool:
        return self is not PurchaseType.EVENT


class AccountStatus(enum.Enum):
    """Whether an account may be used by its users."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


def is_account_name(text: str) -> bool:
    """Letters, digits, `-`, `_` and `.`, at most 64; leading zeros are part of the name."""
    return _ACCOUNT_NAME.fullmatch(text) is not None


def is_device_id(text: str) -> bool:
    """Exactly 15 ASCII digits. The check digit is not verified: documented examples fail it."""
    return _IMEI.fullmatch(text) is not None


def format_device_id(imei: int) -> str:
    """An IMEI with its leading zeros."""
    return f"{imei:015d}"


def parse_device_ids(texts: Sequence[str]) -> list[int]:
    """Reads 15-digit IMEIs as integers.

    Raises RequestRejected(DEVICE_ID_INVALID) that names the first 100 offenders.
    """
    ids = [int(text) for text in texts if len(text) == IMEI_DIGITS and text.isascii() and text.isdigit()]
    if len(ids) != len(texts):
        offenders = [text for text in texts if not is_device_id(text)]
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=offenders[:MAX_OFFENDERS])
    return ids
