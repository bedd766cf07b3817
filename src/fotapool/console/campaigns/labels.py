"""The console's words for the states of campaigns and of their devices, and for the reasons."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow, Hours
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus


class Words(NamedTuple):
    """`word` names it in addresses; `tag` is the class of its mark: good, bad, warn or none."""

    word: str
    words: str
    tag: str = ""


CAMPAIGN: dict[CampaignStatus, Words] = {
    CampaignStatus.PENDING: Words("pending", "to be checked"),
    CampaignStatus.REJECTED: Words("rejected", "rejected: no device passed the checks", "bad"),
    CampaignStatus.QUEUED: Words("queued", "queued"),
    CampaignStatus.PRESCHEDULED: Words("prescheduled", "pre-scheduled"),
    CampaignStatus.SCHEDULED: Words("running", "running", "good"),
    CampaignStatus.ENDED: Words("ended", "ended"),
    CampaignStatus.CANCELED: Words("canceled", "canceled", "warn"),
    CampaignStatus.ABORTED: Words("aborted", "aborted", "warn"),
    CampaignStatus.FAILED: Words("failed", "could not run: no device was left", "bad"),
}
CAMPAIGN_OF_WORD = {words.word: status for status, words in CAMPAIGN.items()}
FLOWS: dict[Flow, str] = {
    Flow.PUSH: "push (v1): the service calls the devices on the start date",
    Flow.PULL: "pull (v2): devices check in by themselves",
    Flow.NETWORK_AWARE: "network-aware push (v3): the service calls devices that the network can reach",
}
SHORT_FLOWS: dict[Flow, str] = {Flow.PUSH: "push", Flow.PULL: "pull", Flow.NETWORK_AWARE: "network-aware"}

UPGRADE: dict[UpgradeStatus, Words] = {
    UpgradeStatus.PENDING: Words("pending", "to be checked"),
    UpgradeStatus.SCHEDULED: Words("scheduled", "scheduled"),
    UpgradeStatus.IN_PROGRESS: Words("inProgress", "in progress"),
    UpgradeStatus.COMPLETED: Words("completed", "completed", "good"),
    UpgradeStatus.FAILED: Words("failed", "failed", "bad"),
    UpgradeStatus.CANCELED: Words("canceled", "canceled", "warn"),
    UpgradeStatus.REJECTED: Words("rejected", "rejected", "warn"),
}
"""In the order of an upgrade's way; a bar of a campaign shows them in this order."""
UPGRADE_OF_WORD = {words.word: status for status, words in UPGRADE.items()}
BAR_CLASSES: dict[UpgradeStatus, str] = {
    UpgradeStatus.COMPLETED: "upgraded",
    UpgradeStatus.IN_PROGRESS: "progressing",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "noticed",
    UpgradeStatus.REJECTED: "noticed",
}
"""Which color of the bar stands for a state; those that have not begun are the ground."""

REASONS: dict[Reason, str] = {
    Reason.NONE: "",
    Reason.DEVICE_NOT_FOUND: "the account has no such device",
    Reason.NOT_ELIGIBLE: "the device can't be upgraded over the air",
    Reason.WRONG_PROTOCOL: "the device speaks another protocol than the package",
    Reason.ALREADY_SCHEDULED: "the device had another open upgrade",
    Reason.WRONG_MODEL: "the package is for another make and model",
    Reason.WRONG_VERSION: "the device's firmware is not the one that the package starts from",
    Reason.NOT_ACTIVE: "the device is not active",
    Reason.NO_LICENSE: "the device had no license",
    Reason.NO_FREE_LICENSE: "no license was free for the device",
    Reason.CANCELED_BY_USER: "the campaign was canceled",
    Reason.ABORTED_BY_USER: "the campaign was aborted",
    Reason.REMOVED_FROM_CAMPAIGN: "the device was taken out of the campaign",
    Reason.LICENSE_REMOVED: "the device's license was removed",
    Reason.LICENSE_RECLAIMED: "the device's license went with a reduction of the subscription",
    Reason.SET_BY_OPERATOR: "set by the operator",
    Reason.DOWNLOADING: "downloading",
    Reason.DOWNLOADED: "downloaded, not installed yet",
    Reason.INSTALLING: "installing",
    Reason.NOT_REACHABLE: "was not reachable, to be tried again",
    Reason.DOWNLOAD_FAILED: "the download failed",
    Reason.VERIFY_FAILED: "what was downloaded was damaged",
    Reason.INSTALL_FAILED: "the installation failed",
    Reason.NOT_REACHED: "the campaign ended before the device could be reached",
    Reason.NOT_REPORTED: "the device began and never reported how it ended",
    Reason.OTHER_FAILURE: "failed for another reason",
    Reason.SUCCEEDED: "downloaded and installed",
}
REASON_OF_WORD = {reason.name.lower(): reason for reason in Reason}


def campaign_name(campaign: Campaign) -> str:
    """What to call the campaign: its name, or else what it installs and when."""
    return campaign.name or f"{campaign.subject.name} from {campaign.start_date}"


def hours_words(hours: Hours) -> str:
    """Time windows as in `22:00 to 24:00, 0:00 to 6:00`."""
    return ", ".join(f"{first}:00 to {end}:00" for first, end in hours) or "at any hour"
