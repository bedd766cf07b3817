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
    campaign = await campaigns.change_dates(call.context, call.caller, uuid, start_date, end_date, windows)
    return words.campaign_software(call.caller.account_name, campaign)


async def cancel_campaign(call: Call) -> SuccessResult:
    await campaigns.cancel_campaign(
        call.context, call.caller, read_campaign_id(call.path["campaignId"]), may_abort=True
    )
    return SuccessResult(True)


OPERATIONS = (
    Operation(
        "V2-9", "schedule_software", "POST", ["/campaigns/software/{account}"], schedule_software,
        "Schedule a software campaign", words.ScheduledCampaign, Evidence.DOCUMENTED, words.ScheduleSoftwareBody,
        sdk="campaigns_v2.schedule_sw_upgrade_http_devices",
        notes="Versions and distributionType, where given, must be the software's. Windows may have their hours as "
        "numbers or as text, and are answered as text, as the SDK's model has them.",
    ),
    Operation(
        "V2-10", "schedule_file", "POST", ["/campaigns/files/{account}"], schedule_file,
        "Schedule a campaign of a configuration file", words.ScheduledCampaign, Evidence.DOCUMENTED,
        words.ScheduleFileBody, sdk="campaigns_v2.schedule_file_upgrade",
    ),
    Operation(
        "V2-8", "schedule_campaign", "POST", ["/campaigns/{account}"], schedule_campaign,
        "Schedule a software campaign, on the path of the first release", words.CampaignSoftware, Evidence.SDK,
        words.ScheduleSoftwareBody, sdk="campaigns_v2.schedule_campaign_firmware_upgrade",
    ),
    Operation(
        "V2-11", "get_campaign", "GET", ["/campaigns/{account}/{campaignId}"], get_campaign,
        "Read a campaign", words.CampaignSoftware, Evidence.DOCUMENTED, sdk="campaigns_v2.get_campaign_information",
        notes="Campaigns that were scheduled with the other versions are answered too, in this version's words. Of a "
        "campaign of a file, softwareName and softwareTo are the file's name and version.",
    ),
    Operation(
        "V2-12", "change_campaign_devices", "PUT", ["/campaigns/{account}/{campaignId}"], change_devices,
        "Add devices to a campaign or remove them", words.ChangeResult, Evidence.DOCUMENTED, CampaignDevicesBody,
        sdk="campaigns_v2.update_campaign_firmware_devices",
        notes="The body may be flat (SDK) or wrapped in `addOrRemoveDevice` (page), with one action. What became of "
        "each device is in the campaign's report; one that could not be added is not in it.",
    ),
    Operation(
        "V2-14", "change_campaign_dates", "PUT", ["/campaigns/{account}/{campaignId}/dates"], change_dates,
        "Change a campaign's dates and time windows", words.CampaignSoftware, Evidence.DOCUMENTED,
        words.SoftwareDatesBody,
        sdk="campaigns_v2.update_campaign_dates",
        notes="Windows and their dates that are left out stay; null takes a date away.",
    ),
    Operation(
        "V2-13", "cancel_campaign", "DELETE", ["/campaigns/{account}/{campaignId}"], cancel_campaign,
        "Cancel a campaign, or abort it once it has started", SuccessResult, Evidence.DOCUMENTED,
        sdk="campaigns_v2.cancel_campaign",
        notes="Pages and SDK differ on campaigns that have started: as on the pages, they are aborted.",
    ),
)  # fmt: skip
