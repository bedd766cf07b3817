"""Puts the operator plane's operations on their paths."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import Route, Router

from fotapool.control import accounts, contents, credentials, deliveries, device_keys, imports, packages, statements
from fotapool.control.requests import ControlEndpoint, ControlOperation, UnknownControlPath
from fotapool.http import RequestIds
from fotapool.usecases.context import Context

BASE = "/control/v1"

OPERATIONS: tuple[ControlOperation, ...] = (
    *accounts.OPERATIONS,
    *imports.OPERATIONS,
    *packages.OPERATIONS,
    *credentials.OPERATIONS,
    *contents.OPERATIONS,
    *device_keys.OPERATIONS,
    *statements.OPERATIONS,
    *deliveries.OPERATIONS,
)
"""What both servers have."""


def control_router(context: Context, request_ids: RequestIds, operations: Iterable[ControlOperation]) -> Router:
    by_path: dict[str, list[ControlOperation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    routes = [Route(path, ControlEndpoint(context, request_ids, of_path)) for path, of_path in by_path.items()]
    return Router(routes, redirect_slashes=False, default=UnknownControlPath(request_ids))
