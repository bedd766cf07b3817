"""Operations on the whole of what the emulator holds: a snapshot of it, one put back, the way back to the seed."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.identity import Role
from fotapool.operator_api.problems import problem
from fotapool.operator_api.requests import Only, OperatorCall, OperatorOperation, no_content
from fotapool.services.snapshots.seeds import Seed
from fotapool.services.snapshots.snapshot_documents import MAX_SNAPSHOT_BYTES, Snapshot
from fotapool.services.snapshots.snapshot_service import SnapshotService
from fotapool.web.http import read_body


class SnapshotControl:
    """The operations, on what the keeper keeps."""

    def __init__(self, snapshot_service: Callable[[], SnapshotService], seed: Callable[[], Seed]) -> None:
        self._keeper = snapshot_service
        self._seed = seed

    async def reset(self, call: OperatorCall) -> Response:
        await self._keeper().reset(self._seed())
        return no_content()

    async def take(self, call: OperatorCall) -> Response:
        data = await self._keeper().create()
        # Compressing so much would hold up everyone else.
        return Response(data, headers={"Content-Encoding": "identity"}, media_type="application/json")

    async def put(self, call: OperatorCall) -> Response:
        length = call.request.headers.get("content-length", "0")
        declared = int(length) if length.isascii() and length.isdigit() else 0
        try:
            data = await read_body(call.request.receive, declared, MAX_SNAPSHOT_BYTES)
        except RequestRejected as error:
            if error.code is not ErrorCode.BODY_TOO_LARGE:
                raise
            return problem(413, f"a snapshot has {MAX_SNAPSHOT_BYTES // 1024**2} MiB at most")
        await self._keeper().restore(data)
        return no_content()

    def operations(self) -> tuple[OperatorOperation, ...]:
        return (
            OperatorOperation(
                name="reset",
                method="POST",
                path="/reset",
                handle=self.reset,
                summary="Go back to the seed, and to real time or that of --clock",
                response=None,
                status=204,
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="take_snapshot",
                method="GET",
                path="/snapshot",
                handle=self.take,
                summary="Take a snapshot of everything: a seed document that is exact",
                response=Snapshot,
                only=Only.EMULATE,
                role=Role.ADMIN,
            ),
            OperatorOperation(
                name="put_snapshot",
                method="PUT",
                path="/snapshot",
                handle=self.put,
                summary="Put a snapshot or a seed document in place of everything",
                response=None,
                status=204,
                request=Snapshot,
                only=Only.EMULATE,
                role=Role.ADMIN,
            ),
        )
