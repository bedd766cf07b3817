"""Where an answer has another shape or other words than the recorded one; values that naturally differ aside."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_DIFFERENCES = 100
"""How many differences of one answer are told."""
MAX_SHOWN = 120
ROW_KEYS = ("deviceId", "id", "campaignId", "fileName", "softwareName", "firmwareName", "name")
"""The members by which rows of lists are paired; lists whose rows have none of them are compared in order."""
FREE_MEMBERS = frozenset(
    {
        "accountname",
        "campaignname",
        "description",
        "devicelist",
        "devicename",
        "filename",
        "fileversion",
        "firmware",
        "firmwarefrom",
        "firmwarename",
        "firmwareto",
        "firmwareversion",
        "fromversion",
        "hasmoredata",
        "hasmoreflag",
        "launchdate",
        "localtargetpath",
        "make",
        "mdn",
        "model",
        "participantname",
        "password",
        "releasenote",
        "softwarefrom",
        "softwarename",
        "softwareto",
        "softwareversion",
        "toversion",
        "username",
        "version",
    }
)
"""Members with texts of the account's own, by name in lower case: not words of the service."""

_FORMS = (
    ("", r"\s*"),
    ("an id", r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    ("a URL", r"[a-z]+://\S*"),
    ("a token", r"[0-9A-Za-z_.=+/-]*[0-9][0-9A-Za-z_.=+/-]{23,}"),
)
_TIME = re.compile(r"(?=.*[-/:T])[0-9]{1,4}[-/:][0-9]{1,2}.*")
_FRACTION = re.compile(r"(?<=[0-9])\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Difference:
    """At which place (as .deviceList[].status), what kind, and both sides in short."""

    where: str
    what: str
    recorded: str
    answered: str


def find_differences(
    recorded: Any, answered: Any, values: bool = False, ignored: Collection[str] = ()
) -> list[Difference]:
    """Of two documents, or texts. With `values`, also ids, times, counts and lengths; `ignored` members never."""
    found = _Comparison(values, frozenset(name.lower() for name in ignored))
    found.compare("", "", recorded, answered)
    return list(dict.fromkeys(found.all))[:MAX_DIFFERENCES]


class _Comparison:
    def __init__(self, values: bool, ignored: frozenset[str]) -> None:
        self._values = values
        self._ignored = ignored
        self.all: list[Difference] = []

    def tell(self, where: str, what: str, recorded: Any, answered: Any) -> None:
        self.all.append(Difference(where or ".", what, _shown(recorded), _shown(answered)))

    def compare(self, where: str, member: str, recorded: Any, answered: Any) -> None:
        kinds = _kind(recorded), _kind(answered)
        if kinds[0] != kinds[1]:
            self.tell(where, "type", f"{kinds[0]} {_shown(recorded)}", f"{kinds[1]} {_shown(answered)}")
        elif isinstance(recorded, Mapping):
            self._members(where, recorded, answered)
        elif isinstance(recorded, list):
            self._lists(where, member, recorded, answered)
        elif isinstance(recorded, str):
            self._texts(where, member, recorded, answered)
        elif recorded != answered and (self._values or (kinds[0] == "boolean" and member.lower() not in FREE_MEMBERS)):
            self.tell(where, "value", recorded, answered)

    def _members(self, where: str, recorded: Mapping[str, Any], answered: Mapping[str, Any]) -> None:
        for name in recorded:
            if name.lower() in self._ignored:
                continue
            if name in answered:
                self.compare(f"{where}.{name}", name, recorded[name], answered[name])
            else:
                self.tell(f"{where}.{name}", "missing", recorded[name], "")
        for name in answered:
            if name not in recorded and name.lower() not in self._ignored:
                self.tell(f"{where}.{name}", "extra", "", answered[name])

    def _lists(self, where: str, member: str, recorded: Sequence[Any], answered: Sequence[Any]) -> None:
        if len(recorded) != len(answered) and (self._values or not (recorded and answered)):
            self.tell(where, "rows", f"{len(recorded)} rows", f"{len(answered)} rows")
        for one, other in _paired(recorded, answered):
            self.compare(f"{where}[]", member, one, other)

    def _texts(self, where: str, member: str, recorded: str, answered: str) -> None:
        if recorded == answered:
            return
        forms = _form(recorded), _form(answered)
        if member.lower() in FREE_MEMBERS:
            if self._values or not (recorded and answered):
                self.tell(where, "value", recorded, answered)
        elif forms[0] != forms[1]:
            self.tell(where, "form", recorded, answered)
        elif forms[0] == "words":
            self.tell(where, "words", recorded, answered)
        elif self._values:
            self.tell(where, "value", recorded, answered)


def _kind(value: Any) -> str:
    for kind, types in (("boolean", bool), ("number", (int, float)), ("text", str), ("list", list), ("object", dict)):
        if isinstance(value, types):
            return kind
    return "null"


def _form(text: str) -> str:
    """What a text is like: words are compared, of all else only the form."""
    for form, pattern in _FORMS:
        if re.fullmatch(pattern, text):
            return form
    if text.isdigit():
        return "digits"
    if _TIME.fullmatch(text):
        return re.sub(r"[0-9]+", "9", _FRACTION.sub("", text))
    return "words"


def _paired(recorded: Sequence[Any], answered: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Rows with the same key, or else those at the same place; of longer lists the last row stands for the rest."""
    for key in ROW_KEYS:
        if all(isinstance(row, Mapping) and isinstance(row.get(key), str) for row in (*recorded, *answered)):
            others = {row[key]: row for row in answered}
            found = [(row, others[row[key]]) for row in recorded if row[key] in others]
            if found:
                return found
    return list(zip(recorded, answered, strict=False))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
