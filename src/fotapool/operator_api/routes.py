"""The operator API's table of operations, their routes, and their part of the OpenAPI document."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace
from starlette.routing import Router

from fotapool.emulator.parts import EmulatorParts
from fotapool.operator_api import audit_log, billing, callbacks, campaigns, devices, licenses, reconciliation, system
from fotapool.operator_api.accounts import (
    accounts,
    alerts,
    closing,
    copies,
    departures,
    erasures,
    overview,
    retention,
    scheduled_changes,
    search,
)
from fotapool.operator_api.billing import MONTH
from fotapool.operator_api.calls import BASE, DEVICE_ID, OperatorEndpoint
from fotapool.operator_api.emulator import clock, faults, fleets, requests, snapshots
from fotapool.operator_api.identity import credentials, device_keys, keys, sign_ins
from fotapool.operator_api.packages import contents, files, packages
from fotapool.services.context import Context
from fotapool.web.endpoint import router
from fotapool.web.http import RequestIds
from fotapool.web.openapi.document import ApiDescription, Schemas
from fotapool.web.operations import Operation
from fotapool.web.parameters import account_parameter

OPERATIONS: tuple[Operation, ...] = (
    *overview.OPERATIONS,
    *system.OPERATIONS,
    *search.OPERATIONS,
    *accounts.OPERATIONS,
    *closing.OPERATIONS,
    *scheduled_changes.OPERATIONS,
    *licenses.OPERATIONS,
    *devices.OPERATIONS,
    *departures.OPERATIONS,
    *erasures.OPERATIONS,
    *campaigns.OPERATIONS,
    *packages.OPERATIONS,
    *credentials.OPERATIONS,
    *contents.OPERATIONS,
    *files.OPERATIONS,
    *device_keys.OPERATIONS,
    *keys.OPERATIONS,
    *sign_ins.OPERATIONS,
    *billing.OPERATIONS,
    *reconciliation.OPERATIONS,
    *callbacks.OPERATIONS,
    *audit_log.OPERATIONS,
    *retention.OPERATIONS,
    *alerts.OPERATIONS,
)
"""The operations of both servers."""
EMULATOR_OPERATIONS: tuple[Operation, ...] = (
    *clock.OPERATIONS,
    *snapshots.OPERATIONS,
    *copies.OPERATIONS,
    *fleets.OPERATIONS,
    *faults.OPERATIONS,
    *requests.OPERATIONS,
)
"""The operations that only the emulator has."""

_DESCRIPTION = ApiDescription(
    base=BASE,
    tag="Operator API",
    prefix="control",
    security="operator",
    shows_role=True,
    path_parameters=(account_parameter("name").in_path(), DEVICE_ID, MONTH),
    errors={
        400: "The request is malformed; detail says how",
        401: "Operator key missing or wrong",
        403: "The operator's role does not allow it",
        404: "No such thing",
        405: "The resource does not take this method",
        409: "The state does not allow it",
        413: "The body is over the limit",
        415: "The body has another encoding than gzip",
        429: "Too many wrong keys came from this address; Retry-After says when to try again",
        503: "The database does not answer; Retry-After says when to try again",
    },
)


def operator_router(context: Context, request_ids: RequestIds, emulator: EmulatorParts | None) -> Router:
    """Routes requests below BASE."""
    operations = OPERATIONS if emulator is None else OPERATIONS + EMULATOR_OPERATIONS
    return router(BASE, operations, partial(OperatorEndpoint, context, request_ids, emulator))


def describe_operator_api(schemas: Schemas, emulator: bool) -> dict[str, Any]:
    """The path items of the OpenAPI document."""
    paths = _DESCRIPTION.paths(OPERATIONS, schemas)
    if emulator:
        for path, item in replace(_DESCRIPTION, tag="Emulator").paths(EMULATOR_OPERATIONS, schemas).items():
            paths.setdefault(path, {}).update(item)
    return paths
