"""Version 3: labels of the statuses of campaigns and devices (page "Campaign Life Cycle Flow for v3", SDK)."""

from __future__ import annotations

from datetime import UTC, datetime

from fotapool.api.common import labels
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus

CAMPAIGN_STATUS = labels.CAMPAIGN_STATUS

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

DEVICE_REASON = labels.DEVICE_REASON | {
    Reason.WRONG_PROTOCOL: "Device protocol does not meet firmware prerequisites.",
    Reason.DOWNLOADING: "The upgrade has begun, download in progress.",
    Reason.DOWNLOADED: "The upgrade has begun, downloaded and not installed yet.",
    Reason.INSTALLING: "The upgrade has begun, installation in progress.",
    Reason.NOT_REACHABLE: "The network reports this device is not reachable.",
    Reason.NOT_REACHED: "The network reports this device is not reachable, no retry available",
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
