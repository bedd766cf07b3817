"""Operations on all of the emulator's state: read a snapshot, restore one, reset to the seed, add a seed."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.identity import Role
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.snapshots.seed_documents import SeedDocument
from fotapool.services.snapshots.snapshot_documents import MAX_SNAPSHOT_BYTES, Snapshot
from fotapool.web.endpoint import JSON
from fotapool.web.operations import Operation
from fotapool.web.problems import HttpError


async def reset(call: OperatorCall) -> None:
    """Reset everything except operators to the seed, and the clock to real time or the time of --clock."""
    await call.emulator.snapshot_service.reset(call.emulator.seed(), call.context.audit)


async def create_snapshot(call: OperatorCall) -> Response:
    """Create a snapshot of the whole state: a seed document that is exact."""
    data = await call.emulator.snapshot_service.create()
    # Compressing this much would block all other requests.
    return Response(data, headers={"Content-Encoding": "identity"}, media_type=JSON)


async def restore_snapshot(call: OperatorCall) -> None:
    """Replace the whole state by a snapshot or a seed document."""
    await call.emulator.snapshot_service.restore(await _read_document(call), call.context.audit)


class AddedSeed(msgspec.Struct):
    """When the seed was added, on the clock."""

    createTime: str


async def add_seed(call: OperatorCall) -> AddedSeed:
    """Add the accounts, users, clients and firmware of a seed document. None of them may exist."""
    added_ms = await call.emulator.snapshot_service.add(await _read_document(call), call.context.audit)
    return AddedSeed(format_timestamp(added_ms))


async def _read_document(call: OperatorCall) -> bytes:
    try:
        return await call.read(MAX_SNAPSHOT_BYTES)
    except RequestRejected as error:
        if error.code is not ErrorCode.BODY_TOO_LARGE:
            raise
        raise HttpError(413, f"a snapshot has {MAX_SNAPSHOT_BYTES // 1024**2} MiB at most") from error


OPERATIONS = (
    Operation("POST", "/reset", reset, role=Role.ADMIN),
    Operation("GET", "/snapshot", create_snapshot, answers=Snapshot, role=Role.ADMIN),
    Operation("POST", "/seed", add_seed, reads=SeedDocument, answers=AddedSeed, status=201, role=Role.ADMIN),
    Operation("PUT", "/snapshot", restore_snapshot, reads=Snapshot, role=Role.ADMIN),
)
