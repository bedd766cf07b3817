"""Version 3's license operations and their paths. It has no candidate list: v1 and v2 steer its reductions."""

from __future__ import annotations

from fotapool.api.common.device_list_bodies import DeviceListBody, read_device_list
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v3.licenses import schemas as words
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.accounts import accounts
from fotapool.services.licenses import licenses


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
    return words.licenses_result(call.caller.account_name, texts, result, words.ASSIGN_WORDS)


async def remove_licenses(call: Call) -> words.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.remove_licenses(call.context, call.caller, devices)
    return words.licenses_result(call.caller.account_name, texts, result, words.REMOVE_WORDS)


OPERATIONS = (
    Operation(
        id="V3-3",
        name="assign_licenses",
        method="POST",
        paths=["/licenses/{account}/assign", "/firmware/licenses/{account}/assign"],
        handle=assign_licenses,
        summary="Assign licenses to devices",
        response=words.LicensesResult,
        evidence=Evidence.SEED,
        request=DeviceListBody,
        sdk="software_management_licenses_v3.assign_licenses_to_devices",
        notes="`licCount` and `licTotalCount`, `Reason` and `resultReason`: page and SDK differ, all are sent.",
    ),
    Operation(
        id="V3-1",
        name="get_subscription",
        method="GET",
        paths=["/subscriptions/{account}"],
        handle=get_subscription,
        summary="Read the account's subscription",
        response=words.Subscription,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_subscriptions_v3.get_account_subscription_status",
    ),
    Operation(
        id="V3-2",
        name="get_licenses",
        method="GET",
        paths=[
            "/licenses/{account}",
            "/licenses/{account}/index/{index}",
            "/firmware/licenses/{account}",
            "/firmware/licenses/{account}/index/{index}",
        ],
        handle=get_licenses,
        summary="List licensed devices with IMEIs greater than the last seen one",
        response=words.LicenseSummary,
        evidence=Evidence.DOCUMENTED,
        query=["lastSeenDeviceId"],
        sdk="software_management_licenses_v3.get_account_licenses_status",
        notes="The total is sent as `totalLicense` (page) and as `totalLicenses` (SDK).",
    ),
    Operation(
        id="V3-4",
        name="remove_licenses",
        method="POST",
        paths=["/licenses/{account}/remove", "/firmware/licenses/{account}/remove"],
        handle=remove_licenses,
        summary="Remove unused licenses from devices",
        response=words.LicensesResult,
        evidence=Evidence.DOCUMENTED,
        request=DeviceListBody,
        sdk="software_management_licenses_v3.remove_licenses_from_devices",
        notes="The failure word is inferred from that of assign.",
    ),
)
