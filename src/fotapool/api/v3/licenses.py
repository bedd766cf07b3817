"""Version 3: licenses (page "Assign Licenses to Devices" v3, SDK models V3License…).

The page's table, its example and the SDK name two members differently; all names are sent. Version 3 has no candidate
list: those of versions 1 and 2 apply to its reductions.
"""

from __future__ import annotations

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import DeviceListBody, read_device_list
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import OutcomeLabels, outcome_labels
from fotapool.services.licenses import licenses

ASSIGN_LABELS = outcome_labels("LicenseAssignSuccess", "LicenseAssignFailure")
REMOVE_LABELS = outcome_labels("LicenseRemoveSuccess", "LicenseRemoveFailure")


class DeviceRow(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")
    resultReason: str


class LicensesResult(msgspec.Struct):
    accountName: str
    licCount: int
    licTotalCount: int
    licUsedCount: int
    deviceList: list[DeviceRow]


async def _change(call: Call, change: licenses.Change, labels: OutcomeLabels) -> LicensesResult:
    texts, devices = read_device_list(call.body, call.max_devices)

    def write(result: licenses.LicenseResult) -> LicensesResult:
        rows = []
        for text, outcome in zip(texts, result.outcomes, strict=True):
            status, reason = labels[outcome]
            rows.append(DeviceRow(text, status, reason, reason))
        return LicensesResult(
            accountName=call.account,
            licCount=result.total,
            licTotalCount=result.total,
            licUsedCount=result.used,
            deviceList=rows,
        )

    return await call.answer(change(call.context, call.caller, devices), write)


operations = OperationTable()


@operations.post(
    "V3-3",
    ["/licenses/{account}/assign", "/firmware/licenses/{account}/assign"],
    evidence=Evidence.SEED,
    request=DeviceListBody,
    sdk="software_management_licenses_v3.assign_licenses_to_devices",
    notes="`licCount` and `licTotalCount`, `Reason` and `resultReason`: page and SDK differ, all are sent.",
)
async def assign_licenses(call: Call) -> LicensesResult:
    """Assign licenses to devices."""
    return await _change(call, licenses.assign_licenses, ASSIGN_LABELS)


operations.get(
    "V3-1",
    "/subscriptions/{account}",
    sdk="software_management_subscriptions_v3.get_account_subscription_status",
)(handlers.get_subscription)

operations.get(
    "V3-2",
    [
        "/licenses/{account}",
        "/licenses/{account}/index/{index}",
        "/firmware/licenses/{account}",
        "/firmware/licenses/{account}/index/{index}",
    ],
    query=["lastSeenDeviceId"],
    sdk="software_management_licenses_v3.get_account_licenses_status",
    notes="The total is sent as `totalLicense` (page) and as `totalLicenses` (SDK).",
)(handlers.get_licenses)


@operations.post(
    "V3-4",
    ["/licenses/{account}/remove", "/firmware/licenses/{account}/remove"],
    request=DeviceListBody,
    sdk="software_management_licenses_v3.remove_licenses_from_devices",
    notes="The label of failures is inferred from that of assign.",
)
async def remove_licenses(call: Call) -> LicensesResult:
    """Remove unused licenses from devices."""
    return await _change(call, licenses.remove_licenses, REMOVE_LABELS)
