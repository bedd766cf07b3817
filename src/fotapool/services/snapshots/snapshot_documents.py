"""The snapshot document: the exact form of a seed document. Its structs, its layout, and reading of either form."""

from __future__ import annotations

import codecs
from typing import Annotated, Any

import msgspec

from fotapool.core.similar import with_nearest_member
from fotapool.core.timestamps import MAX_TIMESTAMP_MS, parse_timestamp
from fotapool.domain.devices.devices import ACTIVE
from fotapool.domain.errors import Invalid
from fotapool.services.simulation.fleets import FleetLine
from fotapool.services.snapshots.seed_documents import (
    PackageLine,
    SeedDocument,
    check_nesting,
    read_json_seed,
    read_seed_document,
)

MAX_SNAPSHOT_BYTES = 256 * 1024 * 1024
"""Maximum size of a snapshot, sent or received."""
NOT_UTF8 = "the document must be UTF-8 text without NUL characters: save it as UTF-8"
MAX_YAML_BYTES = 16 * 1024 * 1024
"""Maximum size of a document that is not JSON; reading YAML takes a hundred times as long."""

Id = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Hash = Annotated[str, msgspec.Meta(pattern="^[ -~]{1,500}$")]
"""The hash of a secret, as it is stored."""
ContentKey = Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{36}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """Marks a document as a snapshot: its time, the version of its schema, and the last id of each numbered table."""

    now: str
    schema: str
    lastIds: dict[str, Count] = {}


class ClientState(msgspec.Struct, forbid_unknown_fields=True):
    """An API client."""

    key: str
    secretHash: Hash
    createdAt: str


class UserState(msgspec.Struct, forbid_unknown_fields=True):
    """A user."""

    username: str
    passwordHash: Hash
    createdAt: str
    accounts: list[str] = []
    failedLogins: Count = 0


class DeviceState(msgspec.Struct, forbid_unknown_fields=True):
    """A device, or a run of equal devices with consecutive IMEIs; the first `licensed` of them hold a license."""

    deviceId: str = ""
    first: str = ""
    count: Count = 1
    make: str = ""
    model: str = ""
    firmware: str = ""
    protocol: str = "LWM2M"
    mdn: str = ""
    status: str = ACTIVE
    createdAt: str | None = None
    updatedAt: str | None = None
    upgradedAt: str | None = None
    refreshedAt: str | None = None
    seenAt: str | None = None
    licensed: Count = 0
    licensedAt: str | None = None
    licensePlace: Count = 0
    licenseUsed: bool = False
    noticeUntil: str | None = None
    noticePlace: Count | None = None


class KeptLicense(msgspec.Struct, forbid_unknown_fields=True):
    """A license that stays counted although its device has left the account."""

    deviceId: str
    licensedAt: str
    licensePlace: Count = 0
    licenseUsed: bool = False
    noticeUntil: str | None = None
    noticePlace: Count | None = None


class AccountState(msgspec.Struct, forbid_unknown_fields=True):
    """An account with its pool, devices, licenses, candidates and fleets."""

    name: str
    id: Id
    createdAt: str
    displayName: str = ""
    notes: str = ""
    purchaseType: str = "TS-HFOTA-MRC"
    licenseCount: int = 0
    status: str = "active"
    namespace: Count = msgspec.field(default=0, name="realm")
    subscriptionUpdatedAt: str | None = None
    candidatesUpdatedAt: str | None = None
    devices: list[DeviceState] = []
    keptLicenses: list[KeptLicense] = []
    candidates: list[str] = []
    fleet: list[FleetLine] = []


class PackageState(PackageLine, kw_only=True, forbid_unknown_fields=True):
    """A package of firmware or software with its counters and its content."""

    id: Id
    succeeded: Count = 0
    failed: Count = 0
    contentKey: ContentKey | None = None
    contentSize: Count | None = None
    contentSha256: Sha256 | None = None


