"""Reads IMEIs and telephone numbers as people and programs write them."""

from __future__ import annotations

import re
import unicodedata

from fotapool.domain.names import is_device_id

_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015./()]")
_LABEL = re.compile(r"(urn:gsma:)?(imei(?:sv)?|mdn)\s*[:#]?\s*", re.IGNORECASE)
_AROUND = " '\"=,;"
"""What cells of spreadsheets and lists have around a number."""
_WITH_VERSION = re.compile(r"([0-9]{15}) ?/ ?[0-9]{2}", re.ASCII)
"""An IMEI as phones show it, with the software version."""
_DECIMAL = re.compile(r"([0-9]{15})[.,]0+", re.ASCII)
"""An IMEI that a program has written as a decimal number."""


def plain_number(text: str) -> str:
    """An IMEI or MDN, or the beginning of one, without a label and without separators between its digits."""
    shown = "".join(one for one in text if unicodedata.category(one) != "Cf").strip().strip(_AROUND)
    bare = _LABEL.sub("", shown, count=1)
    with_version = _WITH_VERSION.fullmatch(bare)
    return with_version[1] if with_version else _SEPARATORS.sub("", bare)


def device_of(cell: str) -> str:
    """The IMEI of 15 digits that a cell spells; the cell itself if it spells none."""
    if is_device_id(cell):
        return cell
    decimal = _DECIMAL.fullmatch(cell)
    number = decimal[1] if decimal else plain_number(cell)
    return number if is_device_id(number) else cell
