"""Handlers that are equal in several versions. Each version registers them under its own numbers."""

from __future__ import annotations

from fotapool.api.common.bodies import read_callback_url, read_candidates
from fotapool.api.common.operations import Call
from fotapool.api.common.schemas import (
    CallbackUrl,
    CandidatesResult,
    LicenseSummary,
    Subscription,
    SuccessResult,
    license_summary,
    subscription,
)
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import parse_device_cursor
from fotapool.services.accounts import accounts
from fotapool.services.callbacks import listeners
from fotapool.services.licenses import candidates, licenses


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
    found = await change(call.context, call.caller, devices)
    return CandidatesResult(len(found), [format_device_id(device) for device in found])


async def delete_candidates(call: Call) -> SuccessResult:
    """Delete the cancellation candidate list."""
    await candidates.delete_candidates(call.context, call.caller)
    return SuccessResult(True)


async def get_callback(call: Call) -> CallbackUrl:
    """Read the URL of the callback listener."""
    listener = await listeners.read_listener(call.context, call.caller, call.version)
    return CallbackUrl(listener.url) if listener else CallbackUrl()


async def register_callback(call: Call) -> CallbackUrl:
    """Register a callback listener, or replace the one there is."""
    url = read_callback_url(call.body)
    await listeners.register_listener(call.context, call.caller, call.version, url)
    return CallbackUrl(url)


async def update_callback(call: Call) -> CallbackUrl:
    """Replace the callback listener."""
    return await register_callback(call)


async def deregister_callback(call: Call) -> SuccessResult:
    """Deregister the callback listener."""
    await listeners.deregister_listener(call.context, call.caller, call.version)
    return SuccessResult(True)
