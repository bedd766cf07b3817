"""What is known of a device: eligibility, reachability, logging; and what importing devices does to the pool."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import MAX_OFFENDERS, format_device_id

PROTOCOLS = ("LWM2M", "OMADM", "HTTP", "NONE")
"""The values of a device row's `protocol` (facts, section 9.4)."""
NO_PROTOCOL = "NONE"

_OTHER_WORDS = dict.fromkeys(("OMA", "OMA-DM", "OMD-DM", "OMDADM"), "OMADM")
"""Further words of pages and SDKs for a protocol, two of them misspelled there (facts, section 9.4)."""

ACTIVE = "Active"
"""The `status` of a device that takes part in upgrades (facts, section 9.4); any other word keeps it out."""

MAX_STATUS = 40
"""How long a device's status may be, in characters."""

MAX_TEXT = 200
"""How long make, model, firmware and MDN may be, in characters."""


REACHABLE_WITHIN_MS = 24 * 3_600_000
"""A monitored device that was heard of within this time counts as reachable (our choice)."""

MAX_LOGGING_DEVICES = 20
"""For how many devices of an account logging is on at most (rule U18)."""
LOGGING_MS = 7 * 24 * 3_600_000
"""After which time logging goes off by itself (rule U18)."""
RETENTION_LOGS_MS = 30 * 24 * 3_600_000
"""How long logs, and the history of check-ins, are kept (rule U18)."""


def parse_protocol(word: str) -> str | None:
    """The protocol that a word of the API means, in any case; None for a word that means none."""
    upper = word.upper()
    return _OTHER_WORDS.get(upper, upper if upper in PROTOCOLS else None)


def is_eligible(protocol: str, status: str) -> bool:
    """Whether the device's firmware can be upgraded over the air: `fotaEligible` of device rows (our choice)."""
    return protocol != NO_PROTOCOL and status == ACTIVE


class Reachability(enum.Enum):
    """What is known of a device's connection."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


def reachability(licensed_ms: int | None, seen_ms: int | None, now_ms: int) -> Reachability:
    """A device is monitored while it is licensed (rule L3); `licensed_ms` is None for one that is not.

    Reachable: heard of since then, and within REACHABLE_WITHIN_MS. Unreachable: monitored for longer than that, and
    not heard of within it. Otherwise nothing is known yet.
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
    """When the device was last heard of, as far as it was monitored then (rule L3)."""
    if licensed_ms is None or seen_ms is None or seen_ms < licensed_ms:
        return None
    return seen_ms


def check_logging(enabled: set[int], known: set[int], wanted: Sequence[int]) -> None:
    """Whether logging may go on for the wanted devices; `known` are those of them that the account has.

    Raises RequestRejected: LOGGING_LIMIT if it would be on for more than MAX_LOGGING_DEVICES, DEVICE_UNKNOWN.
    """
    if len(enabled.union(wanted)) > MAX_LOGGING_DEVICES:
        raise RequestRejected(ErrorCode.LOGGING_LIMIT)
    check_known(known, wanted)


def check_known(known: set[int], wanted: Sequence[int]) -> None:
    """Raises RequestRejected(DEVICE_UNKNOWN) if the account does not have all of the wanted devices."""
    unknown = [format_device_id(device) for device in wanted if device not in known]
    if unknown:
        raise RequestRejected(ErrorCode.DEVICE_UNKNOWN, offenders=unknown[:MAX_OFFENDERS])


@dataclass(frozen=True, slots=True)
class Device:
    """One line of an import; `licensed_ms` is None for a device that is not to be licensed."""

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
    """What an import keeps: `failures` are (place in the batch, why) of the lines it does not."""

    kept: list[Device]
    entries: list[Entry]
    assigned_ms: list[int]
    """The assignment time of each entry."""
    failures: list[tuple[int, str]]


def decide_import(pool: Pool, owners: dict[int, int], licensed: set[int], lines: Sequence[Device]) -> ImportDecision:
    """Keeps each device that no other account owns; licenses those that ask for it while licenses are free.

    `owners` maps devices to the account they belong to. A device that holds a license keeps it with its time.
    """
    kept: list[Device] = []
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
        kept.append(line)
    return ImportDecision(kept, entries, assigned_ms, failures)
