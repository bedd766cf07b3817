"""Devices that leave an account, because they are deleted or moved: which may, and what becomes of their licenses."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import LicenseFacts, LicenseState


class RejectionCode(enum.StrEnum):
    """Why a device of a list was refused."""

    DEVICE_ID_INVALID = "deviceIdInvalid"
    DEVICE_REPEATED = "deviceRepeated"
    DEVICE_NOT_FOUND = "deviceNotFound"
    UPGRADE_IN_PROGRESS = "upgradeInProgress"
    UPGRADE_SCHEDULED = "upgradeScheduled"
    DEVICE_KEY_EXISTS = "deviceKeyExists"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a device was refused: a code for programs and a text for people."""

    code: RejectionCode
    text: str


class UnfinishedUpgrade(NamedTuple):
    """UpgradeStatus of an upgrade that is pending, scheduled or in progress; its campaign's id, or None."""

    status: int
    campaign: str | None


class DepartureKinds(NamedTuple):
    """The ledger entries of a device that leaves: its license is removed, or stays counted, or it has none."""

    removed: EntryKind
    kept: EntryKind
    unlicensed: EntryKind


DELETED = DepartureKinds(EntryKind.DELETED_LICENSED, EntryKind.DELETED_KEPT, EntryKind.DELETED)
MOVED = DepartureKinds(EntryKind.MOVED_LICENSED, EntryKind.MOVED_KEPT, EntryKind.MOVED)


@dataclass(slots=True)
class DepartureFacts:
    """What decides on the devices of a list, besides their licenses."""

    licenses: LicenseFacts
    upgrades: dict[int, UnfinishedUpgrade] = field(default_factory=dict)
    taken_key_names: dict[int, str] = field(default_factory=dict)
    """Devices with a device key whose name a key of the target account has, and that name."""


@dataclass(frozen=True, slots=True)
class DepartureDecision:
    """A ledger entry for each device that leaves, in order, and why the others do not."""

    entries: list[Entry]
    rejections: dict[int, Rejection]

    @property
    def left(self) -> list[int]:
        """The devices that leave."""
        return [entry.device for entry in self.entries]

    def count(self, *kinds: EntryKind) -> int:
        """How many of the entries are of these kinds."""
        return sum(entry.kind in kinds for entry in self.entries)


def decide_departures(facts: DepartureFacts, devices: Sequence[int], kinds: DepartureKinds) -> DepartureDecision:
    """Lets each of the distinct devices go unless a campaign or an operator is about to upgrade it.

    A license that `remove` may take goes with its device. Any other, used or under notice, stays counted until a
    reduction or the end of its notice takes it: otherwise one license could upgrade any number of devices in turn.
    """
    used = facts.licenses.pool.used
    entries: list[Entry] = []
    rejections: dict[int, Rejection] = {}
    for device in devices:
        rejection = _rejection(facts, device)
        if rejection is not None:
            rejections[device] = rejection
            continue
        state = facts.licenses.licenses.get(device)
        kind = kinds.unlicensed if state is None else kinds.removed if state == LicenseState.PLAIN else kinds.kept
        used += kind.delta
        entries.append(Entry(device, kind, used))
    return DepartureDecision(entries, rejections)


def _rejection(facts: DepartureFacts, device: int) -> Rejection | None:
    if device not in facts.licenses.devices:
        return Rejection(RejectionCode.DEVICE_NOT_FOUND, "not a device of the account")
    upgrade = facts.upgrades.get(device)
    if upgrade is not None:
        of = f"of campaign {upgrade.campaign}" if upgrade.campaign else "that an operator has set"
        if upgrade.status == UpgradeStatus.IN_PROGRESS:
            return Rejection(
                RejectionCode.UPGRADE_IN_PROGRESS, f"an upgrade {of} is in progress: wait until it has ended"
            )
        return Rejection(RejectionCode.UPGRADE_SCHEDULED, f"an upgrade {of} is scheduled: cancel it first")
    name = facts.taken_key_names.get(device)
    if name is not None:
        text = f"its device key {name} has the name of a key of the other account: delete one of them first"
        return Rejection(RejectionCode.DEVICE_KEY_EXISTS, text)
    return None
