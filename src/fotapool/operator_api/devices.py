"""The bulk import of devices as an operation: JSON array, NDJSON or CSV, read and answered as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fotapool.operator_api.problems import Unsupported, describe
from fotapool.operator_api.requests import OperatorCall, OperatorOperation, answer
from fotapool.services.devices.import_lines import CsvReader, JsonArrayReader, LineReader, NdjsonReader
from fotapool.services.devices.imports import DeviceImport, ImportResult, Interrupted
from fotapool.services.snapshots.seed_documents import DeviceLine

NDJSON = "application/x-ndjson"


_READERS: dict[str, type[JsonArrayReader | NdjsonReader | CsvReader]] = {
    "application/json": JsonArrayReader,
    NDJSON: NdjsonReader,
    "application/ndjson": NdjsonReader,
    "text/csv": CsvReader,
}


def _reader(call: OperatorCall) -> LineReader:
    media_type = call.request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type not in _READERS:
        raise Unsupported(f"set the header Content-Type to one of {', '.join(_READERS)}; it is {media_type[:60]!r}")
    return _READERS[media_type](call.context.settings.max_import_line_bytes)


async def import_lines(call: OperatorCall) -> Response:
    """Answers one result; or, for `Accept: application/x-ndjson`, progress line by line and the result last."""
    reader = _reader(call)
    under_way = DeviceImport(call.context, await call.caller())
    if NDJSON in call.request.headers.get("accept", ""):
        # Compressing would hold the progress back.
        headers = {"Content-Encoding": "identity"}
        return _WhileReading(_told(under_way, call, reader), media_type=NDJSON, headers=headers)
    async for _ in under_way.run(call.request.stream(), reader):
        pass
    return answer(under_way.result)


class _WhileReading(StreamingResponse):
    """Answers while the request is still read: nobody else may take its messages, not even to see it disconnect."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


async def _told(under_way: DeviceImport, call: OperatorCall, reader: LineReader) -> AsyncIterator[bytes]:
    try:
        async for progress in under_way.run(call.request.stream(), reader):
            yield _line("progress", progress)
    except ClientDisconnect:
        return
    except Interrupted as interrupted:
        described = describe(interrupted.error)
        yield _line("error", f"{described[1] if described else ''} ({interrupted})")
    yield _line("result", under_way.result)


def _line(name: str, value: object) -> bytes:
    return msgspec.json.encode({name: value}) + b"\n"


OPERATIONS = (
    OperatorOperation(
        name="import_devices",
        method="POST",
        path="/accounts/{name}/devices",
        handle=import_lines,
        summary="Import devices from a JSON array, NDJSON or CSV; good lines are kept, bad ones told",
        response=ImportResult,
        request=list[DeviceLine],
        consumes=("application/json", NDJSON, "text/csv"),
        produces=("application/json", NDJSON),
    ),
)
