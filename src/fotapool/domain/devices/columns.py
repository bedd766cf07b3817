"""The columns of device files: which header names which member, and what is ignored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.errors import Invalid

ID = "deviceId"
COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    ID: (
        "imei",
        "imeinumber",
        "imeino",
        "imeinr",
        "deviceimei",
        "deviceid",
        "device",
        "serial",
        "serialnumber",
        "serialno",
    ),
    "make": ("make", "manufacturer", "vendor", "brand"),
    "model": ("model", "modelname", "devicemodel"),
    "firmware": ("firmware", "firmwareversion", "fw", "fwversion"),
    "protocol": ("protocol",),
    "mdn": ("mdn", "msisdn", "phone", "phonenumber", "phoneno", "mobile", "mobilenumber", "telephone"),
    "status": ("status", "devicestatus"),
    "licensed": ("licensed",),
    "licensedAt": ("licensedat",),
}
"""The names of a column in a header, in lower case without spaces and punctuation; the first that is there is read."""
_MEMBERS = {name: member for member, names in COLUMN_NAMES.items() for name in names}
_PUNCTUATION = re.compile(r"\([^)]*\)|[\W_]")
MAX_NAMED = 10
"""Maximum number of ignored columns that a note names."""
REPORT_COLUMNS = ("line", "value", "reason")
"""The columns that a file of failed lines has before those of its source."""


def normalize_name(header: str) -> str:
    """The name in lower case, without spaces, punctuation and remarks: `deviceid` for `Device_ID (IMEI)`."""
    return _PUNCTUATION.sub("", header.casefold())


def is_header(cells: Sequence[str]) -> bool:
    """Whether a cell names the column of IMEIs."""
    return any(_MEMBERS.get(normalize_name(cell)) == ID for cell in cells)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file: the place of each known member, and the names of all columns."""

    places: dict[str, int]
    names: list[str]
    """The name of each column. A known column has the member's name, one without a name is `column 3`."""

    @property
    def ignored(self) -> list[str]:
        """The columns that are not read."""
        read = set(self.places.values())
        return [name for place, name in enumerate(self.names) if place not in read and name not in REPORT_COLUMNS]

    def original(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells of a row by the name of their column."""
        names = [*self.names, *(f"column {place + 1}" for place in range(len(self.names), len(cells)))]
        pairs = zip(names, cells, strict=False)
        return {name: cell for name, cell in pairs if name not in REPORT_COLUMNS}


def read_header(cells: Sequence[str]) -> Columns:
    """The columns that a header names. Raises Invalid if a known name is there twice."""
    normalized = [normalize_name(cell) for cell in cells]
    twice = next((cell for cell, name in zip(cells, normalized, strict=True) if _is_twice(name, normalized)), None)
    if twice is not None:
        raise Invalid(f"the header has the column {twice[:40]!r} twice")
    found = {
        member: [normalized.index(name) for name in names if name in normalized]
        for member, names in COLUMN_NAMES.items()
    }
    places = {member: at[0] for member, at in found.items() if at}
    members = {place: member for member, place in places.items()}
    names = [members.get(place, cell or f"column {place + 1}") for place, cell in enumerate(cells)]
    return Columns(places, names)


def _is_twice(name: str, names: Sequence[str]) -> bool:
    return name in _MEMBERS and names.count(name) > 1


def columns_without_header(place: int) -> Columns:
    """The columns of a file without a header, whose IMEIs are at this place."""
    return Columns({ID: place}, [f"column {number + 1}" for number in range(place)] + [ID])


def ignored_note(ignored: Sequence[str]) -> str:
    """The sentence that names the columns that were not read."""
    names = [name[:40] for name in ignored[:MAX_NAMED]]
    more = f" and {len(ignored) - MAX_NAMED} more" if len(ignored) > MAX_NAMED else ""
    return f"Columns ignored: {', '.join(names)}{more}."


WINDOWS_1252_NOTE = "The file is not UTF-8 and was read as Windows-1252."
