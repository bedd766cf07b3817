"""The stop rule: an account's running campaign stops when too large a share of its finished devices has failed.

An operator's setting; the documented API has no word for it. Its users see the states of an aborted campaign (rule U6).
"""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.errors import Invalid

MAX_DEVICES = 1_000_000
MIN_DEVICES = 10
"""Default of the number of finished devices from which on a rule counts."""


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stops a campaign of which at least `devices` have finished and at least `percent` of those have failed."""

    percent: int
    devices: int

    def is_reached(self, completed: int, failed: int) -> bool:
        """Whether these numbers of finished devices stop the campaign."""
        finished = completed + failed
        return failed > 0 and finished >= self.devices and failed * 100 >= self.percent * finished


@dataclass(frozen=True, slots=True)
class CampaignStop:
    """When (ms) a rule stopped a campaign, by which numbers of finished and failed devices."""

    at_ms: int
    finished: int
    failed: int
    percent: int
    devices: int


def check_stop_rule(percent: int, devices: int) -> StopRule:
    """The rule. Raises Invalid."""
    if not 1 <= percent <= 100:
        raise Invalid("percent must be from 1 to 100")
    if not 1 <= devices <= MAX_DEVICES:
        raise Invalid(f"devices must be from 1 to {MAX_DEVICES}")
    return StopRule(percent, devices)


def may_stop(campaign: Campaign, now_ms: int) -> bool:
    """Whether a stop rule may stop the campaign now: it runs. Devices that its end leaves behind do not count."""
    return campaign.status is CampaignStatus.SCHEDULED and now_ms < campaign.end_ms
