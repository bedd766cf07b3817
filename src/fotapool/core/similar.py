"""The nearest right name for a misspelt one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, get_args

import msgspec

_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`(?: - at `\$([^`]*)`)?")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Text to append to a message about an unknown name: the nearest known one, or nothing."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def with_nearest_member(error: Exception, struct: Any) -> str:
    """The text of a decoder's error. For an unknown member of `struct`, or of one within it, it has the nearest one."""
    match = _UNKNOWN.fullmatch(str(error))
    if match is None:
        return str(error)
    for member in re.findall(r"\.(\w+)", match[2] or ""):
        struct = _struct_of(next((one.type for one in msgspec.structs.fields(struct) if one.name == member), None))
        if struct is None:
            return str(error)
    return str(error) + did_you_mean(match[1], struct.__struct_fields__)


def _struct_of(declared: Any) -> Any:
    """The struct that a member or the items of its list have; None without one."""
    found = (declared, *get_args(declared))
    return next((one for one in found if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)
