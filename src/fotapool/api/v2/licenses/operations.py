"""Version 2's license operations and their paths."""

from __future__ import annotations

from fotapool.api.common.device_list_bodies import CandidatesBody, DeviceListBody, read_candidates, read_device_list
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v2.licenses import schemas as words
from fotapool.domain.paging import parse_device_cursor, parse_record_number
from fotapool.services.accounts import accounts
from fotapool.services.licenses import candidates, licenses


async def get_subscription(call: Call) -> words.Subscription:
    account = await accounts.read_subscription(call.context, call.caller)
    return words.subscription(account, call.write_time())


async def get_licenses(call: Call) -> words.LicenseSummary:
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    status = await licenses.read_licenses(call.context, call.caller, cursor)
    page_size = call.context.settings.page_size
    return words.license_summary(call.caller.account_name, status, page_size, call.write_time())


async def assign_licenses(call: Call) -> words.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.assign_licenses(call.context, call.caller, devices)
    return words.licenses_result(call.caller.account_name, texts, result)


async def remove_licenses(call: Call) -> words.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.remove_licenses(call.context, call.caller, devices)
    return words.licenses_result(call.caller.account_name, texts, result)


async def create_candidates(call: Call) -> words.CandidatesResult:
    devices, append = read_candidates(call.body, call.context.settings.max_devices_per_request)
    change = candidates.append_candidates if append else candidates.replace_candidates
    return words.candidates_result(await change(call.context, call.caller, devices))


async def get_candidates(call: Call) -> words.CandidatesPage:
    index = parse_record_number(call.start("startIndex"))
    found = await candidates.list_candidates(call.context, call.caller, index)
    return words.candidates_page(found, call.write_time())


async def delete_candidates(call: Call) -> words.SuccessResult:
    await candidates.delete_candidates(call.context, call.caller)
    return words.SuccessResult(True)


OPERATIONS = (
    Operation(
        id="V2-1",
        name="get_subscription",
        method="GET",
        paths=["/subscriptions/{account}"],
        handle=get_subscription,
        summary="Read the account's subscription",
        response=words.Subscription,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_subscriptions_v2.get_account_subscription_status",
    ),
    Operation(
        id="V2-2",
        name="get_licenses",
        method="GET",
        paths=["/licenses/{account}", "/licenses/{account}/index/{index}"],
        handle=get_licenses,
        summary="List licensed devices with IMEIs greater than the last seen one",
        response=words.LicenseSummary,
        evidence=Evidence.DOCUMENTED,
        query=["lastSeenDeviceId"],
        sdk="software_management_licenses_v2.get_account_license_status",
        notes="The total is sent as `totalLicense` (this page, SDK) and as `totalLicenses`.",
    ),
    Operation(
        id="V2-3",
        name="assign_licenses",
        method="POST",
        paths=["/licenses/{account}/assign"],
        handle=assign_licenses,
        summary="Assign licenses to devices",
        response=words.LicensesResult,
        evidence=Evidence.DOCUMENTED,
        request=DeviceListBody,
        sdk="software_management_licenses_v2.assign_licenses_to_devices",
    ),
    Operation(
        id="V2-4",
        name="remove_licenses",
        method="POST",
        paths=["/licenses/{account}/remove"],
        handle=remove_licenses,
        summary="Remove unused licenses from devices",
        response=words.LicensesResult,
        evidence=Evidence.DOCUMENTED,
        request=DeviceListBody,
        sdk="software_management_licenses_v2.remove_licenses_from_devices",
    ),
    Operation(
        id="V2-5",
        name="create_candidates",
        method="POST",
        paths=["/licenses/{account}/cancel"],
        handle=create_candidates,
        summary="Create, replace or append to the cancellation candidate list",
        response=words.CandidatesResult,
        evidence=Evidence.SEED,
        request=CandidatesBody,
        sdk="software_management_licenses_v2.create_list_of_licenses_to_remove",
    ),
    Operation(
        id="V2-6",
        name="get_candidates",
        method="GET",
        paths=["/licenses/{account}/cancel", "/licenses/{account}/cancel/index/{index}"],
        handle=get_candidates,
        summary="List cancellation candidates from a zero-based record number",
        response=words.CandidatesPage,
        evidence=Evidence.DOCUMENTED,
        query=["startIndex"],
        sdk="software_management_licenses_v2.list_licenses_to_remove",
    ),
    Operation(
        id="V2-7",
        name="delete_candidates",
        method="DELETE",
        paths=["/licenses/{account}/cancel"],
        handle=delete_candidates,
        summary="Delete the cancellation candidate list",
        response=words.SuccessResult,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_licenses_v2.delete_list_of_licenses_to_remove",
    ),
)
