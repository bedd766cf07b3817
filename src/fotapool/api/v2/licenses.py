"""Version 2: licenses (pages of the API reference v2, SDK models V2License…)."""

from __future__ import annotations

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import CandidatesBody, DeviceListBody, read_device_list
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import DeviceStatusRow, outcome_labels
from fotapool.services.licenses import licenses

LABELS = outcome_labels("Success", "Failure")


class LicensesResult(msgspec.Struct):
    accountName: str
    licTotalCount: int
    licUsedCount: int
    deviceList: list[DeviceStatusRow]


async def _change(call: Call, change: licenses.Change) -> LicensesResult:
    texts, devices = read_device_list(call.body, call.max_devices)

    def write(result: licenses.LicenseResult) -> LicensesResult:
        rows = [DeviceStatusRow(text, *LABELS[outcome]) for text, outcome in zip(texts, result.outcomes, strict=True)]
        return LicensesResult(call.account, result.total, result.used, rows)

    return await call.answer(change(call.context, call.caller, devices), write)


operations = OperationTable()

operations.get(
    "V2-1",
    "/subscriptions/{account}",
    sdk="software_management_subscriptions_v2.get_account_subscription_status",
)(handlers.get_subscription)

operations.get(
    "V2-2",
    ["/licenses/{account}", "/licenses/{account}/index/{index}"],
    query=["lastSeenDeviceId"],
    sdk="software_management_licenses_v2.get_account_license_status",
    notes="The total is sent as `totalLicense` (this page, SDK) and as `totalLicenses`.",
)(handlers.get_licenses)


@operations.post(
    "V2-3",
    "/licenses/{account}/assign",
    request=DeviceListBody,
    sdk="software_management_licenses_v2.assign_licenses_to_devices",
)
async def assign_licenses(call: Call) -> LicensesResult:
    """Assign licenses to devices."""
    return await _change(call, licenses.assign_licenses)


@operations.post(
    "V2-4",
    "/licenses/{account}/remove",
    request=DeviceListBody,
    sdk="software_management_licenses_v2.remove_licenses_from_devices",
)
async def remove_licenses(call: Call) -> LicensesResult:
    """Remove unused licenses from devices."""
    return await _change(call, licenses.remove_licenses)


operations.post(
    "V2-5",
    "/licenses/{account}/cancel",
    evidence=Evidence.SEED,
    request=CandidatesBody,
    sdk="software_management_licenses_v2.create_list_of_licenses_to_remove",
)(handlers.create_candidates)


operations.get(
    "V2-6",
    ["/licenses/{account}/cancel", "/licenses/{account}/cancel/index/{index}"],
    query=["startIndex"],
    sdk="software_management_licenses_v2.list_licenses_to_remove",
)(handlers.get_candidates)


operations.delete(
    "V2-7",
    "/licenses/{account}/cancel",
    sdk="software_management_licenses_v2.delete_list_of_licenses_to_remove",
)(handlers.delete_candidates)
