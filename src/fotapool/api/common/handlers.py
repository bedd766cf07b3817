"""Handlers that are equal in several versions. Each version registers them under its own numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from fotapool.api.common.bodies import (
    DatesBody,
    Statuses,
    read_callback_url,
    read_campaign_cursor,
    read_candidates,
    read_devices_change,
    read_statuses,
)
from fotapool.api.common.operations import Call
from fotapool.api.common.schemas import (
    CallbackUrl,
    CandidatesPage,
    CandidatesResult,
    ChangedDevice,
    LicenseSummary,
    Subscription,
    SuccessResult,
    candidates_page,
    changed_devices,
    license_summary,
    subscription,
)
from fotapool.domain.campaigns.campaigns import Campaign, Windows
from fotapool.domain.campaigns.upgrades import Reason, Upgrade
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import Page, parse_device_cursor, parse_record_number
from fotapool.services.accounts import accounts
from fotapool.services.callbacks import listeners
from fotapool.services.campaigns import campaigns, reports
from fotapool.services.licenses import candidates, licenses

Answer = TypeVar("Answer")


def _succeeded(_: object) -> SuccessResult:
    return SuccessResult(True)


async def get_subscription(call: Call) -> Subscription:
    """Read the account's subscription."""
    return subscription(await accounts.read_subscription(call.context, call.caller), call.write_time())


async def get_licenses(call: Call) -> LicenseSummary:
    """List licensed devices with IMEIs greater than the last seen one."""
    cursor = parse_device_cursor(call.start("lastSeenDeviceId"))
    status = await licenses.read_licenses(call.context, call.caller, cursor)
    return license_summary(call.account, status, call.page_size, call.write_time())


async def create_candidates(call: Call) -> CandidatesResult:
    """Create, replace or append to the cancellation candidate list."""
    devices, append = read_candidates(call.body, call.max_devices)
    change = candidates.append_candidates if append else candidates.replace_candidates

    def write(found: list[int]) -> CandidatesResult:
        return CandidatesResult(len(found), [format_device_id(device) for device in found])

    return await call.answer(change(call.context, call.caller, devices), write)


async def delete_candidates(call: Call) -> SuccessResult:
    """Delete the cancellation candidate list."""
    return await call.answer(candidates.delete_candidates(call.context, call.caller), _succeeded)


async def get_candidates(call: Call, typed_as_datetime: bool = False) -> CandidatesPage:
    """List cancellation candidates from a zero-based record number."""
    index = parse_record_number(call.start("startIndex"))
    found = await candidates.list_candidates(call.context, call.caller, index)
    return candidates_page(found, call.write_time(typed_as_datetime))


async def change_devices(
    call: Call, reasons: Mapping[Reason, str], write: Callable[[str, list[ChangedDevice]], Answer]
) -> Answer:
    """Adds devices to a campaign or removes them.

    Returns what `write` makes of the campaign's id and a row for each device; `reasons` has the version's text for each
    reason.
    """
    append, devices = read_devices_change(call.body, call.max_devices)
    change = campaigns.add_devices if append else campaigns.remove_devices
    uuid = call.campaign_id
    return await call.answer(
        change(call.context, call.caller, uuid, devices),
        lambda changes: write(uuid, changed_devices(changes, append, reasons)),
    )


async def change_dates(
    call: Call,
    dates: DatesBody,
    change_windows: Callable[[Windows], Windows] | None,
    write: Callable[[str, Campaign], Answer],
) -> Answer:
    """Changes a campaign's dates and, with `change_windows`, its windows.

    Returns what `write` makes of the account's name and the campaign.
    """
    uuid = call.campaign_id
    windows = None
    if change_windows is not None:
        windows = change_windows((await reports.get_campaign(call.context, call.caller, uuid)).windows)
    change = campaigns.change_dates(
        call.context,
        caller=call.caller,
        uuid=uuid,
        start_date=dates.startDate or "",
        end_date=dates.endDate or "",
        windows=windows,
    )
    return await call.answer(change, partial(write, call.account))


async def cancel_campaign(call: Call, may_abort: bool) -> SuccessResult:
    """Cancels a campaign; with `may_abort`, also one that has started."""
    change = campaigns.cancel_campaign(call.context, call.caller, call.campaign_id, may_abort=may_abort)
    return await call.answer(change, _succeeded)


async def list_campaigns(call: Call, statuses: Statuses) -> tuple[bool, str, list[Campaign]]:
    """Campaigns in the state asked for: whether there are more, the cursor of the next page, and this page."""
    wanted = read_statuses(statuses, call.query("campaignStatus"))
    after = read_campaign_cursor(call.query("lastSeenCampaignId"))
    found, has_more = await reports.list_campaigns(call.context, call.caller, wanted, after)
    return has_more, found[-1].uuid if has_more else "0", found


async def list_campaign_devices(call: Call) -> tuple[Campaign, Page[Upgrade]]:
    """The campaign, and its devices with IMEIs greater than the last seen one."""
    uuid, cursor = call.campaign_id, parse_device_cursor(call.start("lastSeenDeviceId"))
    return await reports.list_campaign_devices(call.context, call.caller, uuid, cursor)


async def get_callback(call: Call) -> CallbackUrl:
    """Read the URL of the callback listener."""
    listener = await listeners.read_listener(call.context, call.caller, call.version)
    return CallbackUrl(listener.url) if listener else CallbackUrl()


async def register_callback(call: Call) -> CallbackUrl:
    """Register a callback listener, or replace the one there is."""
    url = read_callback_url(call.body)
    change = listeners.register_listener(call.context, call.caller, call.version, url)
    return await call.answer(change, lambda _: CallbackUrl(url))


async def update_callback(call: Call) -> CallbackUrl:
    """Replace the callback listener."""
    return await register_callback(call)


async def deregister_callback(call: Call) -> SuccessResult:
    """Deregister the callback listener."""
    change = listeners.deregister_listener(call.context, call.caller, call.version)
    return await call.answer(change, _succeeded)
