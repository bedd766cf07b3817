"""What the operator says of a device, and what importing it does to the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.ledger import Entry, EntryKind
from fotapool.domain.licenses import Pool

PROTOCOLS = ("LWM2M", "OMADM", "HTTP", "NONE")
"""The values of a v3 device row's `protocol` (facts, section 9.4)."""

MAX_TEXT = 200
"""How long make, model, firmware and MDN may be, in characters."""


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
