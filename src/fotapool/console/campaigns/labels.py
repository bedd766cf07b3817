"""Labels for campaigns and their upgrades: states, delivery methods, reasons."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow, Hours
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus


class Label(NamedTuple):
    """`value` stands for the state in queries; `tag` is its class in console.css: good, bad, warn or none."""

    value: str
    text: str
    tag: str = ""


CAMPAIGN: dict[CampaignStatus, Label] = {
    CampaignStatus.PENDING: Label("pending", "checking devices"),
    CampaignStatus.REJECTED: Label("rejected", "rejected: no device passed the checks", "bad"),
    CampaignStatus.QUEUED: Label("queued", "queued"),
    CampaignStatus.PRESCHEDULED: Label("prescheduled", "prescheduled"),
    CampaignStatus.SCHEDULED: Label("running", "running", "good"),
    CampaignStatus.ENDED: Label("ended", "ended"),
    CampaignStatus.CANCELED: Label("canceled", "canceled", "warn"),
    CampaignStatus.ABORTED: Label("aborted", "stopped", "warn"),
    CampaignStatus.FAILED: Label("failed", "failed: no devices left", "bad"),
}
CAMPAIGN_OF_VALUE = {label.value: status for status, label in CAMPAIGN.items()}
DELIVERY: dict[Flow, str] = {
    Flow.PUSH: "push (v1): the server contacts devices on the start date",
    Flow.PULL: "pull (v2): devices check in on their own",
    Flow.NETWORK_AWARE: "network-aware push (v3): the server contacts devices that the network can reach",
}

UPGRADE: dict[UpgradeStatus, Label] = {
    UpgradeStatus.PENDING: Label("pending", "checking"),
    UpgradeStatus.SCHEDULED: Label("scheduled", "scheduled"),
    UpgradeStatus.IN_PROGRESS: Label("inProgress", "in progress"),
    UpgradeStatus.COMPLETED: Label("completed", "completed", "good"),
    UpgradeStatus.FAILED: Label("failed", "failed", "bad"),
    UpgradeStatus.CANCELED: Label("canceled", "canceled", "warn"),
    UpgradeStatus.REJECTED: Label("rejected", "rejected", "warn"),
}
UPGRADE_OF_VALUE = {label.value: status for status, label in UPGRADE.items()}
BAR_CLASSES: dict[UpgradeStatus, str] = {
    UpgradeStatus.COMPLETED: "upgraded",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "noticed",
    UpgradeStatus.REJECTED: "noticed",
    UpgradeStatus.IN_PROGRESS: "progressing",
    UpgradeStatus.SCHEDULED: "free",
    UpgradeStatus.PENDING: "free",
}
"""The states in the order of a campaign's bar, with their classes in console.css."""

REASONS: dict[Reason, str] = {
    Reason.NONE: "",
    Reason.DEVICE_NOT_FOUND: "not a device of the account",
    Reason.NOT_ELIGIBLE: "not eligible for upgrades over the air",
    Reason.WRONG_PROTOCOL: "protocol does not match the package",
    Reason.ALREADY_SCHEDULED: "another upgrade was open",
    Reason.WRONG_MODEL: "make or model does not match the package",
    Reason.WRONG_VERSION: "installed version does not match",
    Reason.NOT_ACTIVE: "device not active",
    Reason.NO_LICENSE: "no license",
    Reason.NO_FREE_LICENSE: "no license available",
    Reason.CANCELED_BY_USER: "campaign canceled",
    Reason.ABORTED_BY_USER: "campaign stopped",
    Reason.REMOVED_FROM_CAMPAIGN: "device removed from the campaign",
    Reason.LICENSE_REMOVED: "license removed",
    Reason.LICENSE_RECLAIMED: "license reclaimed by a subscription reduction",
    Reason.SET_BY_OPERATOR: "set by the operator",
    Reason.DOWNLOADING: "downloading",
    Reason.DOWNLOADED: "downloaded, not installed yet",
    Reason.INSTALLING: "installing",
    Reason.NOT_REACHABLE: "not reachable, will be retried",
    Reason.DOWNLOAD_FAILED: "download failed",
    Reason.VERIFY_FAILED: "verification failed",
    Reason.INSTALL_FAILED: "installation failed",
    Reason.NOT_REACHED: "not reached before the campaign ended",
    Reason.NOT_REPORTED: "no final status reported",
    Reason.OTHER_FAILURE: "failed for another reason",
    Reason.SUCCEEDED: "downloaded and installed",
}
REASON_OF_VALUE = {reason.name.lower(): reason for reason in Reason}


def delivery_name(flow: Flow) -> str:
    """The short name of a delivery method."""
    return DELIVERY[flow].partition(" (")[0]


def campaign_name(campaign: Campaign) -> str:
    """The campaign's name; without one, its package and start date."""
    return campaign.name or f"{campaign.artifact.name} from {campaign.start_date}"


def window_label(hours: Hours) -> str:
    """Time windows as in `22:00 to 24:00, 0:00 to 6:00`."""
    return ", ".join(f"{first}:00 to {end}:00" for first, end in hours) or "any time"
