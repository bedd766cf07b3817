"""Reads what the carrier has on record: counts or devices by account as CSV or JSON, or license status pages."""

from __future__ import annotations

import codecs
import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from fotapool.domain.devices.columns import COLUMN_NAMES, ID, WINDOWS_1252_NOTE, ignored_note, normalize_name
from fotapool.domain.devices.device_lists import why_not_imei
from fotapool.domain.devices.spelling import device_of
from fotapool.domain.devices.tables import TableReader, TableRow
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_account_name, is_device_id

MAX_DEVICES = 5_000_000
MAX_ACCOUNTS = 100_000
MAX_ERRORS = 1_000
"""Maximum number of errors that are stored; all are counted."""
MAX_DOCUMENT_CHARS = 4 * 1024 * 1024
MAX_NUMBER_DIGITS = 12
MAX_NOTES = 20
NAMES: dict[str, tuple[str, ...]] = {
    ID: COLUMN_NAMES[ID],
    "account": ("account", "accountname", "accountnumber", "accountno", "accountid", "billingaccount"),
    "total": (
        *("licensecount", "licenses", "totallicenses", "totallicense", "licensetotalcount", "lictotalcount"),
        *("liccount", "total", "subscribed"),
    ),
    "used": ("licenseusedcount", "licusedcount", "assignedlicenses", "usedlicenses", "used", "assigned"),
    "devices": ("devicelist", "devices", "imeis"),
    "more": ("hasmoredata",),
}
"""The names of columns and JSON members, normalized; the first that is there is read."""
SHAPES = (
    "expected account with licenseCount, used or both; account and imei;"
    " or license status pages with accountName and deviceList"
)


class CarrierAccount(msgspec.Struct):
    """What the carrier has of an account. Counts are None if they were not given, devices if none were listed."""

    total: int | None = None
    used: int | None = None
    devices: array[int] | None = None
    has_more: bool = False
    """Whether the last license status page says that another one follows."""

    def count(self, total: int | None, used: int | None, may_change: bool) -> None:
        """Sets the counts that are given. Raises ValueError if others were given before and may not change."""
        for before, now in ((self.total, total), (self.used, used)):
            if not may_change and before is not None and now is not None and before != now:
                raise ValueError(f"the account is listed with {before:,} and with {now:,} licenses")
        self.total = self.total if total is None else total
        self.used = self.used if used is None else used

    def add(self, device: int) -> None:
        if self.devices is None:
            self.devices = array("q")
        self.devices.append(device)


class LineError(NamedTuple):
    """A line, or a JSON document, that was not read."""

    line: int
    error: str


class CarrierList(msgspec.Struct):
    """The carrier's accounts by name, about 8 bytes for each device; and the lines that failed."""

    default_account: str | None = None
    """The account of lines that name none."""
    accounts: dict[str, CarrierAccount] = msgspec.field(default_factory=dict)
    lines: int = 0
    failed: int = 0
    errors: list[LineError] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    has_pages: bool = False
    """Whether there was a license status page, so that accounts which are not named are not missing."""
    devices: int = 0

    def add(self, line: int, members: Mapping[str, Any]) -> None:
        """Adds a line or document by the members of NAMES. Raises Invalid if there are too many devices."""
        self.lines += 1
        try:
            self._add(line, members)
        except ValueError as error:
            self.fail(line, str(error))

    def add_usual(self, cells: Sequence[str], places: Mapping[str, int]) -> bool:
        """Adds the usual line, an IMEI of an account that was there before; False for any other line."""
        place, device = places.get("account", -1), cells[places[ID]] if places[ID] < len(cells) else ""
        account = self.accounts.get(cells[place] if 0 <= place < len(cells) else self.default_account or "")
        if account is None or not is_device_id(device):
            return False
        self.lines += 1
        self._add_device(account, int(device))
        return True

    def fail(self, line: int, error: str) -> None:
        self.failed += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(LineError(line, error))

    def _add(self, line: int, members: Mapping[str, Any]) -> None:
        name = members.get("account") or self.default_account
        if name is None:
            raise ValueError("no account: add a column account, or name the account of the file")
        if not isinstance(name, str) or not is_account_name(name):
            raise ValueError(f"{str(name)[:40]!r} is not the name of an account")
        total, used = (_count(members[key]) if key in members else None for key in ("total", "used"))
        device = _device(members[ID]) if members.get(ID) else None
        if total is None and used is None and device is None and "devices" not in members:
            raise ValueError("neither a number of licenses nor a device")
        found = self._account(name)
        found.count(total, used, may_change="devices" in members)
        if "devices" in members:
            self.has_pages = True
            found.has_more = bool(members.get("more"))
            found.devices = array("q") if found.devices is None else found.devices
            for one in members["devices"]:
                try:
                    self._add_device(found, _device(one))
                except ValueError as error:
                    self.fail(line, str(error))
        if device is not None:
            self._add_device(found, device)

    def _account(self, name: str) -> CarrierAccount:
        found = self.accounts.get(name)
        if found is None:
            if len(self.accounts) >= MAX_ACCOUNTS:
                raise Invalid(f"at most {MAX_ACCOUNTS} accounts are compared: split the file")
            found = self.accounts[name] = CarrierAccount()
        return found

    def _add_device(self, account: CarrierAccount, device: int) -> None:
        self.devices += 1
        if self.devices > MAX_DEVICES:
            raise Invalid(f"at most {MAX_DEVICES} devices are compared: split the file by account")
        account.add(device)


