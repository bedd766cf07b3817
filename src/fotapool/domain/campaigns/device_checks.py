"""The checks of a campaign's devices before it is queued, and the licenses that the campaign assigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.domain.campaigns.campaigns import Artifact
from fotapool.domain.campaigns.upgrades import Reason
from fotapool.domain.devices.devices import ACTIVE, NO_PROTOCOL
from fotapool.domain.licenses.ledger import Entry
from fotapool.domain.licenses.licenses import LicenseFacts, Outcome, Pool, decide_assign
from fotapool.domain.names import PurchaseType


class DeviceFacts(NamedTuple):
    """A device named by a campaign; `make` is None if the account does not have the device."""

    imei: int
    make: str | None
    model: str
    firmware: str
    protocol: str
    status: str
    licensed: bool
    has_open_upgrade: bool


class CheckDecision(NamedTuple):
    """For each device in order, why it is rejected, or Reason.NONE; and the ledger entries of assigned licenses."""

    reasons: list[Reason]
    entries: list[Entry]


def fits(artifact: Artifact, device: DeviceFacts) -> Reason:
    """Reason.NONE if the device can install the package or file, or why it cannot (rules U3, U15, U19)."""
    if device.make is None:
        return Reason.DEVICE_NOT_FOUND
    if device.status != ACTIVE:
        return Reason.NOT_ACTIVE
    if device.protocol == NO_PROTOCOL:
        return Reason.NOT_ELIGIBLE
    if device.protocol != artifact.protocol:
        return Reason.WRONG_PROTOCOL
    if (device.make, device.model) != (artifact.make, artifact.model):
        return Reason.WRONG_MODEL
    if not artifact.is_file and device.firmware != artifact.from_version:
        return Reason.WRONG_VERSION
    if device.has_open_upgrade:
        return Reason.ALREADY_SCHEDULED
    return Reason.NONE


def decide_checks(
    pool: Pool, purchase_type: PurchaseType, artifact: Artifact, auto_assign: bool, devices: Sequence[DeviceFacts]
) -> CheckDecision:
    """Accepts devices that fit the package and hold a license, need none, or are assigned one now.

    An account with monthly licenses only needs one for each device (rule B5). `auto_assign` assigns missing ones while
    licenses are free (rule U11), in order. A device named twice counts once.
    """
    reasons = [fits(artifact, device) for device in devices]
    unlicensed = [
        device.imei
        for device, reason in zip(devices, reasons, strict=True)
        if reason is Reason.NONE and not device.licensed
    ]
    assigned: set[int] = set()
    entries: list[Entry] = []
    if auto_assign and unlicensed:
        decision = decide_assign(LicenseFacts(pool, set(unlicensed)), unlicensed)
        entries = decision.entries
        assigned = {
            imei
            for imei, outcome in zip(unlicensed, decision.outcomes, strict=True)
            if outcome is not Outcome.NO_FREE_LICENSE
        }
    if purchase_type is PurchaseType.MRC:
        missing = Reason.NO_FREE_LICENSE if auto_assign else Reason.NO_LICENSE
        for place, device in enumerate(devices):
            if reasons[place] is Reason.NONE and not device.licensed and device.imei not in assigned:
                reasons[place] = missing
    return CheckDecision(reasons, entries)
