"""Version 1: reports on upgrades (SDK models UpgradeListQueryResult, DeviceUpgradeHistory)."""

from __future__ import annotations

import msgspec

from fotapool.api.common.bodies import read_statuses, statuses_by_label
from fotapool.api.common.operations import Call, OperationTable
from fotapool.api.common.schemas import optional_time, upgrade_members
from fotapool.api.v1.campaigns import Upgrade, upgrade
from fotapool.api.v1.statuses import CAMPAIGN_STATUS, device_labels
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.paging import parse_record_number
from fotapool.services.campaigns import reports

STATUSES = statuses_by_label(CAMPAIGN_STATUS)


class UpgradeList(msgspec.Struct):
    """`lastSeenUpgradeId` is the number of the next record, 0 on the last page."""

    hasMoreFlag: bool
    lastSeenUpgradeId: int
    reportList: list[Upgrade]


class DeviceUpgrade(msgspec.Struct, kw_only=True):
    """`upgradeStartTime` is left out of an upgrade that has not begun."""

    deviceId: str
    id: str
    accountName: str
    firmwareFrom: str
    firmwareTo: str
    startDate: str
    upgradeStartTime: str | msgspec.UnsetType = msgspec.UNSET
    status: str
    reason: str


def _device_upgrade(account: str, trial: reports.CampaignUpgrade) -> DeviceUpgrade:
    artifact, done = trial.campaign.artifact, trial.upgrade
    labels = device_labels(UpgradeStatus(done.status), Reason(done.reason))
    return DeviceUpgrade(
        firmwareFrom=artifact.from_version,
        firmwareTo=artifact.to_version,
        upgradeStartTime=optional_time(done.started_ms),
        **upgrade_members(account, trial, labels),
    )


operations = OperationTable()


@operations.get(
    "V1-14",
    "/reports/{account}/status/{upgradeStatus}/index/{index}",
    sdk="software_management_reports_v1.list_upgrades_for_specified_status",
    notes="`lastSeenUpgradeId` is the number of the next record, 0 on the last page. Upgrades that ended more than six "
    "months ago are left out.",
)
async def list_upgrades(call: Call) -> UpgradeList:
    """List upgrades in a state from a record number on, oldest first."""
    statuses = read_statuses(STATUSES, call.path["upgradeStatus"])
    index = parse_record_number(call.start("startIndex"))
    found, has_more = await reports.list_campaigns_by_number(call.context, call.caller, statuses, index)
    return UpgradeList(has_more, index + len(found) if has_more else 0, [upgrade(call.account, one) for one in found])


@operations.get(
    "V1-15",
    ["/reports/{account}/devices/{deviceId}", "/reports/{account}/device/{deviceId}"],
    sdk="software_management_reports_v1.get_device_firmware_upgrade_history",
    notes=f"The second path is one page's. At most {reports.MAX_HISTORY:,} upgrades.",
)
async def list_device_upgrades(call: Call) -> list[DeviceUpgrade]:
    """List a device's upgrades of the last six months, oldest first."""
    trials = await reports.list_device_history(call.context, call.caller, call.device)
    return [_device_upgrade(call.account, trial) for trial in trials]
