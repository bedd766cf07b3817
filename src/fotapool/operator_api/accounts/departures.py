"""Operations that delete devices of an account, or move them to another one: one device, or a list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from fotapool.domain.devices.departures import DepartureDecision, Rejection, RejectionCode
from fotapool.operator_api.accounts.accounts import AccountName
from fotapool.operator_api.calls import DEVICE_ID, OperatorCall
from fotapool.operator_api.devices import BODIES, reader_of
from fotapool.services.devices.departures import DEPARTURE_BATCH, Departures, departures_to, remove_one
from fotapool.services.devices.device_runs import DeviceRun
from fotapool.services.devices.imports import Interrupted
from fotapool.web.endpoint import json_response
from fotapool.web.operations import Operation
from fotapool.web.parameters import account_parameter
from fotapool.web.problems import problem_of

TO = replace(account_parameter("to", "the account that the devices move to"), is_required=True)
CodeText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [code.value for code in RejectionCode]})]


class ListedDevice(msgspec.Struct):
    """A device of a list. Further members, and columns of CSV, are not read."""

    deviceId: str


class RejectedDevice(msgspec.Struct):
    """A line whose device stays as it was, with the reason."""

    line: int
    deviceId: str
    code: CodeText
    error: str


class DeparturesResult(msgspec.Struct):
    """`done` devices have left. `errors` are the first 1,000 refused ones.

    A license that is used or under notice stays counted (`licensesKept`); any other is removed (`licensesRemoved`).
    """

    lines: int
    done: int
    failed: int
    licensesRemoved: int
    licensesKept: int
    errors: list[RejectedDevice]
    notes: list[str]


class NewHome(msgspec.Struct, forbid_unknown_fields=True):
    account: AccountName


def refused_of(run: DeviceRun) -> list[RejectedDevice]:
    """The refused devices of a list, as the API answers them."""
    return [
        RejectedDevice(one.line, one.device, one.rejection.code.value, one.rejection.text) for one in run.rejections
    ]


def _result(departures: Departures, run: DeviceRun | None = None) -> DeparturesResult:
    return DeparturesResult(
        lines=run.lines if run else 1,
        done=departures.left,
        failed=run.refused if run else 0,
        licensesRemoved=departures.licenses_removed,
        licensesKept=departures.licenses_kept,
        errors=refused_of(run) if run else [],
        notes=run.notes if run else [],
    )


async def run_list(
    call: OperatorCall,
    handle: Callable[[Sequence[int]], Awaitable[Mapping[int, Rejection]]],
    batch: int,
    result_of: Callable[[DeviceRun], Any],
) -> Response:
    """Handles the devices of the body; the answer is the result, also with the error that stopped it."""
    run = DeviceRun(handle, batch)
    try:
        await run.run(call.request.stream(), reader_of(call))
    except Interrupted as interrupted:
        response = problem_of(
            interrupted.error, call.context.settings.retry_after_s, note=str(interrupted), result=result_of(run)
        )
        if response is None:
            raise
        return response
    return json_response(result_of(run))


async def _remove_list(call: OperatorCall, departures: Departures) -> Response:
    async def handle(devices: Sequence[int]) -> Mapping[int, Rejection]:
        decision: DepartureDecision = await departures.remove(devices)
        return decision.rejections

    return await run_list(call, handle, DEPARTURE_BATCH, lambda run: _result(departures, run))


async def delete_device(call: OperatorCall) -> DeparturesResult:
    """Delete a device of the account; its history and a used license stay on record.

    409 while an upgrade of the device is scheduled or in progress.
    """
    device = call.get(DEVICE_ID)
    departures = Departures(call.context, await call.caller())
    await remove_one(departures, device)
    return _result(departures)


async def delete_devices(call: OperatorCall) -> Response:
    """Delete the devices of a list, in steps of 1,000; devices with an open upgrade are refused and stay."""
    return await _remove_list(call, Departures(call.context, await call.caller()))


async def move_device(call: OperatorCall, given: NewHome) -> DeparturesResult:
    """Move a device to another account; its history stays readable in this one.

    409 while an upgrade of the device is scheduled or in progress.
    """
    device = call.get(DEVICE_ID)
    departures = await departures_to(call.context, await call.caller(), given.account)
    await remove_one(departures, device)
    return _result(departures)


async def move_devices(call: OperatorCall) -> Response:
    """Move the devices of a list to another account, in steps of 1,000; those with an open upgrade stay."""
    return await _remove_list(call, await departures_to(call.context, await call.caller(), call.get(TO)))


_PATH = "/accounts/{name}"
LIST: dict[str, Any] = {
    "reads": list[ListedDevice],
    "answers": DeparturesResult,
    "consumes": BODIES,
    "other_statuses": {415: "The body's media type is not one of these"},
}
"""What the operations on lists of devices have in common."""
OPERATIONS = (
    Operation("DELETE", _PATH + "/devices/{deviceId}", delete_device),
    Operation("PUT", _PATH + "/devices/{deviceId}/account", move_device),
    Operation("POST", _PATH + "/device-deletions", delete_devices, **LIST),
    Operation("POST", _PATH + "/device-moves", move_devices, parameters=(TO,), **LIST),
)
