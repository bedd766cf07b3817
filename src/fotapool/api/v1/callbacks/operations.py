"""Version 1's operations on callback listeners, and their paths."""

from __future__ import annotations

import msgspec

from fotapool.api.common.callback_bodies import CallbackServiceBody, read_callback_service
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v1.callbacks import schemas as words
from fotapool.domain.callbacks import SERVICE
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.callbacks import listeners


def _check_service(name: str | msgspec.UnsetType) -> None:
    if name is msgspec.UNSET or name.lower() != SERVICE.lower():
        raise RequestRejected(ErrorCode.SERVICE_INVALID)


async def list_callbacks(call: Call) -> list[words.RegisteredCallback]:
    listener = await listeners.read_listener(call.context, call.caller, words.STYLE)
    return [words.registered_callback(call.caller.account_name, listener)] if listener else []


async def register_callback(call: Call) -> words.RegistrationResult:
    given = read_callback_service(call.body)
    _check_service(given.name)
    if given.url is msgspec.UNSET:
        raise RequestRejected(ErrorCode.URL_INVALID)
    await listeners.register_listener(
        call.context,
        caller=call.caller,
        style=words.STYLE,
        url=given.url,
        username=given.username,
        password=given.password,
    )
    return words.RegistrationResult(call.caller.account_name, SERVICE)


async def deregister_callback(call: Call) -> words.SuccessResult:
    _check_service(call.path["service"])
    await listeners.deregister_listener(call.context, call.caller, words.STYLE)
    return words.SuccessResult(True)


OPERATIONS = (
    Operation(
        id="V1-16",
        name="list_callbacks",
        method="GET",
        paths=["/callbacks/{account}"],
        handle=list_callbacks,
        summary="Read the registered callback listener",
        response=list[words.RegisteredCallback],
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_callbacks_v1.list_registered_callbacks",
        notes="`[]` when none is registered. It is the only answer that has the password.",
    ),
    Operation(
        id="V1-17",
        name="register_callback",
        method="POST",
        paths=["/callbacks/{account}"],
        handle=register_callback,
        summary="Register a callback listener, or replace the one there is",
        response=words.RegistrationResult,
        evidence=Evidence.DOCUMENTED,
        request=CallbackServiceBody,
        sdk="software_management_callbacks_v1.register_callback",
        notes="`name` is `Fota`, in any case.",
    ),
    Operation(
        id="V1-18",
        name="deregister_callback",
        method="DELETE",
        paths=["/callbacks/{account}/name/{service}"],
        handle=deregister_callback,
        summary="Deregister the callback listener",
        response=words.SuccessResult,
        evidence=Evidence.DOCUMENTED,
        sdk="software_management_callbacks_v1.deregister_callback",
        notes="Succeeds too when none is registered. What was waiting for the listener is given up.",
    ),
)
