"""Operations on the whole of what the emulator holds: a snapshot of it, one put back, the way back to the seed."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from fotapool.domain.errors import Refusal, Refused
from fotapool.domain.identity.roles import Role
from fotapool.operator_api.problems import problem
from fotapool.operator_api.requests import ControlCall, ControlOperation, Only, no_content
from fotapool.services.snapshots.documents import MAX_SNAPSHOT_BYTES, Snapshot
from fotapool.services.snapshots.seeds import Seed
from fotapool.services.snapshots.snapshot_service import Keeper
from fotapool.web.http import read_body


class SnapshotControl:
    """The operations, on what the keeper keeps."""

    def __init__(self, keeper: Callable[[], Keeper], seed: Callable[[], Seed]) -> None:
        self._keeper = keeper
        self._seed = seed

    async def reset(self, call: ControlCall) -> Response:
        await self._keeper().reset(self._seed())
        return no_content()

    async def take(self, call: ControlCall) -> Response:
        octets = await self._keeper().take()
        # Compressing so much would hold up everyone else.
        return Response(octets, headers={"Content-Encoding": "identity"}, media_type="application/json")

    async def put(self, call: ControlCall) -> Response:
        length = call.request.headers.get("content-length", "0")
        declared = int(length) if length.isascii() and length.isdigit() else 0
        try:
            octets = await read_body(call.request.receive, declared, MAX_SNAPSHOT_BYTES)
        except Refused as error:
            if error.refusal is not Refusal.BODY_TOO_LARGE:
                raise
            return problem(413, f"a snapshot has {MAX_SNAPSHOT_BYTES // 1024**2} MiB at most")
        await self._keeper().put(octets)
        return no_content()

    def operations(self) -> tuple[ControlOperation, ...]:
        return (
            ControlOperation(
                "reset", "POST", "/reset", self.reset, "Go back to the seed, and to real time or that of --clock",
                None, 204, only=Only.EMULATE,
            ),
            ControlOperation(
                "take_snapshot", "GET", "/snapshot", self.take,
                "Take a snapshot of everything: a seed document that is exact", Snapshot,
                only=Only.EMULATE, role=Role.ADMINISTER,
            ),
            ControlOperation(
                "put_snapshot", "PUT", "/snapshot", self.put,
                "Put a snapshot or a seed document in place of everything", None, 204,
                request=Snapshot, only=Only.EMULATE, role=Role.ADMINISTER,
            ),
        )  # fmt: skip
