"""Operations on all of the emulator's state: read a snapshot, restore one, reset to the seed."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.identity import Role
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.snapshots.snapshot_documents import MAX_SNAPSHOT_BYTES, Snapshot
from fotapool.web.endpoint import JSON
from fotapool.web.operations import Operation
from fotapool.web.problems import HttpError


async def reset(call: OperatorCall) -> None:
    """Reset all but the operators to the seed, and the clock to real time or that of --clock."""
    await call.emulator.snapshot_service.reset(call.emulator.seed(), call.context.audit)


async def create_snapshot(call: OperatorCall) -> Response:
    """Create a snapshot of the whole state: a seed document that is exact."""
    data = await call.emulator.snapshot_service.create()
    # Compressing this much would block all other requests.
    return Response(data, headers={"Content-Encoding": "identity"}, media_type=JSON)


async def restore_snapshot(call: OperatorCall) -> None:
    """Replace the whole state by a snapshot or a seed document."""
    try:
        data = await call.read(MAX_SNAPSHOT_BYTES)
    except RequestRejected as error:
        if error.code is not ErrorCode.BODY_TOO_LARGE:
            raise
        raise HttpError(413, f"a snapshot has {MAX_SNAPSHOT_BYTES // 1024**2} MiB at most") from error
    await call.emulator.snapshot_service.restore(data, call.context.audit)


OPERATIONS = (
    Operation("POST", "/reset", reset, role=Role.ADMIN),
    Operation("GET", "/snapshot", create_snapshot, answers=Snapshot, role=Role.ADMIN),
    Operation("PUT", "/snapshot", restore_snapshot, reads=Snapshot, role=Role.ADMIN),
)