class TableState(msgspec.Struct, forbid_unknown_fields=True):
    """The rows of a table that has no members of its own in the document."""

    columns: list[str]
    rows: list[Annotated[list[Any], msgspec.Meta(extra_json_schema={"items": {}})]]


class ContentState(msgspec.Struct, forbid_unknown_fields=True):
    """The bytes of a file or package; base64 in JSON."""

    key: ContentKey
    data: bytes = msgspec.field(name="octets")


class Snapshot(msgspec.Struct, forbid_unknown_fields=True):
    """The whole snapshot; a snapshot taken after restoring it has the same bytes."""

    snapshot: Header
    clients: list[ClientState] = []
    users: list[UserState] = []
    accounts: list[AccountState] = []
    firmware: list[PackageState] = []
    state: dict[str, TableState] = {}
    contents: list[ContentState] = []


def read_document(data: bytes) -> SeedDocument | Snapshot:
    """Reads a seed document or a snapshot, JSON or YAML. Raises Invalid that names the wrong member."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\x00" in data:
        raise Invalid(NOT_UTF8)
    try:
        is_snapshot = msgspec.json.decode(data, type=_Either).snapshot is not msgspec.UNSET
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return _read_yaml(data)
    if not is_snapshot:
        return read_json_seed(data)
    try:
        return msgspec.json.decode(data, type=Snapshot, strict=False)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Invalid(f"the snapshot cannot be read: {with_nearest_member(error, Snapshot)}") from error


class _Either(msgspec.Struct):
    """Decodes only the member that distinguishes the two kinds of documents."""

    snapshot: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _read_yaml(data: bytes) -> SeedDocument | Snapshot:
    """Reads YAML. Scalars of a snapshot become texts or numbers by their columns; only nulls are read as nulls."""
    from fotapool.services.snapshots.yaml_loader import read_yaml

    text = _text(data)
    if "snapshot" not in text:
        return read_seed_document(text)
    check_nesting(text)
    try:
        plain = read_yaml(text, nulls=True)
    except (RecursionError, ValueError):
        return read_seed_document(text)  # raises Invalid
    if not isinstance(plain, dict) or "snapshot" not in plain:
        return read_seed_document(text)
    try:
        return msgspec.convert(plain, Snapshot, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"the snapshot cannot be read: {with_nearest_member(error, Snapshot)}") from error


def _text(data: bytes) -> str:
    if len(data) > MAX_YAML_BYTES:
        raise Invalid(f"a document of more than {MAX_YAML_BYTES // 1024**2} MiB must be JSON")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(NOT_UTF8) from error


def format_document(document: dict[str, Any]) -> bytes:
    """JSON with one line for each value that has no nested lists or objects, so that snapshots can be compared."""
    parts: list[bytes] = []
    _append(document, parts, b"\n")
    parts.append(b"\n")
    return b"".join(parts)


def _append(value: Any, parts: list[bytes], pad: bytes) -> None:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(member, dict | list) for member in members):
        parts.append(_encode(value))
        return
    inside = pad + b" "
    if isinstance(value, dict):
        for place, (name, member) in enumerate(value.items()):
            parts.append((b"," if place else b"{") + inside + _encode(name) + b": ")
            _append(member, parts, inside)
        parts.append(pad + b"}")
    else:
        for place, member in enumerate(value):
            parts.append((b"," if place else b"[") + inside)
            _append(member, parts, inside)
        parts.append(pad + b"]")


_encode = msgspec.json.Encoder().encode


def read_timestamp(text: str) -> int:
    """The timestamp (ms) of RFC 3339 text. Raises Invalid."""
    try:
        timestamp_ms = parse_timestamp(text)
    except ValueError as error:
        raise Invalid(f"{text[:40]!r} is no time like 2026-03-10T12:00:00.000Z") from error
    if not 0 <= timestamp_ms < MAX_TIMESTAMP_MS:
        raise Invalid(f"{text[:40]!r} must be from 1970 on, and before 9999")
    return timestamp_ms
