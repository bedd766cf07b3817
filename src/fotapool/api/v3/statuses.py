"""Version 3: labels of the statuses of campaigns and devices (page "Campaign Life Cycle Flow for v3", SDK)."""

from __future__ import annotations

from datetime import UTC, datetime

from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus

CAMPAIGN_STATUS: dict[CampaignStatus, str] = {
    CampaignStatus.PENDING: "CampaignRequestPending",
    CampaignStatus.REJECTED: "CampaignRequestFailed",
    CampaignStatus.QUEUED: "CampaignRequestQueued",
    CampaignStatus.PRESCHEDULED: "CampaignPreScheduled",
    CampaignStatus.SCHEDULED: "CampaignScheduled",
    CampaignStatus.ENDED: "CampaignEnded",
    CampaignStatus.CANCELED: "CampaignCancelled",
    CampaignStatus.ABORTED: "CampaignAborted",
    CampaignStatus.FAILED: "CampaignFailed",
}

DEVICE_STATUS: dict[UpgradeStatus, str] = {
    UpgradeStatus.PENDING: "UpgradePending",
    UpgradeStatus.REJECTED: "DeviceRejected",
    UpgradeStatus.SCHEDULED: "UpgradePending",
    UpgradeStatus.IN_PROGRESS: "UpgradeScheduled",
    UpgradeStatus.COMPLETED: "UpgradeSuccess",
    UpgradeStatus.FAILED: "UpgradeFailed",
    UpgradeStatus.CANCELED: "UpgradeCancelled",
}
"""Labels before the campaign is scheduled; see `device_labels` for the others. The page's table is cut: the labels of
devices that were rejected or canceled follow version 2 and the campaign's own labels."""

DEVICE_REASON: dict[Reason, str] = {
    Reason.NONE: "",
    Reason.DEVICE_NOT_FOUND: "Device not found.",
    Reason.NOT_ELIGIBLE: "Device not eligible for service.",
    Reason.WRONG_PROTOCOL: "Device protocol does not meet firmware prerequisites.",
    Reason.ALREADY_SCHEDULED: (
        "Device scheduled for firmware upgrade previously, needs to be completed before another upgrade is scheduled."
    ),
    Reason.WRONG_MODEL: "Device make/model does not meet firmware prerequisites.",
    Reason.WRONG_VERSION: "Current device firmware version does not meet firmware prerequisites.",
    Reason.NOT_ACTIVE: "Device is not in active state or is not connected.",
    Reason.NO_LICENSE: "No license attached to device",
    Reason.NO_FREE_LICENSE: "No unused license available.",
    Reason.CANCELED_BY_USER: "Campaign canceled by user.",
    Reason.ABORTED_BY_USER: "Campaign aborted by user.",
    Reason.REMOVED_FROM_CAMPAIGN: "Device removed from campaign by user.",
    Reason.LICENSE_REMOVED: "Upgrade canceled, the license was removed from the device.",
    Reason.LICENSE_RECLAIMED: "Upgrade canceled, the subscription was reduced.",
    Reason.SET_BY_OPERATOR: "Set by the operator.",
    Reason.DOWNLOADING: "The upgrade has begun, download in progress.",
    Reason.DOWNLOADED: "The upgrade has begun, downloaded and not installed yet.",
    Reason.INSTALLING: "The upgrade has begun, installation in progress.",
    Reason.NOT_REACHABLE: "The network reports this device is not reachable.",
    Reason.DOWNLOAD_FAILED: "Download failed.",
    Reason.VERIFY_FAILED: "Verification of the download failed.",
    Reason.INSTALL_FAILED: "Installation failed.",
    Reason.NOT_REACHED: "The network reports this device is not reachable, no retry available",
    Reason.NOT_REPORTED: "Device did not report the result.",
    Reason.OTHER_FAILURE: "Internal error.",
    Reason.SUCCEEDED: "Upgrade completed successfully",
}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def reason_time(timestamp_ms: int) -> str:
    """A time within a reason, as in `09 Jul 21 00:00 UTC`."""
    at = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
    return f"{at.day:02d} {_MONTHS[at.month - 1]} {at.year % 100:02d} {at.hour:02d}:{at.minute:02d} UTC"


def device_labels(
    status: UpgradeStatus, reason: Reason, campaign: CampaignStatus, start_ms: int, end_ms: int, attempts: int = 0
) -> tuple[str, str]:
    """A device's status and reason, from its upgrade's and the status, start and end of the campaign.

    `attempts` is how often the device was looked for on the network.
    """
    text = DEVICE_REASON[reason]
    tries = f", try count {attempts}" if attempts else ""
    if reason in (Reason.NOT_REACHABLE, Reason.NOT_REACHED):
        return "NoDeviceDataFromNetwork", text.removesuffix(".") + tries if tries else text
    label = DEVICE_STATUS[status]
    if status is UpgradeStatus.SCHEDULED and campaign is CampaignStatus.SCHEDULED:
        begin, end = reason_time(start_ms), reason_time(end_ms)
        label = "UpgradeScheduled"
        text = text or f"The upgrade is scheduled to begin on {begin}, and the estimated completion is {end}"
    elif status is UpgradeStatus.SCHEDULED and campaign is CampaignStatus.PRESCHEDULED:
        label = "ReceivedDeviceDataFromNetwork"
        text = text or f"Reachability information received from the network{tries or '.'}"
    elif status in (UpgradeStatus.PENDING, UpgradeStatus.SCHEDULED):
        begin = reason_time(start_ms)
        text = text or f"Upgrade pending, the device upgrade is estimated to be scheduled for {begin}"
    return label, text
