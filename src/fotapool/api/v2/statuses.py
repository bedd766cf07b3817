"""Version 2: labels of the statuses of campaigns and devices (page "Campaign Life Cycle Flow for v2", SDK)."""

from __future__ import annotations

from fotapool.api.common.schemas import DeviceStatusRow
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.names import format_device_id

CAMPAIGN_STATUS: dict[CampaignStatus, str] = {
    CampaignStatus.PENDING: "CampaignRequestPending",
    CampaignStatus.REJECTED: "CampaignRequestFailed",
    CampaignStatus.QUEUED: "CampaignRequestQueued",
    CampaignStatus.PRESCHEDULED: "CampaignRequestQueued",
    CampaignStatus.SCHEDULED: "CampaignScheduled",
    CampaignStatus.ENDED: "CampaignEnded",
    CampaignStatus.CANCELED: "CampaignCancelled",
    CampaignStatus.ABORTED: "CampaignAborted",
    CampaignStatus.FAILED: "CampaignFailed",
}

DEVICE_STATUS: dict[UpgradeStatus, str] = {
    UpgradeStatus.PENDING: "RequestPending",
    UpgradeStatus.REJECTED: "DeviceRejected",
    UpgradeStatus.SCHEDULED: "Accepted",
    UpgradeStatus.IN_PROGRESS: "UpgradePending",
    UpgradeStatus.COMPLETED: "UpgradeSuccess",
    UpgradeStatus.FAILED: "UpgradeFailed",
    UpgradeStatus.CANCELED: "CampaignCancelled",
}
"""The page on the life cycle prints `UpgradedFailed`; the SDK and the other versions have `UpgradeFailed`."""

DEVICE_REASON: dict[Reason, str] = {
    Reason.NONE: "",
    Reason.DEVICE_NOT_FOUND: "Device not found.",
    Reason.NOT_ELIGIBLE: "Device not eligible for service (not FOTA capable)",
    Reason.WRONG_PROTOCOL: "Device not eligible for service (not FOTA capable)",
    Reason.ALREADY_SCHEDULED: (
        "Device scheduled for firmware upgrade previously, needs to be completed before another upgrade is scheduled."
    ),
    Reason.WRONG_MODEL: "Device make/model does not meet software prerequisites.",
    Reason.WRONG_VERSION: "Current device software version does not meet software prerequisites.",
    Reason.NOT_ACTIVE: "Device is not in active state or is not connected.",
    Reason.NO_LICENSE: "No license attached to device",
    Reason.NO_FREE_LICENSE: "No unused license available.",
    Reason.CANCELED_BY_USER: "Campaign canceled by user.",
    Reason.ABORTED_BY_USER: "Campaign aborted by user.",
    Reason.REMOVED_FROM_CAMPAIGN: "Device removed from campaign by user.",
    Reason.LICENSE_REMOVED: "Upgrade canceled, the license was removed from the device.",
    Reason.LICENSE_RECLAIMED: "Upgrade canceled, the subscription was reduced.",
    Reason.SET_BY_OPERATOR: "Set by the operator.",
    Reason.DOWNLOADING: "Download in progress.",
    Reason.DOWNLOADED: "RovaClientDownloadNotInstalledYet",
    Reason.INSTALLING: "Installation in progress.",
    Reason.NOT_REACHABLE: "Device is not in active state or is not connected.",
    Reason.DOWNLOAD_FAILED: "RovaClientDownloadFailed",
    Reason.VERIFY_FAILED: "RovaClientDownloadFailed",
    Reason.INSTALL_FAILED: "RovaClientDownloadedInstallFailed",
    Reason.NOT_REACHED: "RovaClientDidNotReportStatus",
    Reason.NOT_REPORTED: "RovaClientDidNotReportStatus",
    Reason.OTHER_FAILURE: "Other.",
    Reason.SUCCEEDED: "Download and install succeeded.",
}


def device_labels(status: UpgradeStatus, reason: Reason) -> tuple[str, str]:
    """A device's status and reason, which may be empty."""
    if status is UpgradeStatus.CANCELED and reason is Reason.ABORTED_BY_USER:
        return "CampaignAborted", DEVICE_REASON[reason]
    return DEVICE_STATUS[status], DEVICE_REASON[reason]


def device_row(imei: int, status: int, reason: int) -> DeviceStatusRow:
    """A device's row, from the numbers of UpgradeStatus and Reason."""
    return DeviceStatusRow(format_device_id(imei), *device_labels(UpgradeStatus(status), Reason(reason)))
