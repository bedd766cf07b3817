"""Version 2: licenses (pages of the API reference v2, SDK models V2License…)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common import handlers, schemas
from fotapool.api.common.bodies import CandidatesBody, DeviceListBody, read_device_list
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import CandidatesPage, DeviceStatusRow, outcome_labels
from fotapool.domain.paging import parse_record_number
from fotapool.services.licenses import candidates, licenses

LABELS = outcome_labels("Success", "Failure")


class LicensesResult(msgspec.Struct):
    accountName: str
    licTotalCount: int
    licUsedCount: int
    deviceList: list[DeviceStatusRow]


def _result(account: str, device_ids: Sequence[str], result: licenses.LicenseResult) -> LicensesResult:
    pairs = zip(device_ids, result.outcomes, strict=True)
    rows = [DeviceStatusRow(device, *LABELS[outcome]) for device, outcome in pairs]
    return LicensesResult(account, result.total, result.used, rows)


operations = OperationTable()

operations.add(
    "V2-1",
    "GET",
    "/subscriptions/{account}",
    sdk="software_management_subscriptions_v2.get_account_subscription_status",
)(handlers.get_subscription)

operations.add(
    "V2-2",
    "GET",
    ["/licenses/{account}", "/licenses/{account}/index/{index}"],
    query=["lastSeenDeviceId"],
    sdk="software_management_licenses_v2.get_account_license_status",
    notes="The total is sent as `totalLicense` (this page, SDK) and as `totalLicenses`.",
)(handlers.get_licenses)


@operations.add(
    "V2-3",
    "POST",
    "/licenses/{account}/assign",
    request=DeviceListBody,
    sdk="software_management_licenses_v2.assign_licenses_to_devices",
)
async def assign_licenses(call: Call) -> LicensesResult:
    """Assign licenses to devices."""
    texts, devices = read_device_list(call.body, call.max_devices)
    return _result(call.account, texts, await licenses.assign_licenses(call.context, call.caller, devices))


@operations.add(
    "V2-4",
    "POST",
    "/licenses/{account}/remove",
    request=DeviceListBody,
    sdk="software_management_licenses_v2.remove_licenses_from_devices",
)
async def remove_licenses(call: Call) -> LicensesResult:
    """Remove unused licenses from devices."""
    texts, devices = read_device_list(call.body, call.max_devices)
    return _result(call.account, texts, await licenses.remove_licenses(call.context, call.caller, devices))


operations.add(
    "V2-5",
    "POST",
    "/licenses/{account}/cancel",
    evidence=Evidence.SEED,
    request=CandidatesBody,
    sdk="software_management_licenses_v2.create_list_of_licenses_to_remove",
)(handlers.create_candidates)


@operations.add(
    "V2-6",
    "GET",
    ["/licenses/{account}/cancel", "/licenses/{account}/cancel/index/{index}"],
    query=["startIndex"],
    sdk="software_management_licenses_v2.list_licenses_to_remove",
)
async def get_candidates(call: Call) -> CandidatesPage:
    """List cancellation candidates from a zero-based record number."""
    index = parse_record_number(call.start("startIndex"))
    return schemas.candidates_page(
        await candidates.list_candidates(call.context, call.caller, index), call.write_time()
    )


operations.add(
    "V2-7",
    "DELETE",
    "/licenses/{account}/cancel",
    sdk="software_management_licenses_v2.delete_list_of_licenses_to_remove",
)(handlers.delete_candidates)
