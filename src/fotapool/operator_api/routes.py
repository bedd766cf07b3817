"""Puts the operator plane's operations on their paths."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import Route, Router

from fotapool.operator_api import billing, callbacks, devices, licenses
from fotapool.operator_api.accounts import accounts
from fotapool.operator_api.identity import credentials, device_keys
from fotapool.operator_api.packages import contents, packages
from fotapool.operator_api.requests import OperatorEndpoint, OperatorOperation, UnknownOperatorPath
from fotapool.services.context import Context
from fotapool.web.http import RequestIds

BASE = "/control/v1"

OPERATIONS: tuple[OperatorOperation, ...] = (
    *accounts.OPERATIONS,
    *licenses.OPERATIONS,
    *devices.OPERATIONS,
    *packages.OPERATIONS,
    *credentials.OPERATIONS,
    *contents.OPERATIONS,
    *device_keys.OPERATIONS,
    *billing.OPERATIONS,
    *callbacks.OPERATIONS,
)
"""What both servers have."""


def control_router(context: Context, request_ids: RequestIds, operations: Iterable[OperatorOperation]) -> Router:
    by_path: dict[str, list[OperatorOperation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    routes = [Route(path, OperatorEndpoint(context, request_ids, of_path)) for path, of_path in by_path.items()]
    return Router(routes, redirect_slashes=False, default=UnknownOperatorPath(request_ids))
