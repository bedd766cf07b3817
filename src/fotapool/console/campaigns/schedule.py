"""The form that schedules a campaign with one of the packages that match the account's devices."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from fotapool.console.app.errors import sentence
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.campaigns.campaigns import rejection
from fotapool.console.campaigns.labels import DELIVERY
from fotapool.core.timestamps import date_of
from fotapool.domain.campaigns.campaigns import MAX_CAMPAIGN_DAYS, MAX_NAME, Flow
from fotapool.domain.devices.device_lists import TooManyDevices, read_device_list
from fotapool.domain.errors import ErrorCode, Invalid, RequestRejected
from fotapool.domain.licenses.bulk_jobs import MAX_BULK_DEVICES, left_out_of
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.services.campaigns.campaigns import NewCampaign, schedule_campaign
from fotapool.services.packages.packages import list_fitting_packages

DELIVERIES: dict[str, Flow] = {"v3": Flow.NETWORK_AWARE, "v2": Flow.PULL, "v1": Flow.PUSH}
"""The delivery methods by the API version that schedules such campaigns, newest first."""
DEFAULT_DAYS = 3
MAX_PACKAGES = 1_000
"""Maximum number of packages that the form offers."""
SKIPPED_SHOWN = 10
_TYPED = ("kind", "package", "name", "start", "end", "devices", "assign", "add")
_REJECTIONS = {
    ErrorCode.PACKAGE_UNKNOWN: "The package no longer exists.",
    ErrorCode.START_DATE_INVALID: "The start date must be between today and five years from now.",
    ErrorCode.END_DATE_INVALID: "The end date must not be before the start date, and at most"
    f" {MAX_CAMPAIGN_DAYS} days after it.",
    ErrorCode.PILOT_TOO_LARGE: f"The pilot of this package has not passed: its campaigns may have {PILOT_DEVICES}"
    " devices until it was tried on five devices with success on half of them, or an operator declares it proven.",
    ErrorCode.BODY_INVALID: f"The name may have at most {MAX_NAME} characters.",
    ErrorCode.DEVICE_LIST_EMPTY: "Paste the IMEI of at least one device.",
}


async def show_form(call: ConsoleCall) -> Response:
    today = date_of(call.context.clock.now_ms())
    return await _form(
        call, {"kind": "v3", "start": today.isoformat(), "end": (today + timedelta(DEFAULT_DAYS)).isoformat()}
    )


async def _form(call: ConsoleCall, typed: dict[str, str], error: str = "") -> Response:
    packages = await list_fitting_packages(call.context, call.caller(), None)
    return await call.page(
        "campaigns/schedule.html",
        "Schedule campaign",
        400 if error else 200,
        packages=packages[:MAX_PACKAGES],
        has_more=len(packages) > MAX_PACKAGES,
        deliveries={version: DELIVERY[flow] for version, flow in DELIVERIES.items()},
        error=error,
        typed={name: typed.get(name, "") for name in _TYPED},
        max_devices=call.context.settings.max_devices_per_request,
        max_name=MAX_NAME,
    )


def _wanted(call: ConsoleCall, typed: dict[str, str]) -> NewCampaign:
    """The campaign that the form describes. Raises Invalid."""
    flow = DELIVERIES.get(typed["kind"])
    if flow is None:
        raise Invalid(f"the delivery must be one of {', '.join(DELIVERIES)}")
    if flow is not Flow.NETWORK_AWARE and (typed["assign"] or typed["add"]):
        raise Invalid("only network-aware campaigns assign licenses and add new devices")
    if flow is not Flow.PUSH and not typed["end"]:
        raise Invalid("this delivery requires an end date")
    max_devices = call.context.settings.max_devices_per_request
    too_many = f"a campaign may start with {max_devices} devices: split the list, or add new devices automatically"
    try:
        found = read_device_list([typed["devices"].encode()], MAX_BULK_DEVICES)
    except TooManyDevices as error:
        raise Invalid(too_many) from error
    if len(found.devices) > max_devices:
        raise Invalid(too_many)
    skipped = left_out_of(found)
    if skipped:
        lines = "; ".join(f"line {one.line}: {one.reason}" for one in skipped[:SKIPPED_SHOWN])
        raise Invalid(f"the list of devices has invalid lines: {lines}")
    return NewCampaign(
        flow,
        package=typed["package"],
        start_date=typed["start"],
        end_date=typed["end"] or None,
        name=typed["name"],
        auto_assign=bool(typed["assign"]),
        auto_add=bool(typed["add"]),
        devices=list(map(int, found.devices)),
    )


async def schedule(call: ConsoleCall) -> Response:
    typed = {name: call.field(name) for name in _TYPED}
    try:
        campaign = await schedule_campaign(call.context, call.caller(), _wanted(call, typed))
    except Invalid as error:
        return await _form(call, typed, sentence(str(error)))
    except RequestRejected as error:
        return await _form(call, typed, rejection(error, _REJECTIONS))
    text = "Campaign accepted. Its devices are checked within a few seconds."
    return await call.go(call.path("campaigns", campaign.uuid), text)


_PATH = "/accounts/{account}/campaigns/new"
PAGES = (ConsolePage("GET", _PATH, show_form), ConsolePage("POST", _PATH, schedule, action="scheduleCampaign"))
