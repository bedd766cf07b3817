"""Version 1: licenses (pages "Remove unused licenses", "Get an account's license status" and their siblings)."""

from __future__ import annotations

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import CandidatesBody, DeviceListBody, read_device_list
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import (
    CandidatesPage,
    LicensedDevice,
    OutcomeLabels,
    licensed_devices,
    outcome_labels,
)
from fotapool.api.common.time_styles import WriteTime
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.licenses import licenses

ASSIGN_LABELS = outcome_labels("LicenseAssignSuccess", "LicenseAssignFailed")
REMOVE_LABELS = outcome_labels("LicenseRemoveSuccess", "LicenseRemoveFailed")


class DeviceRow(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")


class LicensesResult(msgspec.Struct):
    accountName: str
    licCount: int
    licUsedCount: int
    deviceList: list[DeviceRow]


class LicenseSummary(msgspec.Struct):
    accountName: str
    totalLicenses: int
    assignedLicenses: int
    hasMoreData: bool
    lastSeenDeviceId: int
    deviceList: list[LicensedDevice]


async def _change(call: Call, change: licenses.Change, labels: OutcomeLabels) -> LicensesResult:
    texts, devices = read_device_list(call.body, call.max_devices)

    def write(result: licenses.LicenseResult) -> LicensesResult:
        rows = [DeviceRow(text, *labels[outcome]) for text, outcome in zip(texts, result.outcomes, strict=True)]
        return LicensesResult(call.account, result.total, result.used, rows)

    return await call.answer(change(call.context, call.caller, devices), write)


def license_summary(account: str, status: licenses.LicenseStatus, write_time: WriteTime) -> LicenseSummary:
    return LicenseSummary(
        accountName=account,
        totalLicenses=status.total,
        assignedLicenses=status.used,
        hasMoreData=status.page.has_more,
        lastSeenDeviceId=status.page.next_cursor,
        deviceList=licensed_devices(status, write_time),
    )


operations = OperationTable()

operations.get(
    "V1-1",
    "/subscriptions/{account}",
    sdk="software_management_subscriptions_v1.get_account_subscription_status",
)(handlers.get_subscription)


@operations.get(
    "V1-2",
    ["/licenses/{account}/index/{index}", "/licenses/{account}"],
    evidence=Evidence.SEED,
    query=["lastSeenDeviceId", "startIndex"],
    sdk="software_management_subscriptions_v1.get_account_license_status",
    notes="Without an index in the path, it is the query `startIndex` or `lastSeenDeviceId`. The "
    "vendor's SDK text calls the index a record number; the page says IMEI, and so do the errors.",
)
async def get_licenses(call: Call) -> LicenseSummary:
    """List licensed devices with IMEIs greater than the index."""
    cursor = parse_device_cursor(call.start("lastSeenDeviceId", "startIndex"))
    status = await licenses.read_licenses(call.context, call.caller, cursor)
    return license_summary(call.account, status, call.write_time(typed_as_datetime=True))


@operations.post(
    "V1-3",
    "/licenses/{account}/assign",
    request=DeviceListBody,
    sdk="software_management_licenses_v1.assign_licenses_to_devices",
    notes="`LicenseAssignFailed` is inferred from remove: the page's table was not readable.",
)
async def assign_licenses(call: Call) -> LicensesResult:
    """Assign licenses to devices."""
    return await _change(call, licenses.assign_licenses, ASSIGN_LABELS)


@operations.post(
    "V1-4",
    "/licenses/{account}/remove",
    evidence=Evidence.SEED,
    request=DeviceListBody,
    sdk="software_management_licenses_v1.remove_licenses_from_devices",
    notes="The page prints a double slash before `licenses`; it is served too.",
)
async def remove_licenses(call: Call) -> LicensesResult:
    """Remove unused licenses from devices."""
    return await _change(call, licenses.remove_licenses, REMOVE_LABELS)


operations.post(
    "V1-5",
    "/licenses/{account}/cancel",
    request=CandidatesBody,
    sdk="software_management_licenses_v1.create_list_of_licenses_to_remove",
)(handlers.create_candidates)


@operations.get(
    "V1-6",
    ["/licenses/{account}/cancel/index/{index}", "/licenses/{account}/cancel"],
    query=["startIndex"],
    sdk="software_management_licenses_v1.list_licenses_to_remove",
)
async def get_candidates(call: Call) -> CandidatesPage:
    """List cancellation candidates from a zero-based record number."""
    return await handlers.get_candidates(call, typed_as_datetime=True)


operations.delete(
    "V1-7",
    "/licenses/{account}/cancel",
    sdk="software_management_licenses_v1.delete_list_of_licenses_to_remove",
)(handlers.delete_candidates)
