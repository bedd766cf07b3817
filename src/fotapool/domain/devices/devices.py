"""Devices: eligibility, reachability, logging, and the effect of an import on the pool."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import MAX_OFFENDERS, format_device_id, parse_device_ids

PROTOCOLS = ("LWM2M", "OMADM", "HTTP", "NONE")
"""The values of a device row's `protocol` (facts, section 9.4)."""
NO_PROTOCOL = "NONE"

_ALIASES = dict.fromkeys(("OMA", "OMA-DM", "OMD-DM", "OMDADM"), "OMADM")
"""Other spellings of a protocol in pages and SDKs, two of them misspelled there (facts, section 9.4)."""

ACTIVE = "Active"
"""The `status` of devices that can be upgraded (facts, section 9.4); any other value excludes a device."""

MAX_STATUS = 40
"""Maximum length of a device's status in characters."""

MAX_TEXT = 200
"""Maximum length of make, model, firmware and MDN in characters."""

REACHABLE_WITHIN_MS = DAY_MS
"""A monitored device counts as reachable for this long after its last contact (our choice)."""

MAX_LOGGING_DEVICES = 20
"""Maximum number of devices of an account with logging enabled (rule U18)."""
LOGGING_MS = 7 * DAY_MS
"""Logging is disabled automatically after this time (rule U18)."""
RETENTION_LOGS_MS = 30 * DAY_MS
"""How long logs and check-ins are stored (rule U18)."""

_MDN = re.compile(r"[0-9]{1,15}", re.ASCII)
MAX_SHOWN = 40
"""How many characters of an unknown kind of identifier an error repeats."""


def parse_protocol(text: str) -> str | None:
    """The protocol of a value of the API, in any case and spelling; None if it is not one."""
    upper = text.upper()
    return _ALIASES.get(upper, upper if upper in PROTOCOLS else None)


class IdentifierKind(enum.Enum):
    """What a device can be found by."""

    IMEI = "imei"
    MDN = "mdn"


@dataclass(frozen=True, slots=True)
class DeviceIdentifier:
    """An IMEI as a number, or an MDN as text."""

    kind: IdentifierKind
    value: int | str


def parse_identifier(kind: str, text: str) -> DeviceIdentifier:
    """Parses an identifier of a kind in any case.

    Raises RequestRejected: NOT_EMULATED for another kind than IMEI and MDN, or DEVICE_ID_INVALID.
    """
    known = next((one for one in IdentifierKind if one.value == kind.lower()), None)
    if known is None:
        raise RequestRejected(ErrorCode.NOT_EMULATED, f"An identifier of the kind {kind[:MAX_SHOWN]}")
    if known is IdentifierKind.IMEI:
        return DeviceIdentifier(known, parse_device_ids([text])[0])
    if _MDN.fullmatch(text) is None:
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=[text[:64]])
    return DeviceIdentifier(known, text)


def is_eligible(protocol: str, status: str) -> bool:
    """Whether the device can be upgraded over the air: `fotaEligible` of device rows (our choice)."""
    return protocol != NO_PROTOCOL and status == ACTIVE


class Reachability(enum.Enum):
    """The state of a device's connection."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


def reachability(licensed_ms: int | None, seen_ms: int | None, now_ms: int) -> Reachability:
    """The state at `now_ms`. A device is monitored while it is licensed (rule L3), since `licensed_ms`.

    Reachable: in contact since it is monitored and within REACHABLE_WITHIN_MS. Unreachable: monitored for longer than
    that without a contact. Otherwise unknown.
    """
    if licensed_ms is None:
        return Reachability.UNKNOWN
    heard = seen_ms is not None and now_ms - seen_ms <= REACHABLE_WITHIN_MS
    if heard and last_connection_ms(licensed_ms, seen_ms) is not None:
        return Reachability.REACHABLE
    if not heard and now_ms - licensed_ms > REACHABLE_WITHIN_MS:
        return Reachability.UNREACHABLE
    return Reachability.UNKNOWN


def last_connection_ms(licensed_ms: int | None, seen_ms: int | None) -> int | None:
    """The device's last contact (ms) if it was monitored then (rule L3), or None."""
    if licensed_ms is None or seen_ms is None or seen_ms < licensed_ms:
        return None
    return seen_ms


def check_logging(enabled: set[int], known: set[int], wanted: Sequence[int]) -> None:
    """Checks whether logging may be enabled for the wanted devices; `known` are those of the account.

    Raises RequestRejected: LOGGING_LIMIT if more than MAX_LOGGING_DEVICES would have it enabled, DEVICE_UNKNOWN.
    """
    if len(enabled.union(wanted)) > MAX_LOGGING_DEVICES:
        raise RequestRejected(ErrorCode.LOGGING_LIMIT)
    check_known(known, wanted)


def check_known(known: set[int], wanted: Sequence[int]) -> None:
    """Raises RequestRejected(DEVICE_UNKNOWN) if a wanted device is not one of the account."""
    unknown = [format_device_id(device) for device in wanted if device not in known]
    if unknown:
        raise RequestRejected(ErrorCode.DEVICE_UNKNOWN, offenders=unknown[:MAX_OFFENDERS])


@dataclass(frozen=True, slots=True)
class Device:
    """One line of an import; `licensed_ms` is None for a device without a license."""

    device: int
    make: str = ""
    model: str = ""
    firmware: str = ""
    protocol: str = "LWM2M"
    mdn: str = ""
    licensed_ms: int | None = None
    status: str = ACTIVE


@dataclass(frozen=True, slots=True)
class ImportDecision:
    """The effect of an import: accepted lines, ledger entries, and `failures` as (index of the line, reason)."""

    accepted: list[Device]
    entries: list[Entry]
    assigned_ms: list[int]
    """The assignment time of each entry."""
    failures: list[tuple[int, str]]


def decide_import(pool: Pool, owners: dict[int, int], licensed: set[int], lines: Sequence[Device]) -> ImportDecision:
    """Accepts devices that no other account owns, and assigns the requested licenses while some are free.

    `owners` maps devices to their account. A device that holds a license keeps it with its assignment time.
    """
    accepted: list[Device] = []
    entries: list[Entry] = []
    assigned_ms: list[int] = []
    failures: list[tuple[int, str]] = []
    used = pool.used
    holders = set(licensed)
    for place, line in enumerate(lines):
        if owners.get(line.device, pool.account_id) != pool.account_id:
            failures.append((place, "the device belongs to another account"))
            continue
        if line.licensed_ms is not None and line.device not in holders:
            if used >= pool.total:
                failures.append((place, "no unused license available"))
                continue
            used += 1
            holders.add(line.device)
            entries.append(Entry(line.device, EntryKind.IMPORTED, used))
            assigned_ms.append(line.licensed_ms)
        accepted.append(line)
    return ImportDecision(accepted, entries, assigned_ms, failures)
