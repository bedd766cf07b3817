"""Version 1: labels of the statuses of upgrades and devices (page "Campaign Life Cycle Flow for v1", SDK)."""

from __future__ import annotations

import msgspec

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

DEVICE_REASON: dict[Reason, str] = {
    Reason.NONE: "success",
    Reason.DEVICE_NOT_FOUND: "Device not found.",
    Reason.NOT_ELIGIBLE: "Device not eligible for service.",
    Reason.WRONG_PROTOCOL: "Unknown client device type.",
    Reason.ALREADY_SCHEDULED: (
        "Device scheduled for firmware-upgrade previously, it needs to be completed before another upgrade is"
        " scheduled."
    ),
    Reason.WRONG_MODEL: "Device make/model does not meet firmware prerequisites.",
    Reason.WRONG_VERSION: "Current device firmware version does not meet firmware prerequisites.",
    Reason.NOT_ACTIVE: "Device is not in active state or is not connected.",
    Reason.NO_LICENSE: "No license attached to device",
    Reason.NO_FREE_LICENSE: "No unused license available.",
    Reason.CANCELED_BY_USER: "Upgrade canceled by user.",
    Reason.ABORTED_BY_USER: "Upgrade aborted by user.",
    Reason.REMOVED_FROM_CAMPAIGN: "Device removed from upgrade by user.",
    Reason.LICENSE_REMOVED: "Upgrade canceled, the license was removed from the device.",
    Reason.LICENSE_RECLAIMED: "Upgrade canceled, the subscription was reduced.",
    Reason.SET_BY_OPERATOR: "Set by the operator.",
    Reason.DOWNLOADING: "Download in progress.",
    Reason.DOWNLOADED: "Downloaded, not installed yet.",
    Reason.INSTALLING: "Installation in progress.",
    Reason.NOT_REACHABLE: "Device not reachable, to be tried again.",
    Reason.DOWNLOAD_FAILED: "Download failed.",
    Reason.VERIFY_FAILED: "Verification of the download failed.",
    Reason.INSTALL_FAILED: "Installation failed.",
    Reason.NOT_REACHED: "Device could not be reached.",
    Reason.NOT_REPORTED: "Device did not report the result.",
    Reason.OTHER_FAILURE: "Internal error.",
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
