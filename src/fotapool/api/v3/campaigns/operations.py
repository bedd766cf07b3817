"""Version 3's operations on campaigns and their paths."""

from __future__ import annotations

from dataclasses import replace

from fotapool.api.common.campaign_bodies import CampaignDevicesBody, read_campaign_id, read_devices_change
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v3.callbacks.schemas import SuccessResult
from fotapool.api.v3.campaigns import schemas as words
from fotapool.services.campaigns import campaigns, reports


async def schedule_campaign(call: Call) -> words.FirmwareCampaign:
    wanted = words.read_schedule(call.body, call.context.settings.max_devices_per_request)
    campaign = await campaigns.schedule_campaign(call.context, call.caller, wanted)
    return words.firmware_campaign(call.caller.account_name, campaign)


async def get_campaign(call: Call) -> words.CampaignView:
    campaign = await reports.get_campaign(call.context, call.caller, read_campaign_id(call.path["campaignId"]))
    return words.campaign_view(call.caller.account_name, campaign)


async def change_devices(call: Call) -> words.ChangedDevices:
    append, devices = read_devices_change(call.body, call.context.settings.max_devices_per_request)
    uuid = read_campaign_id(call.path["campaignId"])
    change = campaigns.add_devices if append else campaigns.remove_devices
    changes = await change(call.context, call.caller, uuid, devices)
    return words.changed_devices(call.caller.account_name, uuid, changes, append)


async def change_dates(call: Call) -> words.FirmwareCampaign:
    start_date, end_date, hours = words.read_dates(call.body)
    uuid = read_campaign_id(call.path["campaignId"])
    windows = None
    if hours is not None:
        current = await reports.get_campaign(call.context, call.caller, uuid)
        windows = replace(current.windows, download=hours)
    campaign = await campaigns.change_dates(
        call.context, caller=call.caller, uuid=uuid, start_date=start_date, end_date=end_date, windows=windows
    )
    return words.firmware_campaign(call.caller.account_name, campaign)


async def cancel_campaign(call: Call) -> SuccessResult:
    await campaigns.cancel_campaign(
        call.context, call.caller, read_campaign_id(call.path["campaignId"]), may_abort=False
    )
    return SuccessResult(True)


OPERATIONS = (
    Operation(
        id="V3-5",
        name="schedule_campaign",
        method="POST",
        paths=["/campaigns/firmware/{account}", "/campaigns/software/{account}"],
        handle=schedule_campaign,
        summary="Schedule a firmware campaign",
        response=words.FirmwareCampaign,
        evidence=Evidence.DOCUMENTED,
        request=words.ScheduleFirmwareBody,
        sdk="campaigns_v3.schedule_campaign_firmware_upgrade",
        notes="The second path is that of an older page. Versions and protocol, where given, must be the firmware's; "
        "the flags count as false where they are left out. The windows say when a device may begin; it installs when "
        "it is ready (our choice).",
    ),
    Operation(
        id="V3-6",
        name="change_campaign_devices",
        method="PUT",
        paths=["/campaigns/firmware/{account}/{campaignId}", "/campaigns/{account}/{campaignId}"],
        handle=change_devices,
        summary="Add devices to a campaign or remove them",
        response=words.ChangedDevices,
        evidence=Evidence.DOCUMENTED,
        request=CampaignDevicesBody,
        sdk="campaigns_v3.update_campaign_firmware_devices",
        notes="The body may be flat (SDK) or wrapped in `addOrRemoveDevice` (page), with one action. `id` and "
        "`campaignId` are the same. The words for what failed, and `RemoveDeviceSucceed`, are inferred.",
    ),
    Operation(
        id="V3-7",
        name="change_campaign_dates",
        method="PUT",
        paths=["/campaigns/firmware/{account}/{campaignId}/dates"],
        handle=change_dates,
        summary="Change a campaign's dates and time windows",
        response=words.FirmwareCampaign,
        evidence=Evidence.DOCUMENTED,
        request=words.FirmwareDatesBody,
        sdk="campaigns_v3.update_campaign_dates",
        notes="Before its start all may be changed, then only the end, to no earlier than 24 hours from now. Windows "
        "that are left out stay.",
    ),
    Operation(
        id="V3-8",
        name="get_campaign",
        method="GET",
        paths=["/campaigns/{account}/{campaignId}"],
        handle=get_campaign,
        summary="Read a campaign",
        response=words.CampaignView,
        evidence=Evidence.DOCUMENTED,
        sdk="campaigns_v3.get_campaign_information",
        notes="Campaigns that were scheduled with the other versions are answered too, in this version's words.",
    ),
    Operation(
        id="V3-9",
        name="cancel_campaign",
        method="DELETE",
        paths=["/campaigns/{account}/{campaignId}"],
        handle=cancel_campaign,
        summary="Cancel a campaign before its start",
        response=SuccessResult,
        evidence=Evidence.DOCUMENTED,
        sdk="campaigns_v3.cancel_campaign",
        notes="A campaign that has started runs to its end date.",
    ),
)
