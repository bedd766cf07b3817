"""The bulk import of devices: JSON array, NDJSON or CSV, read and answered as a stream in bounded memory."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import ijson
import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from fotapool.control.requests import ControlCall, ControlOperation, answer
from fotapool.domain.devices import Device
from fotapool.domain.errors import Invalid
from fotapool.domain.names import format_device_id
from fotapool.usecases.context import Caller, Context
from fotapool.usecases.devices import IMPORT_BATCH, import_devices
from fotapool.usecases.documents import DeviceLine, check_digit_is_valid

MAX_ERRORS = 1_000
"""How many failed lines, and how many warnings, an answer lists; all are counted."""
NDJSON = "application/x-ndjson"

Fields = dict[str, Any]


class LineError(msgspec.Struct):
    line: int
    deviceId: str
    error: str


class ImportResult(msgspec.Struct):
    """Lines are counted from 1 (in CSV, from the line below the header)."""

    lines: int = 0
    kept: int = 0
    licensed: int = 0
    failed: int = 0
    warned: int = 0
    errors: list[LineError] = []
    warnings: list[LineError] = []


class ImportProgress(msgspec.Struct):
    """What a streamed answer tells after each batch."""

    lines: int
    kept: int
    failed: int


class _NdjsonReader:
    """Splits NDJSON into lines; a line that is no object becomes an error of its own."""

    def __init__(self, max_line_bytes: int) -> None:
        self._rest = b""
        self._max = max_line_bytes

    def feed(self, chunk: bytes) -> Iterator[Fields | str]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > self._max:
            raise Invalid(f"a line is longer than {self._max} bytes")
        for line in lines:
            if line.strip():
                yield self._parse(line)

    def close(self) -> Iterator[Fields | str]:
        if self._rest.strip():
            yield self._parse(self._rest)

    def _parse(self, line: bytes) -> Fields | str:
        try:
            found = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            return f"the line is not JSON: {error}"
        return found if isinstance(found, dict) else "the line is not a JSON object"


class _CsvReader:
    """Reads CSV with a header line; empty cells count as missing."""

    def __init__(self, max_line_bytes: int) -> None:
        self._rest = b""
        self._max = max_line_bytes
        self._header: list[str] | None = None

    def feed(self, chunk: bytes) -> Iterator[Fields | str]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > self._max:
            raise Invalid(f"a line is longer than {self._max} bytes")
        for line in lines:
            yield from self._parse(line)

    def close(self) -> Iterator[Fields | str]:
        yield from self._parse(self._rest)

    def _parse(self, line: bytes) -> Iterator[Fields | str]:
        try:
            text = line.decode("utf-8-sig" if self._header is None else "utf-8").strip("\r\n ")
            cells = next(csv.reader([text], strict=True)) if text else []
        except (UnicodeDecodeError, csv.Error) as error:
            yield f"the line is not CSV: {error}"
            return
        if not cells:
            return
        if self._header is None:
            self._header = [cell.strip() for cell in cells]
            if "deviceId" not in self._header:
                raise Invalid("the first CSV line must name the columns, deviceId among them")
        elif len(cells) != len(self._header):
            yield f"the line has {len(cells)} cells, the header {len(self._header)}"
        else:
            yield {name: cell for name, cell in zip(self._header, cells, strict=True) if cell}


class _JsonArrayReader:
    """Reads the objects of one JSON array as they arrive."""

    def __init__(self, max_line_bytes: int) -> None:
        self._found: Any = ijson.sendable_list()
        self._parser = ijson.items_coro(self._found, "item", use_float=True)
        self._open = False
        self._max = max_line_bytes
        self._pending_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[Fields | str]:
        if not self._open and chunk.strip():
            if not chunk.lstrip().startswith(b"["):
                raise Invalid("the body must be a JSON array of devices, NDJSON or CSV: see Content-Type")
            self._open = True
        self._pending_bytes += len(chunk)
        self._send(chunk)
        yield from self._take()
        if self._pending_bytes > self._max + len(chunk):
            raise Invalid(f"an element is longer than {self._max} bytes")

    def close(self) -> Iterator[Fields | str]:
        if not self._open:
            raise Invalid("the body is empty")
        try:
            self._parser.close()
        except ijson.JSONError as error:
            raise Invalid(f"the JSON array is not complete: {error}") from error
        yield from self._take()

    def _send(self, chunk: bytes) -> None:
        try:
            self._parser.send(chunk)
        except ijson.JSONError as error:
            raise Invalid(f"the body is not a JSON array: {error}") from error
        except StopIteration:
            if chunk.strip():
                raise Invalid("there is more after the JSON array") from None

    def _take(self) -> Iterator[Fields | str]:
        if self._found:
            self._pending_bytes = 0
        for found in self._found:
            yield found if isinstance(found, dict) else "the element is not a JSON object"
        del self._found[:]


_READERS = {
    "application/json": _JsonArrayReader,
    NDJSON: _NdjsonReader,
    "application/ndjson": _NdjsonReader,
    "text/csv": _CsvReader,
}


@dataclass(slots=True)
class _Import:
    """One import under way: the lines that wait for their transaction, and what came of the ones before."""

    context: Context
    caller: Caller
    result: ImportResult = field(default_factory=lambda: ImportResult(errors=[], warnings=[]))
    waiting: list[tuple[int, Device]] = field(default_factory=list)

    def add(self, found: Fields | str) -> None:
        self.result.lines += 1
        line = self.result.lines
        if isinstance(found, str):
            self._fail(line, "", found)
            return
        given = str(found.get("deviceId", ""))[:40]
        try:
            device = msgspec.convert(found, DeviceLine, strict=False).to_device(self.context.clock.now_ms())
        except (Invalid, msgspec.ValidationError) as error:
            self._fail(line, given, str(error))
            return
        if not check_digit_is_valid(device.device):
            self.result.warned += 1
            if len(self.result.warnings) < MAX_ERRORS:
                self.result.warnings.append(LineError(line, given, "the check digit is wrong"))
        self.waiting.append((line, device))

    def _fail(self, line: int, device: str, why: str) -> None:
        self.result.failed += 1
        if len(self.result.errors) < MAX_ERRORS:
            self.result.errors.append(LineError(line, device, why))

    async def flush(self) -> None:
        lines, self.waiting = self.waiting, []
        if not lines:
            return
        decision = await import_devices(self.context, self.caller, [device for _, device in lines])
        self.result.kept += len(decision.kept)
        self.result.licensed += len(decision.entries)
        for place, why in decision.failures:
            line, device = lines[place]
            self._fail(line, format_device_id(device.device), why)

    async def run(self, call: ControlCall, reader: Any) -> AsyncIterator[ImportProgress]:
        """Imports batch by batch; tells after each. A line that fails does not stop the others. Raises Invalid."""
        async for chunk in call.request.stream():
            for found in reader.feed(chunk):
                self.add(found)
                if len(self.waiting) == IMPORT_BATCH:
                    await self.flush()
                    yield ImportProgress(self.result.lines, self.result.kept, self.result.failed)
        for found in reader.close():
            self.add(found)
        await self.flush()


async def import_lines(call: ControlCall) -> Response:
    """Answers one result; or, for `Accept: application/x-ndjson`, progress line by line and the result last."""
    media_type = call.request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type not in _READERS:
        raise Invalid(f"Content-Type must be one of {', '.join(_READERS)}, not {media_type[:60]!r}")
    reader = _READERS[media_type](call.context.settings.max_import_line_bytes)
    under_way = _Import(call.context, await call.caller())
    if NDJSON in call.request.headers.get("accept", ""):
        return StreamingResponse(_told(under_way, call, reader), media_type=NDJSON)
    try:
        async for _ in under_way.run(call, reader):
            pass
    except Invalid as error:
        await under_way.flush()
        raise Invalid(f"{error} ({under_way.result.kept} devices before it were kept)") from error
    return answer(under_way.result)


async def _told(under_way: _Import, call: ControlCall, reader: Any) -> AsyncIterator[bytes]:
    try:
        async for progress in under_way.run(call, reader):
            yield msgspec.json.encode({"progress": progress}) + b"\n"
    except ClientDisconnect:
        return
    except Invalid as error:
        await under_way.flush()
        yield json.dumps({"error": str(error)}).encode() + b"\n"
    yield msgspec.json.encode({"result": under_way.result}) + b"\n"


OPERATIONS = (
    ControlOperation(
        "import_devices", "POST", "/accounts/{name}/devices", import_lines,
        "Import devices from a JSON array, NDJSON or CSV; good lines are kept, bad ones told", ImportResult,
        request=list[DeviceLine],
    ),
)  # fmt: skip
