"""Version 1: labels of the statuses of upgrades and devices (page "Campaign Life Cycle Flow for v1", SDK)."""

from __future__ import annotations

import msgspec

from fotapool.api.common import labels
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.names import format_device_id

CAMPAIGN_STATUS: dict[CampaignStatus, str] = {
    CampaignStatus.PENDING: "RequestPending",
    CampaignStatus.REJECTED: "RequestFailed",
    CampaignStatus.QUEUED: "Queued",
    CampaignStatus.PRESCHEDULED: "Queued",
    CampaignStatus.SCHEDULED: "InProgress",
    CampaignStatus.ENDED: "Finished",
    CampaignStatus.CANCELED: "UpgradeFailed",
    CampaignStatus.ABORTED: "UpgradeFailed",
    CampaignStatus.FAILED: "UpgradeFailed",
}
"""`InProgress` ends as `Finished` or `UpgradeFailed`; the page has no label for a canceled upgrade."""

DEVICE_STATUS: dict[UpgradeStatus, str] = {
    UpgradeStatus.PENDING: "RequestPending",
    UpgradeStatus.REJECTED: "Device Rejected",
    UpgradeStatus.SCHEDULED: "Device Accepted",
    UpgradeStatus.IN_PROGRESS: "InProgress",
    UpgradeStatus.COMPLETED: "UpgradeSuccess",
    UpgradeStatus.FAILED: "UpgradeFailed",
    UpgradeStatus.CANCELED: "UpgradeFailed",
}

DEVICE_REASON = labels.DEVICE_REASON | {
    Reason.NONE: "success",
    Reason.WRONG_PROTOCOL: "Unknown client device type.",
    Reason.ALREADY_SCHEDULED: (
        "Device scheduled for firmware-upgrade previously, it needs to be completed before another upgrade is"
        " scheduled."
    ),
    Reason.CANCELED_BY_USER: "Upgrade canceled by user.",
    Reason.ABORTED_BY_USER: "Upgrade aborted by user.",
    Reason.STOPPED_BY_RULE: "Upgrade aborted by user.",
    Reason.REMOVED_FROM_CAMPAIGN: "Device removed from upgrade by user.",
    Reason.DOWNLOADED: "Downloaded, not installed yet.",
    Reason.NOT_REACHABLE: "Device not reachable, to be tried again.",
    Reason.NOT_REACHED: "Device could not be reached.",
    Reason.SUCCEEDED: "success",
}


class UpgradeDevice(msgspec.Struct, omit_defaults=True):
    """`resultReason` is left out while the request is pending."""

    deviceId: str
    status: str
    resultReason: str = ""


def device_row(imei: int, status: int, reason: int) -> UpgradeDevice:
    """A device's row, from the numbers of UpgradeStatus and Reason."""
    return UpgradeDevice(format_device_id(imei), *device_labels(UpgradeStatus(status), Reason(reason)))


def device_labels(status: UpgradeStatus, reason: Reason) -> tuple[str, str]:
    """A device's status and reason, which is empty while the request is pending."""
    return DEVICE_STATUS[status], "" if status is UpgradeStatus.PENDING else DEVICE_REASON[reason]
