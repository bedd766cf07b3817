"""Scheduling a campaign of the packages that fit the account's devices."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.campaigns.labels import FLOWS
from fotapool.core.timestamps import date_of
from fotapool.domain.campaigns.campaigns import MAX_CAMPAIGN_DAYS, MAX_NAME, Flow
from fotapool.domain.errors import ErrorCode, Invalid, RequestRejected
from fotapool.domain.licenses.bulk_jobs import TooManyDevices, read_device_lines
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.services.campaigns.campaigns import NewCampaign, schedule_campaign
from fotapool.services.packages.packages import list_fitting_packages
from fotapool.store.accounts.accounts import Account

KINDS: dict[str, Flow] = {"v3": Flow.NETWORK_AWARE, "v2": Flow.PULL, "v1": Flow.PUSH}
"""By the version of the API that schedules such campaigns, the newest first."""
DAYS_PROPOSED = 3
PACKAGES_LISTED = 1_000
"""How many packages the form offers."""
LEFT_OUT_SHOWN = 10
_TYPED = ("kind", "package", "name", "start", "end", "devices", "assign", "add")
_REFUSALS = {
    ErrorCode.PACKAGE_UNKNOWN: "There is no such package any more.",
    ErrorCode.START_DATE_INVALID: "The first day must be a date from today on, at most five years ahead.",
    ErrorCode.END_DATE_INVALID: "The last day must be a date from the first day on, at most"
    f" {MAX_CAMPAIGN_DAYS} days after it.",
    ErrorCode.PILOT_TOO_LARGE: f"The package is not proven yet: a campaign of it has at most {PILOT_DEVICES} devices,"
    " until it has been tried on five with success on half of them, or an operator declares it proven.",
    ErrorCode.BODY_INVALID: f"The name may have {MAX_NAME} characters.",
    ErrorCode.DEVICE_LIST_EMPTY: "Paste the IMEIs of at least one device.",
}


async def show_form(call: ConsoleCall) -> Response:
    today = date_of(call.context.clock.now_ms())
    proposed = {"kind": "v3", "start": today.isoformat(), "end": (today + timedelta(DAYS_PROPOSED)).isoformat()}
    return await _form(call, await call.account(), proposed)


async def _form(
    call: ConsoleCall, account: Account, typed: dict[str, str], status: int = 200, error: str = ""
) -> Response:
    packages = await list_fitting_packages(call.context, call.caller(account), None)
    return await call.page(
        "campaigns/schedule.html",
        "Schedule a campaign",
        status,
        account=account,
        packages=packages[:PACKAGES_LISTED],
        more=len(packages) > PACKAGES_LISTED,
        kinds={word: FLOWS[flow] for word, flow in KINDS.items()},
        error=error,
        typed={name: typed.get(name, "") for name in _TYPED},
        limit=call.context.settings.max_devices_per_request,
        max_name=MAX_NAME,
        here=account_path(account.name, "campaigns"),
    )


def _wanted(call: ConsoleCall, typed: dict[str, str]) -> NewCampaign:
    """What the form asks for. Raises Invalid in words for people."""
    flow = KINDS.get(typed["kind"])
    if flow is None:
        raise Invalid(f"the kind must be one of {', '.join(KINDS)}")
    if flow is not Flow.NETWORK_AWARE and (typed["assign"] or typed["add"]):
        raise Invalid("only network-aware campaigns assign licenses and take further devices")
    if flow is not Flow.PUSH and not typed["end"]:
        raise Invalid("this kind of campaign needs a last day")
    limit = call.context.settings.max_devices_per_request
    too_many = f"a campaign may have {limit} devices: make several, or have further devices join by themselves"
    try:
        found = read_device_lines(typed["devices"])
    except TooManyDevices as error:
        raise Invalid(too_many) from error
    if len(found.devices) > limit:
        raise Invalid(too_many)
    if found.left_out:
        lines = "; ".join(f"line {one.line}: {one.reason}" for one in found.left_out[:LEFT_OUT_SHOWN])
        raise Invalid(f"the list of devices has lines that can't be taken: {lines}")
    return NewCampaign(
        flow,
        package=typed["package"],
        start_date=typed["start"],
        end_date=typed["end"] or None,
        name=typed["name"],
        auto_assign=bool(typed["assign"]),
        auto_add=bool(typed["add"]),
        devices=found.devices,
    )


async def schedule(call: ConsoleCall) -> Response:
    account = await call.account()
    typed = {name: call.field(name) for name in _TYPED}
    try:
        campaign = await schedule_campaign(call.context, call.caller(account), _wanted(call, typed))
    except Invalid as error:
        return await _form(call, account=account, typed=typed, status=400, error=str(error))
    except RequestRejected as error:
        if error.code not in _REFUSALS:
            raise
        return await _form(call, account=account, typed=typed, status=400, error=_REFUSALS[error.code])
    words = "The campaign is accepted. Its devices are checked in a few seconds; then it says which of them take part."
    return await call.go(account_path(account.name, "campaigns", campaign.uuid), words)


_PATH = "/accounts/{account}/campaigns/new"
PAGES = (ConsolePage("GET", _PATH, show_form), ConsolePage("POST", _PATH, schedule))
