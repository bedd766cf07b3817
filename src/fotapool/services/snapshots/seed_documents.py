"""The seed document (YAML or JSON): its structs, its reading, and the checks of devices that imports share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec

from fotapool.core.similar import with_nearest_member
from fotapool.core.timestamps import MAX_TIMESTAMP_MS, parse_timestamp
from fotapool.domain.devices.devices import ACTIVE, MAX_STATUS, MAX_TEXT, PROTOCOLS, Device, parse_protocol
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS
from fotapool.domain.names import MAX_IMEI, is_device_id
from fotapool.domain.packages import DEFAULT_PLATFORM, NewPackage, check_package
from fotapool.services.simulation.fleets import FleetLine

MAX_RUN = 50_000_000
"""Maximum number of devices of one run."""
UNKNOWN = "unknown"
MAX_NESTING, MAX_INDENT = 1_000, 1_000
"""Maximum number of open brackets, and of characters by which a line is indented, in a seed document."""


class DeviceLine(msgspec.Struct, forbid_unknown_fields=True):
    """One device of an import or of a seed."""

    deviceId: str
    make: str = ""
    model: str = ""
    firmware: str = ""
    protocol: str = "LWM2M"
    mdn: str = ""
    licensed: bool = False
    licensedAt: str | None = None
    status: str = ACTIVE

    def to_device(self, now_ms: int) -> Device:
        """The device. Raises Invalid that names the wrong member."""
        _check_device_id("deviceId", self.deviceId)
        protocol = check_traits(self)
        licensed_ms = parse_licensed_at(self.licensedAt) if self.licensedAt else now_ms if self.licensed else None
        return _device(self, imei=int(self.deviceId), protocol=protocol, licensed_ms=licensed_ms)


class DeviceRun(msgspec.Struct, forbid_unknown_fields=True):
    """A run of devices with consecutive IMEIs; the first `licensed` of them hold a license."""

    first: str
    count: int
    make: str = ""
    model: str = ""
    firmware: str = ""
    protocol: str = "LWM2M"
    licensed: int = 0
    licensedAt: str | None = None
    status: str = ACTIVE

    def to_devices(self, now_ms: int) -> Iterator[Device]:
        """The devices of the run. Raises Invalid that names the wrong member."""
        protocol = self.check()
        since_ms = parse_licensed_at(self.licensedAt) if self.licensedAt else now_ms
        for place in range(self.count):
            licensed_ms = since_ms if place < self.licensed else None
            yield _device(self, imei=int(self.first) + place, protocol=protocol, licensed_ms=licensed_ms)

    def check(self) -> str:
        """Returns the protocol. Raises Invalid that names the wrong member."""
        _check_device_id("first", self.first)
        if not 0 < self.count <= MAX_RUN or int(self.first) + self.count - 1 > MAX_IMEI:
            raise Invalid(f"count must be from 1 to {MAX_RUN}, and the last IMEI must have 15 digits")
        if not 0 <= self.licensed <= self.count:
            raise Invalid("licensed must be from 0 to count")
        protocol = check_traits(self)
        if self.licensedAt:
            parse_licensed_at(self.licensedAt)
        return protocol


def _device(line: DeviceLine | DeviceRun, *, imei: int, protocol: str, licensed_ms: int | None) -> Device:
    return Device(
        device=imei,
        make=line.make,
        model=line.model,
        firmware=line.firmware,
        protocol=protocol,
        mdn=line.mdn if isinstance(line, DeviceLine) else "",
        licensed_ms=licensed_ms,
        status=line.status,
    )


Text = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_TEXT})]


class PackageLine(msgspec.Struct, forbid_unknown_fields=True):
    """A package of firmware or software: in a seed, or as the operator creates it."""

    firmwareName: Text
    make: Text
    model: Text
    fromVersion: Text
    toVersion: Text
    protocol: str = "LWM2M"
    releaseNote: str = ""
    platformId: str = DEFAULT_PLATFORM
    launchDate: str | None = None
    proven: bool = False

    def to_package(self, now_ms: int) -> NewPackage:
        """The package. Raises Invalid that names the wrong member."""
        package = NewPackage(
            name=self.firmwareName,
            make=self.make,
            model=self.model,
            from_version=self.fromVersion,
            to_version=self.toVersion,
            protocol=read_protocol(self.protocol),
            launched_ms=now_ms if self.launchDate is None else _parse_time("launchDate", self.launchDate),
            release_note=self.releaseNote,
            platform=self.platformId,
            pilot_passed=self.proven,
        )
        check_package(package)
        return package


class SeedClient(msgspec.Struct, forbid_unknown_fields=True):
    """An API client."""

    key: str
    secret: str


class SeedUser(msgspec.Struct, forbid_unknown_fields=True):
    """A user of some of the accounts."""

    username: str
    password: str
    accounts: list[str] = []


class SeedAccount(msgspec.Struct, forbid_unknown_fields=True):
    """An account with its devices (DeviceLine or DeviceRun), candidates and fleets."""

    name: str
    displayName: str = ""
    notes: str = ""
    purchaseType: str = "TS-HFOTA-MRC"
    licenseCount: int = 0
    devices: list[dict[str, str]] = []
    candidates: list[str] = []
    fleet: list[FleetLine] = []


class SeedDocument(msgspec.Struct, forbid_unknown_fields=True):
    """The whole document; every part may be missing."""

    clients: list[SeedClient] = []
    users: list[SeedUser] = []
    accounts: list[SeedAccount] = []
    firmware: list[PackageLine] = []


def read_seed_document(text: str) -> SeedDocument:
    """Reads YAML or JSON. Scalars are read as text first, so that an unquoted IMEI keeps its leading zeros.

    Raises Invalid that names the wrong member.
    """
    from fotapool.services.snapshots.yaml_loader import read_yaml

    check_nesting(text)
    try:
        return msgspec.convert(read_yaml(text) or {}, SeedDocument, strict=False)
    except RecursionError as error:
        raise Invalid("the seed document is nested too deeply") from error
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"the seed document cannot be read: {with_nearest_member(error, SeedDocument)}") from error


def read_json_seed(data: bytes) -> SeedDocument:
    """Reads JSON like `read_seed_document`, a hundred times as fast. Raises Invalid that names the wrong member."""
    try:
        return msgspec.convert(_as_texts(_read_json(data)), SeedDocument, strict=False)
    except RecursionError as error:
        raise Invalid("the seed document is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid(f"the seed document cannot be read: {with_nearest_member(error, SeedDocument)}") from error


_read_json = msgspec.json.Decoder(float_hook=str).decode


def _as_texts(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {name: _as_texts(value) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_as_texts(value) for value in plain]
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def check_nesting(text: str) -> None:
    """Raises Invalid for a document so deep that the C parser would exhaust its stack; seeds have five levels."""
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_NESTING:
            break
    if depth > MAX_NESTING or _LONG_INDENT.search(text):
        raise Invalid("the seed document is nested too deeply")


_BRACKETS = re.compile(r"[\[\]{}]")
_LONG_INDENT = re.compile(rf"^[ \t?:-]{{{MAX_INDENT}}}", re.MULTILINE)


def read_devices(account: SeedAccount, now_ms: int) -> Iterator[Device]:
    """The devices of a seed's account, with runs expanded. Raises Invalid."""
    for line in _read_lines(account, now_ms):
        if isinstance(line, DeviceRun):
            yield from line.to_devices(now_ms)
        else:
            yield line


