"""Version 3: reports on campaigns, devices (SDK models V3CampaignHistory, DeviceFirmwareUpgrade, V3CampaignDevice)."""

from __future__ import annotations

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import statuses_by_label
from fotapool.api.common.operations import Call, OperationTable
from fotapool.api.common.schemas import (
    CampaignDevicesPage,
    TimeWindow,
    listed_protocol,
    optional_time,
    page_members,
    upgrade_members,
)
from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.api.v3.campaigns import firmware_campaign
from fotapool.api.v3.devices import FIRMWARE_PROTOCOLS
from fotapool.api.v3.statuses import CAMPAIGN_STATUS, device_labels
from fotapool.domain.campaigns.campaigns import NOT_STARTED, Campaign
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns import reports

STATUSES = statuses_by_label(CAMPAIGN_STATUS)
STATUSES["campaignqueued"] = STATUSES["campaignrequestqueued"]
"""What each label asks for; pages write CampaignQueued for the SDK's CampaignRequestQueued."""


class CampaignRow(msgspec.Struct, kw_only=True):
    """A campaign for HTTP devices has no `protocol`: the SDKs' enumeration lacks HTTP, and one such row would cost
    them the whole answer.
    """

    accountName: str
    id: str
    campaignName: str | msgspec.UnsetType = msgspec.UNSET
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    protocol: str | msgspec.UnsetType = msgspec.UNSET
    make: str
    model: str
    startDate: str
    endDate: str
    campaignTimeWindowList: list[TimeWindow] | msgspec.UnsetType = msgspec.UNSET
    status: str


class CampaignHistory(msgspec.Struct):
    hasMoreData: bool
    lastSeenCampaignId: str
    campaignList: list[CampaignRow]


class DeviceUpgrade(msgspec.Struct):
    """`id` is the page's name, `campaignId` the SDK's; both are sent."""

    deviceId: str
    id: str
    campaignId: str
    accountName: str
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    startDate: str
    status: str
    reason: str
    reportUpdatedTime: str


class DeviceStatusRow(msgspec.Struct):
    """Attempts are of devices that the server looks for on the network; others have none."""

    deviceId: str
    status: str
    resultReason: str
    updatedTime: str
    recentAttemptTime: str | msgspec.UnsetType = msgspec.UNSET
    nextAttemptTime: str | msgspec.UnsetType = msgspec.UNSET


class CampaignDevices(CampaignDevicesPage[DeviceStatusRow]):
    """A page of the campaign's devices."""


def _campaign_row(account: str, campaign: Campaign) -> CampaignRow:
    members = msgspec.structs.asdict(firmware_campaign(account, campaign))
    protocol = campaign.artifact.protocol
    listed = listed_protocol(protocol) if protocol in FIRMWARE_PROTOCOLS else msgspec.UNSET
    return CampaignRow(**members | {"protocol": listed})


def _device_upgrade(account: str, trial: reports.CampaignUpgrade, write_time: WriteTime) -> DeviceUpgrade:
    campaign, artifact = trial.campaign, trial.campaign.artifact
    return DeviceUpgrade(
        campaignId=campaign.uuid,
        firmwareName=artifact.name,
        firmwareFrom=artifact.from_version,
        firmwareTo=artifact.to_version,
        reportUpdatedTime=write_time(_changed_ms(trial.upgrade)),
        **upgrade_members(account, trial, _labels(campaign, trial.upgrade)),
    )


def _device_row(campaign: Campaign, upgrade: Upgrade) -> DeviceStatusRow:
    status, reason = _labels(campaign, upgrade)
    away = upgrade.status == UpgradeStatus.SCHEDULED and upgrade.reason == Reason.NOT_REACHABLE
    recent_ms = upgrade.updated_ms if away else upgrade.started_ms if upgrade.attempts else None
    return DeviceStatusRow(
        deviceId=format_device_id(upgrade.imei),
        status=status,
        resultReason=reason,
        updatedTime=rfc3339(_changed_ms(upgrade)),
        recentAttemptTime=optional_time(recent_ms),
        nextAttemptTime=optional_time(_next_attempt_ms(campaign, upgrade)),
    )


def _labels(campaign: Campaign, upgrade: Upgrade) -> tuple[str, str]:
    status = UpgradeStatus(upgrade.status)
    begin_ms = campaign.start_ms
    if status is UpgradeStatus.SCHEDULED and upgrade.due_ms is not None:
        begin_ms = upgrade.due_ms
    return device_labels(
        status=status,
        reason=Reason(upgrade.reason),
        campaign=campaign.status,
        start_ms=begin_ms,
        end_ms=campaign.end_ms,
        attempts=upgrade.attempts,
    )


def _changed_ms(upgrade: Upgrade) -> int:
    """When the upgrade's status last changed."""
    if upgrade.reason == Reason.NOT_REACHABLE:
        return upgrade.updated_ms
    return upgrade.ended_ms or upgrade.started_ms or upgrade.scheduled_ms


def _next_attempt_ms(campaign: Campaign, upgrade: Upgrade) -> int | None:
    if upgrade.status != UpgradeStatus.SCHEDULED:
        return None
    return upgrade.due_ms or (campaign.start_ms if campaign.status in NOT_STARTED else None)


operations = OperationTable()


@operations.get(
    "V3-14",
    ["/reports/{account}/firmware/campaigns", "/reports/{account}/campaigns"],
    query=["campaignStatus", "lastSeenCampaignId"],
    sdk="software_management_reports_v3.get_campaign_history_by_status",
    notes="The second path is the page's. `campaignStatus` may be in any case; `CampaignQueued` and "
    "`CampaignPreScheduled` are accepted too. On the last page lastSeenCampaignId is `0`. Campaigns that ended more "
    "than six months ago are left out. Campaigns for HTTP devices have no `protocol`: the SDKs' enumeration has only "
    "`LWM2M` and `OMD-DM`.",
)
async def list_campaigns(call: Call) -> CampaignHistory:
    """List campaigns in a state, oldest first."""
    has_more, cursor, found = await handlers.list_campaigns(call, STATUSES)
    return CampaignHistory(has_more, cursor, [_campaign_row(call.account, campaign) for campaign in found])


@operations.get(
    "V3-15",
    "/reports/{account}/devices/{deviceId}",
    sdk="software_management_reports_v3.get_device_firmware_upgrade_history",
    notes=f"`id` and `campaignId` are the same. At most {reports.MAX_HISTORY:,} upgrades.",
)
async def list_device_upgrades(call: Call) -> list[DeviceUpgrade]:
    """List a device's upgrades of the last six months, oldest first."""
    trials = await reports.list_device_history(call.context, call.caller, call.device)
    return [_device_upgrade(call.account, trial, call.write_time()) for trial in trials]


@operations.get(
    "V3-16",
    "/reports/{account}/campaigns/{campaignId}/devices",
    query=["lastSeenDeviceId"],
    sdk="software_management_reports_v3.get_campaign_device_status",
    notes="The page's table of states is cut: `UpgradeFailed`, and the labels of devices that were rejected or "
    "canceled, follow the other versions. Only simulated devices have attempts; others check in themselves.",
)
async def list_campaign_devices(call: Call) -> CampaignDevices:
    """List a campaign's devices with IMEIs greater than the last seen one."""
    campaign, page = await handlers.list_campaign_devices(call)
    rows = [_device_row(campaign, upgrade) for upgrade in page.rows]
    return CampaignDevices(totalDevice=campaign.devices, deviceList=rows, **page_members(page, call.page_size))
