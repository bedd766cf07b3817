"""Which devices of a campaign are accepted: the checks before it is queued, and the licenses that it may assign."""

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
    """What is known of a device that a campaign names; `make` is None for one that the account does not have."""

    imei: int
    make: str | None
    model: str
    firmware: str
    protocol: str
    status: str
    licensed: bool
    has_open_upgrade: bool


class CheckDecision(NamedTuple):
    """Why each device is rejected, Reason.NONE for an accepted one, in order; and the licenses to be assigned."""

    reasons: list[Reason]
    entries: list[Entry]


def fits(subject: Artifact, device: DeviceFacts) -> Reason:
    """Whether the device can take the package or file: Reason.NONE, or why not (rules U3, U15, U19)."""
    if device.make is None:
        return Reason.DEVICE_NOT_FOUND
    if device.status != ACTIVE:
        return Reason.NOT_ACTIVE
    if device.protocol == NO_PROTOCOL:
        return Reason.NOT_ELIGIBLE
    if device.protocol != subject.protocol:
        return Reason.WRONG_PROTOCOL
    if (device.make, device.model) != (subject.make, subject.model):
        return Reason.WRONG_MODEL
    if not subject.is_file and device.firmware != subject.from_version:
        return Reason.WRONG_VERSION
    if device.has_open_upgrade:
        return Reason.ALREADY_SCHEDULED
    return Reason.NONE


def decide_checks(
    pool: Pool, purchase_type: PurchaseType, subject: Artifact, auto_assign: bool, devices: Sequence[DeviceFacts]
) -> CheckDecision:
    """Accepts the devices that the package fits and that are licensed, or need no license, or get one now.

    An account with only monthly licenses needs one for each device (rule B5); autoAssignLicenseFlag assigns those that
    are missing while licenses are free (rule U11), first named first. One device named twice counts once.
    """
    needs_license = purchase_type is PurchaseType.MRC
    reasons = [fits(subject, device) for device in devices]
    wanting = [
        device.imei
        for device, reason in zip(devices, reasons, strict=True)
        if reason is Reason.NONE and not device.licensed
    ]
    assigned: set[int] = set()
    entries: list[Entry] = []
    if auto_assign and wanting:
        decision = decide_assign(LicenseFacts(pool, set(wanting)), wanting)
        entries = decision.entries
        assigned = {
            imei
            for imei, outcome in zip(wanting, decision.outcomes, strict=True)
            if outcome is not Outcome.NO_FREE_LICENSE
        }
    if needs_license:
        missing = Reason.NO_FREE_LICENSE if auto_assign else Reason.NO_LICENSE
        for place, device in enumerate(devices):
            if reasons[place] is Reason.NONE and not device.licensed and device.imei not in assigned:
                reasons[place] = missing
    return CheckDecision(reasons, entries)
