"""Labels for campaigns and their upgrades: states, delivery methods, reasons."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow, Hours
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus


class Label(NamedTuple):
    """`value` stands for the state in queries; `tag` is its tone: good, bad, warn, run, info or none."""

    value: str
    text: str
    tag: str = ""


CAMPAIGN: dict[CampaignStatus, Label] = {
    CampaignStatus.PENDING: Label(CampaignStatus.PENDING.word, "checking devices", "info"),
    CampaignStatus.REJECTED: Label(CampaignStatus.REJECTED.word, "rejected: no device passed the checks", "bad"),
    CampaignStatus.QUEUED: Label(CampaignStatus.QUEUED.word, "queued"),
    CampaignStatus.PRESCHEDULED: Label(CampaignStatus.PRESCHEDULED.word, "prescheduled", "info"),
    CampaignStatus.SCHEDULED: Label(CampaignStatus.SCHEDULED.word, "running", "run"),
    CampaignStatus.ENDED: Label(CampaignStatus.ENDED.word, "ended", "good"),
    CampaignStatus.CANCELED: Label(CampaignStatus.CANCELED.word, "canceled"),
    CampaignStatus.ABORTED: Label(CampaignStatus.ABORTED.word, "stopped", "warn"),
    CampaignStatus.FAILED: Label(CampaignStatus.FAILED.word, "failed: no devices left", "bad"),
}
CAMPAIGN_OF_VALUE = {label.value: status for status, label in CAMPAIGN.items()}
DELIVERY: dict[Flow, str] = {
    Flow.PUSH: "push (v1): the server contacts devices on the start date",
    Flow.PULL: "pull (v2): devices check in on their own",
    Flow.NETWORK_AWARE: "network-aware push (v3): the server contacts devices that the network can reach",
}

UPGRADE: dict[UpgradeStatus, Label] = {
    UpgradeStatus.PENDING: Label("pending", "checking", "info"),
    UpgradeStatus.SCHEDULED: Label("scheduled", "scheduled", "info"),
    UpgradeStatus.IN_PROGRESS: Label("inProgress", "in progress", "run"),
    UpgradeStatus.COMPLETED: Label("completed", "completed", "good"),
    UpgradeStatus.FAILED: Label("failed", "failed", "bad"),
    UpgradeStatus.CANCELED: Label("canceled", "canceled"),
    UpgradeStatus.REJECTED: Label("rejected", "rejected"),
}
UPGRADE_OF_VALUE = {label.value: status for status, label in UPGRADE.items()}
BAR_CLASSES: dict[UpgradeStatus, str] = {
    UpgradeStatus.COMPLETED: "completed",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "rejected",
    UpgradeStatus.REJECTED: "rejected",
    UpgradeStatus.IN_PROGRESS: "progressing",
    UpgradeStatus.SCHEDULED: "free",
    UpgradeStatus.PENDING: "free",
}
"""The states in the order of a campaign's bar, with their classes in console.css."""

REASONS = {reason: reason.text for reason in Reason}
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
