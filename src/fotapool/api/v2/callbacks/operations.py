"""Version 2's operations on callback listeners, and their paths."""

from __future__ import annotations

from fotapool.api.common.callback_bodies import CallbackUrlBody, read_callback_url
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v2.callbacks import schemas as words
from fotapool.services.callbacks import listeners


async def get_callback(call: Call) -> words.CallbackUrl:
    listener = await listeners.read_listener(call.context, call.caller, words.STYLE)
    return words.CallbackUrl(listener.url) if listener else words.CallbackUrl()


async def register_callback(call: Call) -> words.CallbackUrl:
    url = read_callback_url(call.body)
    await listeners.register_listener(call.context, call.caller, words.STYLE, url)
    return words.CallbackUrl(url)


async def deregister_callback(call: Call) -> words.SuccessResult:
    await listeners.deregister_listener(call.context, call.caller, words.STYLE)
    return words.SuccessResult(True)


OPERATIONS = (
    Operation(
        "V2-15", "get_callback", "GET", ["/callbacks/{account}"], get_callback,
        "Read the URL of the callback listener", words.CallbackUrl, Evidence.DOCUMENTED,
        sdk="software_management_callbacks_v2.list_registered_callbacks",
        notes="`{}` when none is registered (our choice; the SDK's model takes it).",
    ),
    Operation(
        "V2-16", "register_callback", "POST", ["/callbacks/{account}"], register_callback,
        "Register a callback listener, or replace the one there is", words.CallbackUrl, Evidence.DOCUMENTED,
        CallbackUrlBody, sdk="software_management_callbacks_v2.register_callback",
    ),
    Operation(
        "V2-17", "update_callback", "PUT", ["/callbacks/{account}"], register_callback,
        "Replace the callback listener", words.CallbackUrl, Evidence.DOCUMENTED, CallbackUrlBody,
        sdk="software_management_callbacks_v2.update_callback",
        notes="The URL may stand in `url` (SDK) or in `callback` (page of version 2). Registers one if there is none.",
    ),
    Operation(
        "V2-18", "deregister_callback", "DELETE", ["/callbacks/{account}"], deregister_callback,
        "Deregister the callback listener", words.SuccessResult, Evidence.DOCUMENTED,
        sdk="software_management_callbacks_v2.deregister_callback",
        notes="Succeeds too when none is registered. What was waiting for the listener is given up.",
    ),
)  # fmt: skip
