"""Puts the operator plane's operations on their paths."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import Route, Router

from fotapool.operator_api import billing, callbacks, devices
from fotapool.operator_api.accounts import accounts
from fotapool.operator_api.identity import credentials, device_keys
from fotapool.operator_api.packages import contents, packages
from fotapool.operator_api.requests import ControlEndpoint, ControlOperation, UnknownControlPath
from fotapool.services.context import Context
from fotapool.web.http import RequestIds

BASE = "/control/v1"

OPERATIONS: tuple[ControlOperation, ...] = (
    *accounts.OPERATIONS,
    *devices.OPERATIONS,
    *packages.OPERATIONS,
    *credentials.OPERATIONS,
    *contents.OPERATIONS,
    *device_keys.OPERATIONS,
    *billing.OPERATIONS,
    *callbacks.OPERATIONS,
)
"""What both servers have."""


def control_router(context: Context, request_ids: RequestIds, operations: Iterable[ControlOperation]) -> Router:
    by_path: dict[str, list[ControlOperation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    routes = [Route(path, ControlEndpoint(context, request_ids, of_path)) for path, of_path in by_path.items()]
    return Router(routes, redirect_slashes=False, default=UnknownControlPath(request_ids))
