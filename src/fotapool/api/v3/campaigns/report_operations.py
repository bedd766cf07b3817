"""Version 3's reports on campaigns and devices, and their paths."""

from __future__ import annotations

from fotapool.api.common.campaign_bodies import read_campaign_cursor, read_campaign_id
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v3.campaigns import report_schemas as words
from fotapool.domain.names import parse_device_ids
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.campaigns import reports


async def list_campaigns(call: Call) -> words.CampaignHistory:
    statuses = words.read_statuses(call.query("campaignStatus"))
    last_seen = read_campaign_cursor(call.query("lastSeenCampaignId"))
    found, has_more = await reports.list_campaigns(call.context, call.caller, statuses, last_seen)
    return words.campaign_history(call.caller.account_name, found, has_more)


async def list_device_upgrades(call: Call) -> list[words.DeviceUpgrade]:
    (device,) = parse_device_ids([call.path["deviceId"]])
    trials = await reports.list_device_history(call.context, call.caller, device)
    return words.device_history(call.caller.account_name, trials, call.write_time())


async def list_campaign_devices(call: Call) -> words.CampaignDevices:
    uuid = read_campaign_id(call.path["campaignId"])
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    campaign, page = await reports.list_campaign_devices(call.context, call.caller, uuid, cursor)
    return words.campaign_devices(campaign, page, call.context.settings.page_size)


OPERATIONS = (
    Operation(
        id="V3-14",
        name="list_campaigns",
        method="GET",
        paths=["/reports/{account}/firmware/campaigns", "/reports/{account}/campaigns"],
        handle=list_campaigns,
        summary="List campaigns in a state, oldest first",
        response=words.CampaignHistory,
        evidence=Evidence.DOCUMENTED,
        query=["campaignStatus", "lastSeenCampaignId"],
        sdk="software_management_reports_v3.get_campaign_history_by_status",
        notes="The second path is the page's. `campaignStatus` is taken in any case, also as `CampaignQueued` and "
        "`CampaignPreScheduled`. On the last page lastSeenCampaignId is `0`. Campaigns that ended more than six "
        "months ago are left out.",
    ),
    Operation(
        id="V3-15",
        name="list_device_upgrades",
        method="GET",
        paths=["/reports/{account}/devices/{deviceId}"],
        handle=list_device_upgrades,
        summary="List a device's upgrades of the last six months, oldest first",
        response=list[words.DeviceUpgrade],
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_reports_v3.get_device_firmware_upgrade_history",
        notes=f"`id` and `campaignId` are the same. At most {reports.MAX_HISTORY:,} upgrades.",
    ),
    Operation(
        id="V3-16",
        name="list_campaign_devices",
        method="GET",
        paths=["/reports/{account}/campaigns/{campaignId}/devices"],
        handle=list_campaign_devices,
        summary="List a campaign's devices with IMEIs greater than the last seen one",
        response=words.CampaignDevices,
        evidence=Evidence.DOCUMENTED,
        query=["lastSeenDeviceId"],
        sdk="software_management_reports_v3.get_campaign_device_status",
        notes="The page's table of states is cut: `UpgradeFailed`, and the words for devices that were rejected or "
        "canceled, follow the other versions. Attempts are of simulated devices; others come by themselves.",
    ),
)
