"""Labels of statuses and reasons that are equal in several versions; each version adds those of its own pages."""

from __future__ import annotations

from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason

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

DEVICE_REASON: dict[Reason, str] = {
    Reason.NONE: "",
    Reason.DEVICE_NOT_FOUND: "Device not found.",
    Reason.NOT_ELIGIBLE: "Device not eligible for service.",
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
    Reason.STOPPED_BY_RULE: "Campaign aborted by user.",
    Reason.REMOVED_FROM_CAMPAIGN: "Device removed from campaign by user.",
    Reason.LICENSE_REMOVED: "Upgrade canceled, the license was removed from the device.",
    Reason.LICENSE_RECLAIMED: "Upgrade canceled, the subscription was reduced.",
    Reason.SET_BY_OPERATOR: "Set by the operator.",
    Reason.DOWNLOADING: "Download in progress.",
    Reason.INSTALLING: "Installation in progress.",
    Reason.DOWNLOAD_FAILED: "Download failed.",
    Reason.VERIFY_FAILED: "Verification of the download failed.",
    Reason.INSTALL_FAILED: "Installation failed.",
    Reason.NOT_REPORTED: "Device did not report the result.",
    Reason.OTHER_FAILURE: "Internal error.",
}
