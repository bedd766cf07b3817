"""Version 3's operations on callback listeners, and their paths."""

from __future__ import annotations

from fotapool.api.common.callback_bodies import CallbackUrlBody, read_callback_url
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v3.callbacks import schemas as words
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
        id="V3-10",
        name="get_callback",
        method="GET",
        paths=["/callbacks/{account}"],
        handle=get_callback,
        summary="Read the URL of the callback listener",
        response=words.CallbackUrl,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_callbacks_v3.list_registered_callbacks",
        notes="`{}` when none is registered (our choice; the SDK's model takes it).",
    ),
    Operation(
        id="V3-11",
        name="register_callback",
        method="POST",
        paths=["/callbacks/{account}"],
        handle=register_callback,
        summary="Register a callback listener, or replace the one there is",
        response=words.CallbackUrl,
        evidence=Evidence.DOCUMENTED,
        request=CallbackUrlBody,
        sdk="software_management_callbacks_v3.register_callback",
    ),
    Operation(
        id="V3-12",
        name="update_callback",
        method="PUT",
        paths=["/callbacks/{account}"],
        handle=register_callback,
        summary="Replace the callback listener",
        response=words.CallbackUrl,
        evidence=Evidence.DOCUMENTED,
        request=CallbackUrlBody,
        sdk="software_management_callbacks_v3.update_callback",
        notes="The URL may stand in `url` (SDK) or in `callback` (page of version 2). Registers one if there is none.",
    ),
    Operation(
        id="V3-13",
        name="deregister_callback",
        method="DELETE",
        paths=["/callbacks/{account}"],
        handle=deregister_callback,
        summary="Deregister the callback listener",
        response=words.SuccessResult,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_callbacks_v3.deregister_callback",
        notes="Succeeds too when none is registered. What was waiting for the listener is given up.",
    ),
)
