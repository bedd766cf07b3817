"""The seed document (YAML or JSON) and its device lines, which imports share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import yaml
from stdnum import luhn

from fotapool.domain.devices import MAX_TEXT, PROTOCOLS, Device
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses import UNKNOWN_TIME_MS
from fotapool.domain.names import MAX_IMEI, is_device_id

MAX_RUN = 50_000_000
"""How many devices one run of a seed document makes at most."""
UNKNOWN = "unknown"


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

    def to_device(self, now_ms: int) -> Device:
        """Raises Invalid that says which member is wrong."""
        if not is_device_id(self.deviceId):
            raise Invalid(f"deviceId must be 15 digits, not {self.deviceId[:40]!r}")
        check_texts(self.make, self.model, self.firmware, self.mdn, self.protocol)
        licensed_ms = parse_licensed_at(self.licensedAt) if self.licensedAt else now_ms if self.licensed else None
        return Device(int(self.deviceId), self.make, self.model, self.firmware, self.protocol, self.mdn, licensed_ms)


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

    def to_devices(self, now_ms: int) -> Iterator[Device]:
        """Raises Invalid that says which member is wrong."""
        if not is_device_id(self.first):
            raise Invalid(f"first must be 15 digits, not {self.first[:40]!r}")
        first = int(self.first)
        if not 0 < self.count <= MAX_RUN or first + self.count - 1 > MAX_IMEI:
            raise Invalid(f"count must be from 1 to {MAX_RUN}, and the last IMEI must have 15 digits")
        if not 0 <= self.licensed <= self.count:
            raise Invalid("licensed must be from 0 to count")
        check_texts(self.make, self.model, self.firmware, "", self.protocol)
        since_ms = parse_licensed_at(self.licensedAt) if self.licensedAt else now_ms
        for place in range(self.count):
            licensed_ms = since_ms if place < self.licensed else None
            yield Device(first + place, self.make, self.model, self.firmware, self.protocol, "", licensed_ms)


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


class SeedDocument(msgspec.Struct, forbid_unknown_fields=True):
    """The whole document; every part may be missing. `firmware` is read but has no effect in this version."""

    clients: list[SeedClient] = []
    users: list[SeedUser] = []
    accounts: list[SeedAccount] = []
    firmware: list[dict[str, str]] = []


def read_seed_document(text: str) -> SeedDocument:
    """Reads YAML or JSON. All scalars are taken as text first, so that an unquoted IMEI keeps its zeros.

    Raises Invalid that says where the document is wrong.
    """
    try:
        plain = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506
        return msgspec.convert(plain or {}, SeedDocument, strict=False)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise Invalid(f"the seed document cannot be read: {error}") from error


def read_devices(account: SeedAccount, now_ms: int) -> Iterator[Device]:
    """The devices of a seed's account, runs spelled out. Raises Invalid."""
    for place, fields in enumerate(account.devices):
        try:
            if "first" in fields:
                yield from msgspec.convert(fields, DeviceRun, strict=False).to_devices(now_ms)
            else:
                yield msgspec.convert(fields, DeviceLine, strict=False).to_device(now_ms)
        except (Invalid, msgspec.ValidationError) as error:
            raise Invalid(f"account {account.name}, device {place}: {error}") from error


def check_texts(make: str, model: str, firmware: str, mdn: str, protocol: str) -> None:
    """Raises Invalid for a text that is too long or holds control characters, or an unknown protocol."""
    for name, text in (("make", make), ("model", model), ("firmware", firmware), ("mdn", mdn)):
        if len(text) > MAX_TEXT or (text and not text.isprintable()):
            raise Invalid(f"{name} must be at most {MAX_TEXT} printable characters")
    if protocol not in PROTOCOLS:
        raise Invalid(f"protocol must be one of {', '.join(PROTOCOLS)}, not {protocol[:40]!r}")


def parse_licensed_at(text: str) -> int:
    """An RFC 3339 time as milliseconds, or `unknown`. Raises Invalid."""
    if text == UNKNOWN:
        return UNKNOWN_TIME_MS
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"licensedAt must be a time like 2017-11-29T20:15:42.738Z, or unknown, not {text[:40]!r}"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * 1000)
    if milliseconds <= UNKNOWN_TIME_MS:
        raise Invalid("licensedAt must be after 1970-01-01")
    return milliseconds


def check_digit_is_valid(device: int) -> bool:
    """Whether the IMEI's last digit is the Luhn check digit of the others."""
    return bool(luhn.is_valid(f"{device:015d}"))
