"""The device API's routes, and its part of the OpenAPI document."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.routing import Router

from fotapool.device.calls import DeviceEndpoint
from fotapool.device.operations import BASE, OPERATIONS
from fotapool.services.context import Context
from fotapool.services.identity.device_keys import KeyRing
from fotapool.web.endpoint import router
from fotapool.web.http import RequestIds
from fotapool.web.openapi.document import ApiDescription, Schemas
from fotapool.web.parameters import device_parameter

_DESCRIPTION = ApiDescription(
    base=BASE,
    tag="Devices",
    prefix="device",
    security="device",
    path_parameters=[device_parameter("deviceId").in_path()],
    errors={
        400: "The request is malformed; detail says how",
        401: "Device key missing or not known",
        404: "No such device, upgrade or content, or the key is not for it",
        405: "The resource does not take this method",
        409: "The state does not allow it",
        413: "The body is over the limit",
        503: "The server is busy; Retry-After says when to try again",
    },
)


def device_router(context: Context, request_ids: RequestIds) -> Router:
    """Routes requests below BASE."""
    return router(BASE, OPERATIONS, partial(DeviceEndpoint, context, request_ids, KeyRing(context)))


def describe_device_api(schemas: Schemas) -> dict[str, Any]:
    """The path items of the OpenAPI document."""
    return _DESCRIPTION.paths(OPERATIONS, schemas)