_GROUP = re.compile(r"[,.'\u2019\s]")
_GROUPED = re.compile(rf"[0-9]{{1,3}}(?:{_GROUP.pattern}[0-9]{{3}})+")
"""A whole number with separators of thousands."""


def _count(value: Any) -> int:
    """A number of licenses. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _GROUPED.fullmatch(value):
        value = _GROUP.sub("", value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_NUMBER_DIGITS:
        return int(value)
    raise ValueError(f"{str(value)[:40]!r} is not a whole number")


def _device(value: Any) -> int:
    """An IMEI, or the object of a license status page that has one. Raises ValueError."""
    if isinstance(value, dict):
        value = _members(value).get(ID)
    if isinstance(value, str) and is_device_id(device := device_of(value)):
        return int(device)
    raise ValueError(f"{str(value)[:40]!r} {why_not_imei(value if isinstance(value, str) else str(value))}")


def _members(document: Mapping[str, Any]) -> dict[str, Any]:
    """The members of NAMES that the document has."""
    given = {normalize_name(name): value for name, value in document.items()}
    found = {member: [given[name] for name in names if name in given] for member, names in NAMES.items()}
    return {member: values[0] for member, values in found.items() if values}


class CarrierReader(Protocol):
    """Reads chunks of a file into a CarrierList. Both methods raise Invalid for a file of another shape."""

    def feed(self, chunk: bytes) -> None: ...

    def close(self) -> None: ...


def _is_header(cells: Sequence[str]) -> bool:
    return bool(_members(dict.fromkeys(cells)).keys() & {ID, "total", "used"})


class TableFile:
    """A table with a header, in the forms of device files; a list of IMEIs of one account needs none."""

    def __init__(self, found: CarrierList, max_line_bytes: int) -> None:
        self._found = found
        self._table = TableReader(max_line_bytes, _is_header)
        self._places: dict[str, int] | None = None
        self._lists_devices = False
        """Whether the columns are account and device alone."""

    def feed(self, chunk: bytes) -> None:
        self._add(self._table.feed(chunk))

    def close(self) -> None:
        self._add(self._table.close())
        if self._places is None:
            raise Invalid(f"the file is empty: {SHAPES}")
        if self._table.is_windows_1252:
            self._found.notes.append(WINDOWS_1252_NOTE)

    def _add(self, rows: Iterator[TableRow]) -> None:
        for row in rows:
            if self._places is None:
                found = self._read_header(row)
                self._places = found or {ID: 0}
                self._lists_devices = ID in self._places and self._places.keys() <= {ID, "account"}
                if found:
                    continue
            if self._lists_devices and not row.problem and self._found.add_usual(row.cells, self._places):
                continue
            if row.problem:
                self._found.lines += 1
                self._found.fail(row.line, row.problem)
            else:
                cells = {name: row.cells[place] for name, place in self._places.items() if place < len(row.cells)}
                self._found.add(row.line, {name: cell for name, cell in cells.items() if cell})

    def _read_header(self, row: TableRow) -> dict[str, int]:
        """The place of each column; none for a list of IMEIs without a header. Raises Invalid."""
        if row.problem:
            raise Invalid(f"the first line cannot be read: {row.problem}")
        names = {name: place for place, name in reversed(list(enumerate(row.cells)))}
        places = {name: place for name, place in _members(names).items() if name not in ("devices", "more")}
        has_account = "account" in places or self._found.default_account is not None
        if has_account and _is_header(row.cells):
            if ignored := [name for name, place in names.items() if place not in places.values()]:
                self._found.notes.append(ignored_note(ignored[::-1]))
            return places
        if has_account and len(row.cells) == 1 and is_device_id(row.cells[0]):
            return {}
        raise Invalid(f"the first line is {row.text[:80]!r}: {SHAPES}")


_GAP = re.compile(r"[\s,]*")
_scan = json.JSONDecoder().raw_decode


class JsonFile:
    """JSON documents, one after another or in one array: a number of licenses, a device or a license status page."""

    def __init__(self, found: CarrierList) -> None:
        self._found = found
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._documents = 0
        self._ends_with = ""
        """What ends the documents: `]` if they are in an array."""

    def feed(self, chunk: bytes) -> None:
        self._text += self._decoder.decode(chunk)
        place = self._next(0)
        if place < len(self._text) and self._text[place] == "[" and not (self._documents or self._ends_with):
            self._ends_with, place = "]", self._next(place + 1)
        while place < len(self._text) and self._text[place] != self._ends_with:
            if self._text[place] != "{":
                raise Invalid(f"document {self._documents + 1} is not a JSON object: {SHAPES}")
            try:
                document, end = _scan(self._text, place)
            except RecursionError as error:
                raise Invalid(f"document {self._documents + 1} is nested too deeply") from error
            except ValueError:
                break  # it may go on in the next chunk
            self._add(document)
            place = self._next(end)
        self._text = self._text[place:]
        if len(self._text) > MAX_DOCUMENT_CHARS:
            raise Invalid(
                f"document {self._documents + 1} is longer than {MAX_DOCUMENT_CHARS} characters, or is no JSON:"
                " use one for each page"
            )

    def close(self) -> None:
        if self._text.strip() != self._ends_with:
            raise Invalid(f"document {self._documents + 1} is not complete, or is no JSON")
        if not self._documents:
            raise Invalid(f"the file is empty: {SHAPES}")

    def _next(self, place: int) -> int:
        match = _GAP.match(self._text, place)
        return match.end() if match else place

    def _add(self, document: dict[str, Any]) -> None:
        self._documents += 1
        members = _members(document)
        if not isinstance(members.get("devices", []), list):
            raise Invalid(f"document {self._documents}: the list of devices is not an array")
        if not members.keys() & {ID, "devices", "total", "used"}:
            names = ", ".join(list(document)[:8]) or "no members"
            raise Invalid(f"document {self._documents} has {names[:200]}: {SHAPES}")
        self._found.add(self._documents, members)


def reader_of(found: CarrierList, start: bytes, max_line_bytes: int) -> CarrierReader:
    """The reader for a file that begins with these bytes: JSON by its first character, else a table."""
    first = start.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return JsonFile(found) if first in (b"{", b"[") else TableFile(found, max_line_bytes)


class CarrierFile:
    """Reads a file whose form its first bytes decide."""

    def __init__(self, default_account: str | None, max_line_bytes: int) -> None:
        self.found = CarrierList(default_account)
        self._max = max_line_bytes
        self._start = b""
        self._reader: CarrierReader | None = None

    def feed(self, chunk: bytes) -> None:
        """Reads a chunk. Raises Invalid for a file of another shape, or with too many devices."""
        if self._reader is None:
            self._start += chunk
            if not self._start.removeprefix(codecs.BOM_UTF8).strip():
                self._start = self._start[:8]
                return
            chunk, self._reader = self._start, reader_of(self.found, self._start, self._max)
        self._reader.feed(chunk)

    def close(self) -> CarrierList:
        """What was read. Raises Invalid."""
        if self._reader is None:
            raise Invalid(f"the file is empty: {SHAPES}")
        self._reader.close()
        for name, account in sorted(self.found.accounts.items()):
            if account.has_more and len(self.found.notes) < MAX_NOTES:
                self.found.notes.append(
                    f"The last page of {name} has hasMoreData: true. Devices of pages after it count as only here."
                )
        return self.found
