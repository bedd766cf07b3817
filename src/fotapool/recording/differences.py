"""Finds where a response has another shape or other words than the recorded one; ids, times and counts may differ."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from fotapool.recording.json_diff import MISSING, pair_values

MAX_DIFFERENCES = 100
"""How many differences of one response are returned."""
MAX_SHOWN = 120
ROW_KEYS = ("deviceId", "id", "campaignId", "fileName", "softwareName", "firmwareName", "name")
"""The members by which rows of lists are paired; lists whose rows have none of them are compared in order."""
_FREE = (
    "accountname campaignname description devicelist devicename filename fileversion firmware firmwarefrom "
    "firmwarename firmwareto firmwareversion fromversion hasmoredata hasmoreflag launchdate localtargetpath make "
    "mdn model participantname password releasenote softwarefrom softwarename softwareto softwareversion toversion "
    "username version"
)
FREE_MEMBERS = frozenset(_FREE.split())
"""Members whose text the account chooses, by name in lower case."""

_FORMS = (
    ("", r"\s*"),
    ("an id", r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    ("a URL", r"[a-z]+://\S*"),
    ("a token", r"[0-9A-Za-z_.=+/-]*[0-9][0-9A-Za-z_.=+/-]{23,}"),
)
_TIME = re.compile(r"(?=.*[-/:T])[0-9]{1,4}[-/:][0-9]{1,2}.*")
_FRACTION = re.compile(r"(?<=[0-9])\.[0-9]+")


class Difference(msgspec.Struct, frozen=True):
    """The place (as .deviceList[].status), the kind, and both values in short."""

    where: str
    what: str
    recorded: str
    answered: str


def find_differences(
    recorded: Any, answered: Any, values: bool = False, ignored: Collection[str] = ()
) -> list[Difference]:
    """Returns the differences of two documents or texts, at most MAX_DIFFERENCES.

    With `values` also those of ids, times, counts and lengths. Members named in `ignored` are not compared.
    """
    names = frozenset(name.lower() for name in ignored)
    found = (
        Difference(where or ".", what, *_shown(what, one, other))
        for where, member, one, other in pair_values(recorded, answered, _paired, names)
        if (what := _compare(member, one, other, values))
    )
    return list(itertools.islice(dict.fromkeys(found), MAX_DIFFERENCES))


def _compare(member: str, recorded: Any, answered: Any, values: bool) -> str:
    """The kind of the difference of two values; empty without one."""
    if recorded is MISSING or answered is MISSING:
        return "extra" if recorded is MISSING else "missing"
    kind, free = _kind(recorded), member.lower() in FREE_MEMBERS
    if kind != _kind(answered):
        return "type"
    if kind == "list":
        return "rows" if len(recorded) != len(answered) and (values or not (recorded and answered)) else ""
    if recorded == answered:
        return ""
    if kind != "text":
        return "value" if values or (kind == "boolean" and not free) else ""
    if free:
        return "value" if values or not (recorded and answered) else ""
    forms = _form(recorded), _form(answered)
    if forms[0] != forms[1]:
        return "form"
    return "words" if forms[0] == "words" else "value" if values else ""


def _kind(value: Any) -> str:
    for kind, types in (("boolean", bool), ("number", (int, float)), ("text", str), ("list", list), ("object", dict)):
        if isinstance(value, types):
            return kind
    return "null"


def _form(text: str) -> str:
    """The form of a text. Only texts of the form `words` are compared word by word."""
    for form, pattern in _FORMS:
        if re.fullmatch(pattern, text):
            return form
    if text.isdigit():
        return "digits"
    if _TIME.fullmatch(text):
        return re.sub(r"[0-9]+", "9", _FRACTION.sub("", text))
    return "words"


def _paired(recorded: Sequence[Any], answered: Sequence[Any]) -> list[tuple[str, Any, Any]]:
    """Rows with the same key, or else those at the same index, as far as both lists go."""
    for key in ROW_KEYS:
        if all(isinstance(row, Mapping) and isinstance(row.get(key), str) for row in (*recorded, *answered)):
            others = {row[key]: row for row in answered}
            found = [("[]", row, others[row[key]]) for row in recorded if row[key] in others]
            if found:
                return found
    return [("[]", one, other) for one, other in zip(recorded, answered, strict=False)]


def _shown(what: str, *values: Any) -> tuple[str, ...]:
    """Both values, shortened as the kind of the difference needs it."""
    return tuple(
        ""
        if value is MISSING
        else f"{len(value)} rows"
        if what == "rows"
        else (f"{_kind(value)} " if what == "type" else "") + _short(value)
        for value in values
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
