"""Operations that read an account's campaigns, and set the stop rules."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, Flow
from fotapool.domain.campaigns.stop_rules import MAX_DEVICES, MIN_DEVICES, CampaignStop
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.campaigns import stop_rules
from fotapool.services.context import Caller
from fotapool.store.campaigns.stop_rules import StoredStopRule
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NUMBER, LIMIT, PAGE_BY_NUMBER, choice_parameter, int_parameter, text_parameter

STATES = {status.word: status for status in CampaignStatus}
BEFORE = int_parameter("before", "the `next` of the page before", minimum=1)
OF_FIRMWARE = text_parameter("firmware", "only those that install this package", default="")
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


class CampaignStopView(msgspec.Struct):
    """A stop rule stopped the campaign: of `finished` devices `failed` had failed, and the rule had these numbers."""

    time: str
    finished: int
    failed: int
    percent: int
    devices: int


class CampaignDetail(msgspec.Struct):
    """A campaign, its devices by state, why some ended without their upgrade, and what happens next.

    `stopped` is null unless a stop rule has stopped it.
    """

    campaign: CampaignView
    upgrades: list[UpgradeCount]
    reasons: list[ReasonCount]
    next: NextEvent | None
    stopped: CampaignStopView | None


class NewStopRule(msgspec.Struct, forbid_unknown_fields=True):
    """Stops campaigns of which `devices` have finished and `percent` of those have failed; without `percent`, none."""

    percent: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    devices: Annotated[int, msgspec.Meta(ge=1, le=MAX_DEVICES)] = MIN_DEVICES


class StopRuleView(msgspec.Struct):
    """The rule that holds, and for what it was set: `account`, `server`, or `nothing` while there is none.

    `percent` and `devices` are null if no campaign is stopped.
    """

    percent: int | None
    devices: int | None
    setFor: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["account", "server", "nothing"]})]


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
            package=call.get(OF_FIRMWARE),
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
    stop = await stop_rules.read_stop(call.context, campaign)
    return CampaignDetail(
        campaign=_view(campaign),
        upgrades=[UpgradeCount(status.word, count) for status, count in counts.statuses.items() if count],
        reasons=[ReasonCount(status.word, reason.text, count) for (status, reason), count in reasons.items()],
        next=NextEvent(what, time_or_none(at_ms)) if what else None,
        stopped=None if stop is None else _stop_view(stop),
    )


def _stop_view(stop: CampaignStop) -> CampaignStopView:
    return from_attributes(CampaignStopView, stop, time=format_timestamp(stop.at_ms))


async def read_stop_rule(call: OperatorCall) -> StopRuleView:
    """Read the stop rule of all accounts without one of their own."""
    return _stop_rule(await stop_rules.read_stop_rule(call.context))


async def set_stop_rule(call: OperatorCall, given: NewStopRule) -> StopRuleView:
    """Set the stop rule of all accounts without one of their own."""
    call.context.audit.about("stop rule", "")
    await stop_rules.set_stop_rule(call.context, Caller(call.operator, call.request_id), given.percent, given.devices)
    return await read_stop_rule(call)


async def delete_stop_rule(call: OperatorCall) -> None:
    """Delete the stop rule of all accounts without one of their own."""
    call.context.audit.about("stop rule", "")
    await stop_rules.delete_stop_rule(call.context, Caller(call.operator, call.request_id))


async def read_account_stop_rule(call: OperatorCall) -> StopRuleView:
    """Read the stop rule that holds for the account's campaigns."""
    caller = await call.caller()
    return _stop_rule(await stop_rules.read_stop_rule(call.context, caller.account_id))


async def set_account_stop_rule(call: OperatorCall, given: NewStopRule) -> StopRuleView:
    """Set a stop rule for the account's campaigns."""
    await stop_rules.set_stop_rule(call.context, await call.caller(), given.percent, given.devices)
    return await read_account_stop_rule(call)


async def delete_account_stop_rule(call: OperatorCall) -> None:
    """Delete the account's stop rule, so that the server's holds."""
    await stop_rules.delete_stop_rule(call.context, await call.caller())


def _stop_rule(found: StoredStopRule | None) -> StopRuleView:
    if found is None:
        return StopRuleView(None, None, "nothing")
    return StopRuleView(found.percent, found.devices, "account" if found.account_id else "server")


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
_STOP_RULE = "/campaign-stop-rule"
_ACCOUNT_STOP_RULE = "/accounts/{name}/campaign-stop-rule"
OPERATIONS = (
    Operation("GET", "/campaigns", list_all_campaigns, parameters=(IN_STATE, OF_FIRMWARE, *PAGE_BY_NUMBER)),
    Operation("GET", _PATH, list_campaigns, parameters=(IN_STATE, BEFORE, LIMIT)),
    Operation("GET", _PATH + "/{campaign}", read_campaign),
    Operation("GET", _STOP_RULE, read_stop_rule),
    Operation("PUT", _STOP_RULE, set_stop_rule),
    Operation("DELETE", _STOP_RULE, delete_stop_rule),
    Operation("GET", _ACCOUNT_STOP_RULE, read_account_stop_rule),
    Operation("PUT", _ACCOUNT_STOP_RULE, set_account_stop_rule),
    Operation("DELETE", _ACCOUNT_STOP_RULE, delete_account_stop_rule),
)
