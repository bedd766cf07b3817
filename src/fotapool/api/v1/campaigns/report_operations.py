"""Version 1's reports on upgrades, and their paths."""

from __future__ import annotations

from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v1.campaigns import report_schemas as words
from fotapool.domain.names import parse_device_ids
from fotapool.domain.paging import parse_record_number
from fotapool.services.campaigns import reports


async def list_upgrades(call: Call) -> words.UpgradeList:
    statuses = words.read_statuses(call.path["upgradeStatus"])
    index = parse_record_number(call.start("startIndex"))
    found, has_more = await reports.list_campaigns_by_number(call.context, call.caller, statuses, index)
    return words.upgrade_list(call.caller.account_name, index, found, has_more)


async def list_device_upgrades(call: Call) -> list[words.DeviceUpgrade]:
    (device,) = parse_device_ids([call.path["deviceId"]])
    trials = await reports.list_device_history(call.context, call.caller, device)
    return words.device_history(call.caller.account_name, trials)


OPERATIONS = (
    Operation(
        id="V1-14",
        name="list_upgrades",
        method="GET",
        paths=["/reports/{account}/status/{upgradeStatus}/index/{index}"],
        handle=list_upgrades,
        summary="List upgrades in a state from a record number on, oldest first",
        response=words.UpgradeList,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_reports_v1.list_upgrades_for_specified_status",
        notes="`lastSeenUpgradeId` is the number to go on with, 0 on the last page. Upgrades that ended more than six "
        "months ago are left out.",
    ),
    Operation(
        id="V1-15",
        name="list_device_upgrades",
        method="GET",
        paths=["/reports/{account}/devices/{deviceId}"],
        handle=list_device_upgrades,
        summary="List a device's upgrades of the last six months, oldest first",
        response=list[words.DeviceUpgrade],
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_reports_v1.get_device_firmware_upgrade_history",
        notes=f"At most {reports.MAX_HISTORY:,} upgrades.",
    ),
)
