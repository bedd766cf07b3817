"""Version 2's operations on campaigns of software and files, and their paths."""

from __future__ import annotations

from fotapool.api.common.campaign_bodies import CampaignDevicesBody, read_campaign_id, read_devices_change
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v2.callbacks.schemas import SuccessResult
from fotapool.api.v2.campaigns import schemas as words
from fotapool.services.campaigns import campaigns, reports


async def schedule_campaign(call: Call) -> words.CampaignSoftware:
    wanted = words.read_software_schedule(call.body, call.context.settings.max_devices_per_request)
    campaign = await campaigns.schedule_campaign(call.context, call.caller, wanted)
    return words.campaign_software(call.caller.account_name, campaign)


async def schedule_software(call: Call) -> words.ScheduledCampaign:
    wanted = words.read_software_schedule(call.body, call.context.settings.max_devices_per_request)
    campaign = await campaigns.schedule_campaign(call.context, call.caller, wanted)
    return words.scheduled_campaign(call.caller.account_name, campaign, wanted.devices)


async def schedule_file(call: Call) -> words.ScheduledCampaign:
    wanted = words.read_file_schedule(call.body, call.context.settings.max_devices_per_request)
    campaign = await campaigns.schedule_campaign(call.context, call.caller, wanted)
    return words.scheduled_campaign(call.caller.account_name, campaign, wanted.devices)


async def get_campaign(call: Call) -> words.CampaignSoftware:
    campaign = await reports.get_campaign(call.context, call.caller, read_campaign_id(call.path["campaignId"]))
    return words.campaign_software(call.caller.account_name, campaign)


async def change_devices(call: Call) -> words.ChangeResult:
    append, devices = read_devices_change(call.body, call.context.settings.max_devices_per_request)
    uuid = read_campaign_id(call.path["campaignId"])
    change = campaigns.add_devices if append else campaigns.remove_devices
    await change(call.context, call.caller, uuid, devices)
    return words.ChangeResult(call.caller.account_name, uuid, call.context.new_uuid())


async def change_dates(call: Call) -> words.CampaignSoftware:
    given = words.read_dates(call.body)
    uuid = read_campaign_id(call.path["campaignId"])
    windows = None
    if words.names_windows(given):
        current = await reports.get_campaign(call.context, call.caller, uuid)
        windows = words.read_windows(given, current.windows)
    start_date, end_date = given.startDate or "", given.endDate or ""
    campaign = await campaigns.change_dates(
        call.context, caller=call.caller, uuid=uuid, start_date=start_date, end_date=end_date, windows=windows
    )
    return words.campaign_software(call.caller.account_name, campaign)


async def cancel_campaign(call: Call) -> SuccessResult:
    await campaigns.cancel_campaign(
        call.context, call.caller, read_campaign_id(call.path["campaignId"]), may_abort=True
    )
    return SuccessResult(True)


OPERATIONS = (
    Operation(
        id="V2-9",
        name="schedule_software",
        method="POST",
        paths=["/campaigns/software/{account}"],
        handle=schedule_software,
        summary="Schedule a software campaign",
        response=words.ScheduledCampaign,
        evidence=Evidence.DOCUMENTED,
        request=words.ScheduleSoftwareBody,
        sdk="campaigns_v2.schedule_sw_upgrade_http_devices",
        notes="Versions and distributionType, where given, must be the software's. Windows may have their hours as "
        "numbers or as text, and are answered as text, as the SDK's model has them.",
    ),
    Operation(
        id="V2-10",
        name="schedule_file",
        method="POST",
        paths=["/campaigns/files/{account}"],
        handle=schedule_file,
        summary="Schedule a campaign of a configuration file",
        response=words.ScheduledCampaign,
        evidence=Evidence.DOCUMENTED,
        request=words.ScheduleFileBody,
        sdk="campaigns_v2.schedule_file_upgrade",
    ),
    Operation(
        id="V2-8",
        name="schedule_campaign",
        method="POST",
        paths=["/campaigns/{account}"],
        handle=schedule_campaign,
        summary="Schedule a software campaign, on the path of the first release",
        response=words.CampaignSoftware,
        evidence=Evidence.SDK,
        request=words.ScheduleSoftwareBody,
        sdk="campaigns_v2.schedule_campaign_firmware_upgrade",
    ),
    Operation(
        id="V2-11",
        name="get_campaign",
        method="GET",
        paths=["/campaigns/{account}/{campaignId}"],
        handle=get_campaign,
        summary="Read a campaign",
        response=words.CampaignSoftware,
        evidence=Evidence.DOCUMENTED,
        sdk="campaigns_v2.get_campaign_information",
        notes="Campaigns that were scheduled with the other versions are answered too, in this version's words. Of a "
        "campaign of a file, softwareName and softwareTo are the file's name and version.",
    ),
    Operation(
        id="V2-12",
        name="change_campaign_devices",
        method="PUT",
        paths=["/campaigns/{account}/{campaignId}"],
        handle=change_devices,
        summary="Add devices to a campaign or remove them",
        response=words.ChangeResult,
        evidence=Evidence.DOCUMENTED,
        request=CampaignDevicesBody,
        sdk="campaigns_v2.update_campaign_firmware_devices",
        notes="The body may be flat (SDK) or wrapped in `addOrRemoveDevice` (page), with one action. What became of "
        "each device is in the campaign's report; one that could not be added is not in it.",
    ),
    Operation(
        id="V2-14",
        name="change_campaign_dates",
        method="PUT",
        paths=["/campaigns/{account}/{campaignId}/dates"],
        handle=change_dates,
        summary="Change a campaign's dates and time windows",
        response=words.CampaignSoftware,
        evidence=Evidence.DOCUMENTED,
        request=words.SoftwareDatesBody,
        sdk="campaigns_v2.update_campaign_dates",
        notes="Windows and their dates that are left out stay; null takes a date away.",
    ),
    Operation(
        id="V2-13",
        name="cancel_campaign",
        method="DELETE",
        paths=["/campaigns/{account}/{campaignId}"],
        handle=cancel_campaign,
        summary="Cancel a campaign, or abort it once it has started",
        response=SuccessResult,
        evidence=Evidence.DOCUMENTED,
        sdk="campaigns_v2.cancel_campaign",
        notes="Pages and SDK differ on campaigns that have started: as on the pages, they are aborted.",
    ),
)
