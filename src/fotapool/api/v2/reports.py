"""Version 2: reports on campaigns, devices (SDK models V2CampaignHistory, DeviceSoftwareUpgrade, V2CampaignDevice)."""

from __future__ import annotations

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import statuses_by_label
from fotapool.api.common.operations import Call, OperationTable
from fotapool.api.common.schemas import (
    CampaignDevicesPage,
    DeviceStatusRow,
    optional_time,
    page_members,
    upgrade_members,
)
from fotapool.api.v2.campaigns import CampaignSoftware, campaign_software
from fotapool.api.v2.statuses import CAMPAIGN_STATUS, device_labels, device_row
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.services.campaigns import reports

STATUSES = statuses_by_label(CAMPAIGN_STATUS)
STATUSES |= {
    "campaignqueued": STATUSES["campaignrequestqueued"],
    "campaignprescheduled": frozenset({CampaignStatus.PRESCHEDULED}),
}
"""What each label asks for; pages write CampaignQueued for the SDK's CampaignRequestQueued."""


class CampaignHistory(msgspec.Struct):
    """`campaignList` has campaigns of software and of files, as when one of them is read."""

    hasMoreData: bool
    lastSeenCampaignId: str
    campaignList: list[CampaignSoftware]


class DeviceUpgrade(msgspec.Struct, kw_only=True):
    """`upgradeStartTime` is in the page's example only; it is left out of an upgrade that has not begun."""

    deviceId: str
    id: str
    accountName: str
    softwareName: str
    startDate: str
    upgradeStartTime: str | msgspec.UnsetType = msgspec.UNSET
    status: str
    reason: str


class CampaignDevices(CampaignDevicesPage[DeviceStatusRow]):
    """A page of the campaign's devices."""


def _device_upgrade(account: str, trial: reports.CampaignUpgrade) -> DeviceUpgrade:
    upgrade = trial.upgrade
    labels = device_labels(UpgradeStatus(upgrade.status), Reason(upgrade.reason))
    return DeviceUpgrade(
        softwareName=trial.campaign.artifact.name,
        upgradeStartTime=optional_time(upgrade.started_ms),
        **upgrade_members(account, trial, labels),
    )


operations = OperationTable()


@operations.get(
    "V2-21",
    "/reports/{account}/devices/{deviceId}",
    sdk="software_management_reports_v2.get_device_firmware_upgrade_history",
    notes=f"At most {reports.MAX_HISTORY:,} upgrades.",
)
async def list_device_upgrades(call: Call) -> list[DeviceUpgrade]:
    """List a device's upgrades of the last six months, oldest first."""
    trials = await reports.list_device_history(call.context, call.caller, call.device)
    return [_device_upgrade(call.account, trial) for trial in trials]


@operations.get(
    "V2-22",
    "/reports/{account}/campaigns",
    query=["campaignStatus", "lastSeenCampaignId"],
    sdk="software_management_reports_v2.get_campaign_history_by_status",
    notes="`campaignStatus` may be in any case; `CampaignQueued` and `CampaignPreScheduled` are accepted too. On the "
    "last page lastSeenCampaignId is `0`. Campaigns that ended more than six months ago are left out.",
)
async def list_campaigns(call: Call) -> CampaignHistory:
    """List campaigns in a state, oldest first."""
    has_more, cursor, found = await handlers.list_campaigns(call, STATUSES)
    return CampaignHistory(has_more, cursor, [campaign_software(call.account, campaign) for campaign in found])


@operations.get(
    "V2-23",
    "/reports/{account}/campaigns/{campaignId}/devices",
    query=["lastSeenDeviceId"],
    sdk="software_management_reports_v2.get_campaign_device_status",
)
async def list_campaign_devices(call: Call) -> CampaignDevices:
    """List a campaign's devices with IMEIs greater than the last seen one."""
    campaign, page = await handlers.list_campaign_devices(call)
    rows = [device_row(upgrade.imei, upgrade.status, upgrade.reason) for upgrade in page.rows]
    return CampaignDevices(totalDevice=campaign.devices, deviceList=rows, **page_members(page, call.page_size))