def check_devices(account: SeedAccount, now_ms: int) -> None:
    """Raises Invalid for a malformed device or run, without expanding the runs."""
    for _ in _read_lines(account, now_ms):
        pass


def _read_lines(account: SeedAccount, now_ms: int) -> Iterator[Device | DeviceRun]:
    for place, fields in enumerate(account.devices):
        kind = DeviceRun if "first" in fields else DeviceLine
        try:
            if kind is DeviceRun:
                run = msgspec.convert(fields, DeviceRun, strict=False)
                run.check()
                yield run
            else:
                yield msgspec.convert(fields, DeviceLine, strict=False).to_device(now_ms)
        except (Invalid, msgspec.ValidationError) as error:
            text = with_nearest_member(error, kind)
            raise Invalid(f"account {account.name}, devices[{place}]: {text}") from error


def check_unique(what: str, names: Iterable[str]) -> None:
    """Raises Invalid that names the first duplicate, if any."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Invalid(f"{what} {name} is there twice")
        seen.add(name)


def _check_device_id(name: str, text: str) -> None:
    """Raises Invalid."""
    if not is_device_id(text):
        raise Invalid(f"{name} must be 15 digits, not {text[:40]!r}")


def check_traits(line: Any) -> str:
    """Checks make, model, firmware, mdn, status and protocol of a device or a run; returns the protocol.

    Raises Invalid for a text that is too long or has control characters, an empty status, or an unknown protocol.
    """
    for name in ("make", "model", "firmware", "mdn"):
        text = getattr(line, name, "")
        if len(text) > MAX_TEXT or (text and not text.isprintable()):
            raise Invalid(f"{name} must be at most {MAX_TEXT} printable characters")
    if not 0 < len(line.status) <= MAX_STATUS or not line.status.isprintable():
        raise Invalid(f"status must be 1 to {MAX_STATUS} printable characters")
    return read_protocol(line.protocol)


def read_protocol(text: str) -> str:
    """The protocol of this name. Raises Invalid."""
    protocol = parse_protocol(text)
    if protocol is None:
        raise Invalid(f"protocol must be one of {', '.join(PROTOCOLS)}, not {text[:40]!r}")
    return protocol


def parse_licensed_at(text: str) -> int:
    """The timestamp (ms) of RFC 3339 text; UNKNOWN_TIME_MS for `unknown`. Raises Invalid."""
    return UNKNOWN_TIME_MS if text == UNKNOWN else _parse_time("licensedAt", text, ", or unknown,")


_LOCAL_DATE = re.compile(r"(?:[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2})\b")
"""A date as spreadsheets write it: 31.12.2026, 12/31/2026 or 2026/12/31."""


def _parse_time(name: str, text: str, otherwise: str = ",") -> int:
    try:
        timestamp_ms = parse_timestamp(text)
    except ValueError as error:
        local = ": a local date; write it as 2017-11-29" if _LOCAL_DATE.match(text) else ""
        wanted = f"{name} must be a time like 2017-11-29T20:15:42.738Z{otherwise} not {text[:40]!r}"
        raise Invalid(wanted + local) from error
    if not UNKNOWN_TIME_MS < timestamp_ms < MAX_TIMESTAMP_MS:
        raise Invalid(f"{name} must be after 1970-01-01 and before 9999-01-01")
    return timestamp_ms
