"""Operations that erase the personal data of devices: of one device, or of a list."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.operator_api.accounts.departures import LIST, RejectedDevice, refused_of, run_list
from fotapool.operator_api.calls import DEVICE_ID, OperatorCall
from fotapool.services.devices.device_runs import DeviceRun
from fotapool.services.devices.erasures import ERASURE_BATCH, Erasures, erase_one
from fotapool.web.operations import Operation


class ErasuresResult(msgspec.Struct):
    """`done` devices were erased; the numbers say of what. `errors` are the first 1,000 refused devices.

    `listLines` are lines of the account's bulk lists that were not readable, and so belong to no known device.
    """

    lines: int
    done: int
    failed: int
    mdns: int
    logs: int
    failureMessages: int
    listLines: int
    errors: list[RejectedDevice]
    notes: list[str]


def _result(erasures: Erasures, run: DeviceRun | None = None) -> ErasuresResult:
    erased = erasures.erased
    return ErasuresResult(
        lines=run.lines if run else 1,
        done=erasures.done,
        failed=run.refused if run else 0,
        mdns=erased.mdns,
        logs=erased.logs,
        failureMessages=erased.failure_messages,
        listLines=erased.list_lines,
        errors=refused_of(run) if run else [],
        notes=run.notes if run else [],
    )


async def erase_device(call: OperatorCall) -> ErasuresResult:
    """Erase the personal data of a device: MDN, logs, failure messages. Its licenses and records stay."""
    device = call.get(DEVICE_ID)
    erasures = Erasures(call.context, await call.caller())
    await erase_one(erasures, device)
    return _result(erasures)


async def erase_devices(call: OperatorCall) -> Response:
    """Erase the personal data of the devices of a list, in steps of 1,000, also of devices that have left."""
    erasures = Erasures(call.context, await call.caller())
    return await run_list(call, erasures.erase, ERASURE_BATCH, lambda run: _result(erasures, run))


_PATH = "/accounts/{name}"
OPERATIONS = (
    Operation("DELETE", _PATH + "/devices/{deviceId}/personal-data", erase_device),
    Operation("POST", _PATH + "/device-erasures", erase_devices, **LIST | {"answers": ErasuresResult}),
)
