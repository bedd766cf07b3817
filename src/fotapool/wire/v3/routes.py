"""Version 3's license operations and their paths. It has no candidate list: v1 and v2 steer its reductions."""

from __future__ import annotations

from fotapool.domain.paging import parse_device_cursor
from fotapool.usecases import accounts, licenses
from fotapool.wire.common.bodies import DeviceListBody, read_device_list
from fotapool.wire.common.operations import Call, Evidence, Operation
from fotapool.wire.v3 import translate

BASE = "/api/fota/v3"
API_CONTEXT = "/fota/v3"


async def get_subscription(call: Call) -> translate.Subscription:
    account = await accounts.read_subscription(call.context, call.caller)
    return translate.subscription(account, call.write_time())


async def get_licenses(call: Call) -> translate.LicenseSummary:
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    status = await licenses.read_licenses(call.context, call.caller, cursor)
    page_size = call.context.settings.page_size
    return translate.license_summary(call.caller.account_name, status, page_size, call.write_time())


async def assign_licenses(call: Call) -> translate.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.assign_licenses(call.context, call.caller, devices)
    return translate.licenses_result(call.caller.account_name, texts, result, translate.ASSIGN_WORDS)


async def remove_licenses(call: Call) -> translate.LicensesResult:
    texts, devices = read_device_list(call.body, call.context.settings.max_devices_per_request)
    result = await licenses.remove_licenses(call.context, call.caller, devices)
    return translate.licenses_result(call.caller.account_name, texts, result, translate.REMOVE_WORDS)


OPERATIONS = (
    Operation(
        "V3-3", "assign_licenses", "POST",
        ["/licenses/{account}/assign", "/firmware/licenses/{account}/assign"], assign_licenses,
        "Assign licenses to devices", translate.LicensesResult, Evidence.SEED, DeviceListBody,
        sdk="software_management_licenses_v3.assign_licenses_to_devices",
        notes="`licCount` and `licTotalCount`, `Reason` and `resultReason`: page and SDK differ, all are sent.",
    ),
    Operation(
        "V3-1", "get_subscription", "GET", ["/subscriptions/{account}"], get_subscription,
        "Read the account's subscription", translate.Subscription, Evidence.DOCUMENTED,
        sdk="software_management_subscriptions_v3.get_account_subscription_status",
    ),
    Operation(
        "V3-2", "get_licenses", "GET",
        [
            "/licenses/{account}", "/licenses/{account}/index/{index}",
            "/firmware/licenses/{account}", "/firmware/licenses/{account}/index/{index}",
        ],
        get_licenses, "List licensed devices with IMEIs greater than the last seen one", translate.LicenseSummary,
        Evidence.DOCUMENTED, query=["lastSeenDeviceId"],
        sdk="software_management_licenses_v3.get_account_licenses_status",
        notes="The total is sent as `totalLicense` (page) and as `totalLicenses` (SDK).",
    ),
    Operation(
        "V3-4", "remove_licenses", "POST",
        ["/licenses/{account}/remove", "/firmware/licenses/{account}/remove"], remove_licenses,
        "Remove unused licenses from devices", translate.LicensesResult, Evidence.DOCUMENTED, DeviceListBody,
        sdk="software_management_licenses_v3.remove_licenses_from_devices",
        notes="The failure word is inferred from that of assign.",
    ),
)  # fmt: skip
