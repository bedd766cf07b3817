"""The seed document (YAML or JSON) and its device lines, which imports share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from fotapool.domain.devices.devices import ACTIVE, MAX_STATUS, MAX_TEXT, PROTOCOLS, Device, parse_protocol
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS
from fotapool.domain.names import MAX_IMEI, is_device_id
from fotapool.domain.packages import DEFAULT_PLATFORM, NewPackage, check_package
from fotapool.services.simulation.fleets import FleetLine

MAX_RUN = 50_000_000
"""How many devices one run of a seed document makes at most."""
UNKNOWN = "unknown"
MAX_NESTING, MAX_INDENT = 1_000, 1_000
"""How many brackets may be open, and how many characters a line may be indented, in a seed document."""
MAX_TIMESTAMP_MS = 253_370_764_800_000
"""9999-01-01: later times could not be written."""


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
        """Raises Invalid that says which member is wrong."""
        _check_device_id("deviceId", self.deviceId)
        check_texts(self.make, self.model, self.firmware, self.mdn)
        check_status(self.status)
        protocol = read_protocol(self.protocol)
        licensed_ms = parse_licensed_at(self.licensedAt) if self.licensedAt else now_ms if self.licensed else None
        return Device(
            device=int(self.deviceId),
            make=self.make,
            model=self.model,
            firmware=self.firmware,
            protocol=protocol,
            mdn=self.mdn,
            licensed_ms=licensed_ms,
            status=self.status,
        )


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
        """Raises Invalid that says which member is wrong."""
        self.check()
        first = int(self.first)
        protocol = read_protocol(self.protocol)
        since_ms = parse_licensed_at(self.licensedAt) if self.licensedAt else now_ms
        for place in range(self.count):
            licensed_ms = since_ms if place < self.licensed else None
            yield Device(
                device=first + place,
                make=self.make,
                model=self.model,
                firmware=self.firmware,
                protocol=protocol,
                mdn="",
                licensed_ms=licensed_ms,
                status=self.status,
            )

    def check(self) -> None:
        """Raises Invalid that says which member is wrong."""
        _check_device_id("first", self.first)
        if not 0 < self.count <= MAX_RUN or int(self.first) + self.count - 1 > MAX_IMEI:
            raise Invalid(f"count must be from 1 to {MAX_RUN}, and the last IMEI must have 15 digits")
        if not 0 <= self.licensed <= self.count:
            raise Invalid("licensed must be from 0 to count")
        check_texts(self.make, self.model, self.firmware, "")
        check_status(self.status)
        read_protocol(self.protocol)
        if self.licensedAt:
            parse_licensed_at(self.licensedAt)


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
        """Raises Invalid that says which member is wrong."""
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
    key: str
    secret: str


class SeedUser(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    password: str
    accounts: list[str] = []


class SeedAccount(msgspec.Struct, forbid_unknown_fields=True):
    name: str
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
    """Reads YAML or JSON. All scalars are taken as text first, so that an unquoted IMEI keeps its zeros.

    Raises Invalid that says where the document is wrong.
    """
    from fotapool.core.yaml_loader import read_yaml

    check_nesting(text)
    try:
        return msgspec.convert(read_yaml(text) or {}, SeedDocument, strict=False)
    except RecursionError as error:
        raise Invalid("the seed document is nested too deeply") from error
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"the seed document cannot be read: {error}") from error


def read_json_seed(data: bytes) -> SeedDocument:
    """Reads JSON in the same way, a hundred times as fast. Raises Invalid that says where the document is wrong."""
    try:
        return msgspec.convert(_as_texts(_read_json(data)), SeedDocument, strict=False)
    except RecursionError as error:
        raise Invalid("the seed document is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid(f"the seed document cannot be read: {error}") from error


_read_json = msgspec.json.Decoder(float_hook=str).decode


def _as_texts(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {name: _as_texts(value) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_as_texts(value) for value in plain]
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def check_nesting(text: str) -> None:
    """Raises Invalid for a document so deep that the C parser would exhaust its stack; ours has five levels."""
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
    """The devices of a seed's account, runs spelled out. Raises Invalid."""
    for line in _read_lines(account, now_ms):
        if isinstance(line, DeviceRun):
            yield from line.to_devices(now_ms)
        else:
            yield line


def check_devices(account: SeedAccount, now_ms: int) -> None:
    """Raises Invalid for a device or a run that is malformed, without spelling out the runs."""
    for _ in _read_lines(account, now_ms):
        pass


def _read_lines(account: SeedAccount, now_ms: int) -> Iterator[Device | DeviceRun]:
    for place, fields in enumerate(account.devices):
        try:
            if "first" in fields:
                run = msgspec.convert(fields, DeviceRun, strict=False)
                run.check()
                yield run
            else:
                yield msgspec.convert(fields, DeviceLine, strict=False).to_device(now_ms)
        except (Invalid, msgspec.ValidationError) as error:
            raise Invalid(f"account {account.name}, devices[{place}]: {error}") from error


def first_duplicate(names: Sequence[str]) -> str | None:
    """The first name that stands there a second time."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _check_device_id(name: str, text: str) -> None:
    """Raises Invalid."""
    if not is_device_id(text):
        raise Invalid(f"{name} must be 15 digits, not {text[:40]!r}")


def check_texts(make: str, model: str, firmware: str, mdn: str) -> None:
    """Raises Invalid for a text that is too long or holds control characters."""
    for name, text in (("make", make), ("model", model), ("firmware", firmware), ("mdn", mdn)):
        if len(text) > MAX_TEXT or (text and not text.isprintable()):
            raise Invalid(f"{name} must be at most {MAX_TEXT} printable characters")


def read_protocol(word: str) -> str:
    """The protocol that the word means. Raises Invalid."""
    protocol = parse_protocol(word)
    if protocol is None:
        raise Invalid(f"protocol must be one of {', '.join(PROTOCOLS)}, not {word[:40]!r}")
    return protocol


def check_status(status: str) -> None:
    """Raises Invalid for a device's status that is empty, too long or holds control characters."""
    if not 0 < len(status) <= MAX_STATUS or not status.isprintable():
        raise Invalid(f"status must be 1 to {MAX_STATUS} printable characters")


def parse_licensed_at(text: str) -> int:
    """An RFC 3339 time as milliseconds, or `unknown`. Raises Invalid."""
    return UNKNOWN_TIME_MS if text == UNKNOWN else _parse_time("licensedAt", text, ", or unknown,")


def _parse_time(name: str, text: str, otherwise: str = ",") -> int:
    """An RFC 3339 time as milliseconds. Raises Invalid that names the member and what else it may be."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{name} must be a time like 2017-11-29T20:15:42.738Z{otherwise} not {text[:40]!r}") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * 1000)
    if not UNKNOWN_TIME_MS < milliseconds < MAX_TIMESTAMP_MS:
        raise Invalid(f"{name} must be after 1970-01-01 and before 9999-01-01")
    return milliseconds
