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
        "V3-3", "assign_licenses", "POST",
        ["/licenses/{account}/assign", "/firmware/licenses/{account}/assign"], assign_licenses,
        "Assign licenses to devices", words.LicensesResult, Evidence.SEED, DeviceListBody,
        sdk="software_management_licenses_v3.assign_licenses_to_devices",
        notes="`licCount` and `licTotalCount`, `Reason` and `resultReason`: page and SDK differ, all are sent.",
    ),
    Operation(
        "V3-1", "get_subscription", "GET", ["/subscriptions/{account}"], get_subscription,
        "Read the account's subscription", words.Subscription, Evidence.DOCUMENTED,
        sdk="software_management_subscriptions_v3.get_account_subscription_status",
    ),
    Operation(
        "V3-2", "get_licenses", "GET",
        [
            "/licenses/{account}", "/licenses/{account}/index/{index}",
            "/firmware/licenses/{account}", "/firmware/licenses/{account}/index/{index}",
        ],
        get_licenses, "List licensed devices with IMEIs greater than the last seen one", words.LicenseSummary,
        Evidence.DOCUMENTED, query=["lastSeenDeviceId"],
        sdk="software_management_licenses_v3.get_account_licenses_status",
        notes="The total is sent as `totalLicense` (page) and as `totalLicenses` (SDK).",
    ),
    Operation(
        "V3-4", "remove_licenses", "POST",
        ["/licenses/{account}/remove", "/firmware/licenses/{account}/remove"], remove_licenses,
        "Remove unused licenses from devices", words.LicensesResult, Evidence.DOCUMENTED, DeviceListBody,
        sdk="software_management_licenses_v3.remove_licenses_from_devices",
        notes="The failure word is inferred from that of assign.",
    ),
)  # fmt: skip
