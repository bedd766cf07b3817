"""Version 1's words for the states of upgrades and of their devices (facts, sections 8.2 and 9.1)."""

from __future__ import annotations

from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus

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
"""`InProgress` to `UpgradeFailed` as of rule U2; the page has no words of its own for a canceled upgrade."""

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


def device_words(status: UpgradeStatus, reason: Reason) -> tuple[str, str]:
    """A device row's status and reason; the reason is empty, and left out, while the request is pending."""
    return DEVICE_STATUS[status], "" if status is UpgradeStatus.PENDING else DEVICE_REASON[reason]
