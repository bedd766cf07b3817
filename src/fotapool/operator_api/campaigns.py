"""Operations that read an account's campaigns."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NUMBER, LIMIT, PAGE_BY_NUMBER, choice_parameter, int_parameter

STATES = {status.word: status for status in CampaignStatus}
BEFORE = int_parameter("before", "the `next` of the page before", minimum=1)
IN_STATE = choice_parameter("status", f"only those in this state: {', '.join(STATES)}", STATES)
CampaignState = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATES)})]
Delivery = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [flow.word for flow in Flow]})]


class CampaignView(msgspec.Struct):
    """`delivery` is how devices are reached: push is v1, pull is v2, networkAwarePush is v3. `devices` counts them."""

    id: str
    name: str
    status: CampaignState
    delivery: Delivery
    package: str
    fromVersion: str
    toVersion: str
    devices: int
    startDate: str
    endDate: str
    createTime: str
    updateTime: str
    endTime: str | None


class CampaignOfAll(msgspec.Struct):
    """A campaign with its account, and its devices by state. `position` names it for `after`.

    `failedPercent` is the share of the devices that have failed among those that completed or failed; null before.
    """

    position: int
    account: str
    campaign: CampaignView
    inProgress: int
    completed: int
    failed: int
    canceled: int
    rejected: int
    failedPercent: float | None


class AllCampaigns(msgspec.Struct):
    """Running campaigns first, then scheduled ones, then those that are over; the newest first in each part."""

    campaigns: list[CampaignOfAll]
    hasMoreData: bool


class CampaignList(msgspec.Struct):
    """Newest first. `next` is null at the end; a page may be empty before it, because 5,000 campaigns are searched."""

    campaigns: list[CampaignView]
    next: int | None


class UpgradeCount(msgspec.Struct):
    """The number of devices in a state."""

    status: str
    devices: int


class ReasonCount(msgspec.Struct):
    """The number of devices that ended without their upgrade, for one reason."""

    status: str
    reason: str
    devices: int


class NextEvent(msgspec.Struct):
    """What is due next, and when, if that is known."""

    what: str
    time: str | None


class CampaignDetail(msgspec.Struct):
    """A campaign, its devices by state, why some ended without their upgrade, and what happens next."""

    campaign: CampaignView
    upgrades: list[UpgradeCount]
    reasons: list[ReasonCount]
    next: NextEvent | None


async def list_campaigns(call: OperatorCall) -> CampaignList:
    """List the account's campaigns, newest first."""
    from fotapool.services.campaigns import campaign_views  # imported here to keep the start short

    status = call.find(IN_STATE)
    found, following = await campaign_views.list_latest_campaigns(
        call.context,
        caller=await call.caller(),
        statuses=set(CampaignStatus) if status is None else {status},
        before=call.find(BEFORE),
        limit=call.get(LIMIT),
    )
    return CampaignList([_view(one) for one in found], following)


async def list_all_campaigns(call: OperatorCall) -> AllCampaigns:
    """List the campaigns of all accounts with their progress, running ones first."""
    from fotapool.services.campaigns import all_campaigns  # imported here to keep the start short

    status = call.find(IN_STATE)
    found, more = call.page(
        await all_campaigns.list_all_campaigns(
            call.context,
            statuses=set(CampaignStatus) if status is None else {status},
            after=call.get(AFTER_NUMBER),
            limit=call.read_limit,
        )
    )
    views = [
        from_attributes(
            CampaignOfAll,
            one.tally,
            position=one.position,
            account=one.account_name,
            campaign=_view(one.campaign),
            inProgress=one.tally.in_progress,
            failedPercent=all_campaigns.failure_percent(one),
        )
        for one in found
    ]
    return AllCampaigns(views, more)


async def read_campaign(call: OperatorCall) -> CampaignDetail:
    """Read a campaign with the states of its devices, and why some ended without their upgrade."""
    from fotapool.services.campaigns import campaign_views  # imported here to keep the start short

    campaign = await campaign_views.find_campaign(call.context, await call.caller(), call.path["campaign"])
    counting = campaign_views.CampaignCounts()
    counts = await counting.counts(call.context, campaign)
    reasons = await counting.reasons(call.context, campaign)
    what, at_ms = campaign_views.next_event(campaign)
    return CampaignDetail(
        campaign=_view(campaign),
        upgrades=[UpgradeCount(status.word, count) for status, count in counts.statuses.items() if count],
        reasons=[ReasonCount(status.word, reason.text, count) for (status, reason), count in reasons.items()],
        next=NextEvent(what, time_or_none(at_ms)) if what else None,
    )


def _view(campaign: Campaign) -> CampaignView:
    return from_attributes(
        CampaignView,
        campaign,
        id=campaign.uuid,
        status=campaign.status.word,
        delivery=campaign.flow.word,
        package=campaign.artifact.name,
        fromVersion=campaign.artifact.from_version,
        toVersion=campaign.artifact.to_version,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        createTime=format_timestamp(campaign.created_ms),
        updateTime=format_timestamp(campaign.updated_ms),
        endTime=time_or_none(campaign.ended_ms),
    )


_PATH = "/accounts/{name}/campaigns"
OPERATIONS = (
    Operation("GET", "/campaigns", list_all_campaigns, parameters=(IN_STATE, *PAGE_BY_NUMBER)),
    Operation("GET", _PATH, list_campaigns, parameters=(IN_STATE, BEFORE, LIMIT)),
    Operation("GET", _PATH + "/{campaign}", read_campaign),
)
