"""Version 2: labels of the statuses of campaigns and devices (page "Campaign Life Cycle Flow for v2", SDK)."""

from __future__ import annotations

from fotapool.api.common import labels
from fotapool.api.common.schemas import DeviceStatusRow
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.names import format_device_id

CAMPAIGN_STATUS = labels.CAMPAIGN_STATUS | {
    CampaignStatus.PRESCHEDULED: "CampaignRequestQueued",
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

DEVICE_REASON = labels.DEVICE_REASON | {
    Reason.NOT_ELIGIBLE: "Device not eligible for service (not FOTA capable)",
    Reason.WRONG_PROTOCOL: "Device not eligible for service (not FOTA capable)",
    Reason.WRONG_MODEL: "Device make/model does not meet software prerequisites.",
    Reason.WRONG_VERSION: "Current device software version does not meet software prerequisites.",
    Reason.DOWNLOADED: "RovaClientDownloadNotInstalledYet",
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
    if status is UpgradeStatus.CANCELED and reason in (Reason.ABORTED_BY_USER, Reason.STOPPED_BY_RULE):
        return "CampaignAborted", DEVICE_REASON[reason]
    return DEVICE_STATUS[status], DEVICE_REASON[reason]


def device_row(imei: int, status: int, reason: int) -> DeviceStatusRow:
    """A device's row, from the numbers of UpgradeStatus and Reason."""
    return DeviceStatusRow(format_device_id(imei), *device_labels(UpgradeStatus(status), Reason(reason)))
