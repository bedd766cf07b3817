"""Version 1's license operations and their paths."""

from __future__ import annotations

from fotapool.api.common.device_list_bodies import CandidatesBody, DeviceListBody, read_candidates, read_device_list
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v1.licenses import schemas as words
from fotapool.domain.paging import parse_device_cursor, parse_record_number
from fotapool.services.accounts import accounts
from fotapool.services.licenses import candidates, licenses


async def get_subscription(call: Call) -> words.Subscription:
    account = await accounts.read_subscription(call.context, call.caller)
    return words.subscription(account, call.write_time())


async def get_licenses(call: Call) -> words.LicenseSummary:
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    status = await licenses.read_licenses(call.context, call.caller, cursor)
    return words.license_summary(call.caller.account_name, status, call.write_time(typed_as_datetime=True))


async def assign_licenses(call: Call) -> words.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.assign_licenses(call.context, call.caller, devices)
    return words.licenses_result(call.caller.account_name, texts, result, words.ASSIGN_WORDS)


async def remove_licenses(call: Call) -> words.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.remove_licenses(call.context, call.caller, devices)
    return words.licenses_result(call.caller.account_name, texts, result, words.REMOVE_WORDS)


async def create_candidates(call: Call) -> words.CandidatesResult:
    devices, append = read_candidates(call.body, call.context.settings.max_devices_per_request)
    change = candidates.append_candidates if append else candidates.replace_candidates
    return words.candidates_result(await change(call.context, call.caller, devices))


async def get_candidates(call: Call) -> words.CandidatesPage:
    index = parse_record_number(call.start("startIndex"))
    found = await candidates.list_candidates(call.context, call.caller, index)
    return words.candidates_page(found, call.write_time(typed_as_datetime=True))


async def delete_candidates(call: Call) -> words.SuccessResult:
    await candidates.delete_candidates(call.context, call.caller)
    return words.SuccessResult(True)


OPERATIONS = (
    Operation(
        "V1-1", "get_subscription", "GET", ["/subscriptions/{account}"], get_subscription,
        "Read the account's subscription", words.Subscription, Evidence.DOCUMENTED,
        sdk="software_management_subscriptions_v1.get_account_subscription_status",
    ),
    Operation(
        "V1-2", "get_licenses", "GET", ["/licenses/{account}/index/{index}", "/licenses/{account}"],
        get_licenses, "List licensed devices with IMEIs greater than the index", words.LicenseSummary,
        Evidence.SEED, query=["lastSeenDeviceId"],
        sdk="software_management_subscriptions_v1.get_account_license_status",
        notes="The vendor's SDK text calls the index a record number; the page says IMEI, and so do the errors.",
    ),
    Operation(
        "V1-3", "assign_licenses", "POST", ["/licenses/{account}/assign"], assign_licenses,
        "Assign licenses to devices", words.LicensesResult, Evidence.DOCUMENTED, DeviceListBody,
        sdk="software_management_licenses_v1.assign_licenses_to_devices",
        notes="`LicenseAssignFailed` is inferred from remove: the page's table was not readable.",
    ),
    Operation(
        "V1-4", "remove_licenses", "POST", ["/licenses/{account}/remove"], remove_licenses,
        "Remove unused licenses from devices", words.LicensesResult, Evidence.SEED, DeviceListBody,
        sdk="software_management_licenses_v1.remove_licenses_from_devices",
        notes="The page prints a double slash before `licenses`; it is served too.",
    ),
    Operation(
        "V1-5", "create_candidates", "POST", ["/licenses/{account}/cancel"], create_candidates,
        "Create, replace or append to the cancellation candidate list", words.CandidatesResult,
        Evidence.DOCUMENTED, CandidatesBody, sdk="software_management_licenses_v1.create_list_of_licenses_to_remove",
    ),
    Operation(
        "V1-6", "get_candidates", "GET", ["/licenses/{account}/cancel/index/{index}", "/licenses/{account}/cancel"],
        get_candidates, "List cancellation candidates from a zero-based record number", words.CandidatesPage,
        Evidence.DOCUMENTED, query=["startIndex"],
        sdk="software_management_licenses_v1.list_licenses_to_remove",
    ),
    Operation(
        "V1-7", "delete_candidates", "DELETE", ["/licenses/{account}/cancel"], delete_candidates,
        "Delete the cancellation candidate list", words.SuccessResult, Evidence.DOCUMENTED,
        sdk="software_management_licenses_v1.delete_list_of_licenses_to_remove",
    ),
)  # fmt: skip
