"""Version 3: campaigns (SDK models CampaignFirmwareUpgrade, FirmwareCampaign, Campaign, …)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import msgspec

from fotapool.api.common import bodies, handlers
from fotapool.api.common.operations import Call, OperationTable
from fotapool.api.common.schemas import (
    ChangedDevice,
    SuccessResult,
    TimeWindow,
    campaign_protocol,
    time_windows,
)
from fotapool.api.v3.statuses import CAMPAIGN_STATUS, DEVICE_REASON
from fotapool.domain.campaigns.campaigns import Campaign, Flow, Windows
from fotapool.services.campaigns import campaigns, reports


class ScheduleFirmwareBody(msgspec.Struct):
    """The body that schedules a campaign; older SDKs have no flags."""

    firmwareName: str | None = None
    firmwareFrom: str | None = None
    firmwareTo: str | None = None
    protocol: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    campaignName: str | None = None
    campaignTimeWindowList: list[bodies.TimeWindowBody] | None = None
    autoAssignLicenseFlag: bool | None = None
    autoAddDevicesFlag: bool | None = None
    deviceList: bodies.DeviceIds | None = None


class FirmwareDatesBody(bodies.DatesBody):
    """The body that changes a campaign's dates; without a list, its windows stay."""

    campaignTimeWindowList: list[bodies.TimeWindowBody] | None = None


class FirmwareCampaign(msgspec.Struct, kw_only=True):
    id: str
    accountName: str
    campaignName: str | msgspec.UnsetType = msgspec.UNSET
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    protocol: str
    make: str
    model: str
    startDate: str
    endDate: str
    campaignTimeWindowList: list[TimeWindow] | msgspec.UnsetType = msgspec.UNSET
    status: str


class CampaignView(FirmwareCampaign, kw_only=True):
    autoAssignLicenseFlag: bool
    autoAddDevicesFlag: bool


class ChangedDevices(msgspec.Struct):
    """`id` is the page's name, `campaignId` the SDK's; both are sent."""

    accountName: str
    id: str
    campaignId: str
    deviceList: list[ChangedDevice]


_schedule = msgspec.json.Decoder(ScheduleFirmwareBody)
_dates = msgspec.json.Decoder(FirmwareDatesBody)


def firmware_campaign(account: str, campaign: Campaign) -> FirmwareCampaign:
    artifact = campaign.artifact
    return FirmwareCampaign(
        id=campaign.uuid,
        accountName=account,
        campaignName=campaign.name or msgspec.UNSET,
        firmwareName=artifact.name,
        firmwareFrom=artifact.from_version,
        firmwareTo=artifact.to_version,
        protocol=campaign_protocol(artifact.protocol),
        make=artifact.make,
        model=artifact.model,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        campaignTimeWindowList=time_windows(campaign.windows.download),
        status=CAMPAIGN_STATUS[campaign.status],
    )


operations = OperationTable()


@operations.post(
    "V3-5",
    ["/campaigns/firmware/{account}", "/campaigns/software/{account}"],
    request=ScheduleFirmwareBody,
    sdk="campaigns_v3.schedule_campaign_firmware_upgrade",
    notes="The second path is that of an older page. Versions and protocol, where given, must be the firmware's; "
    "flags that are left out are false. The windows say when a device may begin; it installs when "
    "it is ready (our choice).",
)
async def schedule_campaign(call: Call) -> FirmwareCampaign:
    """Schedule a firmware campaign."""
    given = bodies.read_document(_schedule, call.body)
    wanted = campaigns.NewCampaign(
        Flow.NETWORK_AWARE,
        bodies.read_name(given.firmwareName),
        from_version=given.firmwareFrom,
        to_version=given.firmwareTo,
        **bodies.read_campaign(given, given.protocol, call.max_devices),
        windows=Windows(bodies.read_hours(given.campaignTimeWindowList or ())),
        auto_assign=bool(given.autoAssignLicenseFlag),
        auto_add=bool(given.autoAddDevicesFlag),
    )
    change = campaigns.schedule_campaign(call.context, call.caller, wanted)
    return await call.answer(change, partial(firmware_campaign, call.account))


@operations.put(
    "V3-6",
    ["/campaigns/firmware/{account}/{campaignId}", "/campaigns/{account}/{campaignId}"],
    request=bodies.CampaignDevicesBody,
    sdk="campaigns_v3.update_campaign_firmware_devices",
    notes="The body may be flat (SDK) or wrapped in `addOrRemoveDevice` (page), with one action. `id` and "
    "`campaignId` are the same. `RemoveDeviceSucceed` and the labels of failures are inferred.",
)
async def change_campaign_devices(call: Call) -> ChangedDevices:
    """Add devices to a campaign or remove them."""
    return await handlers.change_devices(
        call, DEVICE_REASON, lambda uuid, rows: ChangedDevices(call.account, uuid, uuid, rows)
    )


@operations.put(
    "V3-7",
    "/campaigns/firmware/{account}/{campaignId}/dates",
    request=FirmwareDatesBody,
    sdk="campaigns_v3.update_campaign_dates",
    notes="Before the start everything can be changed, afterwards only the end, to at least 24 hours from now. "
    "Windows that are left out stay.",
)
async def change_campaign_dates(call: Call) -> FirmwareCampaign:
    """Change a campaign's dates and time windows."""
    given = bodies.read_document(_dates, call.body)
    listed = given.campaignTimeWindowList
    change_windows = None if listed is None else partial(replace, download=bodies.read_hours(listed))
    return await handlers.change_dates(call, given, change_windows, firmware_campaign)


@operations.get(
    "V3-8",
    "/campaigns/{account}/{campaignId}",
    sdk="campaigns_v3.get_campaign_information",
    notes="Campaigns of the other versions are returned too, with this version's members and labels.",
)
async def get_campaign(call: Call) -> CampaignView:
    """Read a campaign."""
    campaign = await reports.get_campaign(call.context, call.caller, call.campaign_id)
    members = msgspec.structs.asdict(firmware_campaign(call.account, campaign))
    return CampaignView(**members, autoAssignLicenseFlag=campaign.auto_assign, autoAddDevicesFlag=campaign.auto_add)


@operations.delete(
    "V3-9",
    "/campaigns/{account}/{campaignId}",
    sdk="campaigns_v3.cancel_campaign",
    notes="A campaign that has started runs to its end date.",
)
async def cancel_campaign(call: Call) -> SuccessResult:
    """Cancel a campaign before its start."""
    return await handlers.cancel_campaign(call, may_abort=False)
