"""Connectivity Management: callback registrations by service (SDK model ConnectivityManagementCallback).

A registration is kept and shown. Only the service `Fota` is ever called: it is the listener of version 1.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from fotapool.api.common.bodies import Credential, Url, read_document
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.domain.callbacks import SERVICE_NAME, service_of_style, style_of_service
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.callbacks import listeners

ServiceName = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": f"^{SERVICE_NAME}$"}, examples=["DeviceService"])
]


class RegisterServiceBody(msgspec.Struct):
    json_schema: ClassVar[dict[str, Any]] = {"required": ["name", "url"]}

    name: ServiceName | msgspec.UnsetType = msgspec.UNSET
    url: Url | msgspec.UnsetType = msgspec.UNSET
    username: Credential | None = None
    password: Credential | None = None


class RegisteredService(msgspec.Struct):
    """User name and password are empty if none were registered."""

    accountName: str
    serviceName: str
    url: str
    username: str
    password: str


class ServiceResult(msgspec.Struct):
    accountName: str
    serviceName: str


_register = msgspec.json.Decoder(RegisterServiceBody)

operations = OperationTable()


@operations.get(
    "M2M-3",
    "/callbacks/{account}",
    evidence=Evidence.SDK,
    sdk="connectivity_callbacks.list_registered_callbacks",
    notes="`[]` when none is registered. The listener of version 1 is listed as `Fota`; those of versions 2 and 3 have "
    "no service and are not listed.",
    has_secrets=True,
)
async def list_services(call: Call) -> list[RegisteredService]:
    """List the registered callback services."""
    found = await listeners.list_listeners(call.context, call.caller, with_passwords=True)
    return [
        RegisteredService(
            accountName=call.account,
            serviceName=service,
            url=one.url,
            username=one.username or "",
            password=one.password or "",
        )
        for one in found
        if (service := service_of_style(one.style)) is not None
    ]


@operations.post(
    "M2M-4",
    "/callbacks/{account}",
    evidence=Evidence.SDK,
    request=RegisterServiceBody,
    sdk="connectivity_callbacks.register_callback",
    notes="`name` is any name of 1 to 64 letters and digits. The registration is kept and listed, and nothing is sent "
    "to it, because only FOTA is emulated. `Fota`, in any case, is the listener of version 1, which is called. An "
    f"account has at most {listeners.MAX_SERVICES} services.",
)
async def register_service(call: Call) -> ServiceResult:
    """Register a callback service, or replace the registration there is."""
    given = read_document(_register, call.body)
    if given.url is msgspec.UNSET:
        raise RequestRejected(ErrorCode.URL_INVALID)
    style = style_of_service("" if given.name is msgspec.UNSET else given.name)
    change = listeners.register_listener(
        call.context,
        caller=call.caller,
        style=style,
        url=given.url,
        username=given.username,
        password=given.password,
    )
    return await call.answer(change, lambda _: ServiceResult(call.account, service_of_style(style) or ""))


@operations.delete(
    "M2M-5",
    "/callbacks/{account}/name/{serviceName}",
    evidence=Evidence.SDK,
    sdk="connectivity_callbacks.deregister_callback",
    notes="Succeeds when none is registered.",
)
async def deregister_service(call: Call) -> ServiceResult:
    """Deregister a callback service."""
    style = style_of_service(call.path["serviceName"])
    change = listeners.deregister_listener(call.context, call.caller, style)
    return await call.answer(change, lambda _: ServiceResult(call.account, service_of_style(style) or ""))
