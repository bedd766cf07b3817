"""Puts the devices' operations on their paths."""

from __future__ import annotations

from starlette.routing import Route, Router

from fotapool.device.operations import BASE, OPERATIONS
from fotapool.device.requests import DeviceEndpoint, DeviceOperation, UnknownDevicePath
from fotapool.services.context import Context
from fotapool.services.identity.device_keys import KeyRing
from fotapool.web.http import RequestIds


def device_router(context: Context, request_ids: RequestIds) -> Router:
    by_path: dict[str, list[DeviceOperation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, []).append(operation)
    keys = KeyRing(context)
    routes = [
        Route(BASE + path, DeviceEndpoint(context, keys, request_ids, of_path)) for path, of_path in by_path.items()
    ]
    return Router(routes, redirect_slashes=False, default=UnknownDevicePath(request_ids))
