"""Closing an account: what becomes of its campaigns, and what it holds until then."""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.domain.campaigns.campaigns import NOT_STARTED, Campaign, CampaignStatus


@dataclass(frozen=True, slots=True)
class Holdings:
    """What ends, or ends later, when an account is closed; the numbers of each.

    Upgrades in progress complete. The licenses of their devices are under notice until `notice_until_ms`, or until
    the upgrade ends if that is later.
    """

    campaigns: int
    upgrades_in_progress: int
    licenses_ended: int
    licenses_under_notice: int
    notice_until_ms: int | None


def closing_status(campaign: Campaign) -> CampaignStatus:
    """The state of a campaign of an account that is closed: as if its user had canceled it."""
    return CampaignStatus.CANCELED if campaign.status in NOT_STARTED else CampaignStatus.ABORTED
