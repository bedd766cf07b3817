"""The bulk import of devices: a stream in bounded memory; good lines are imported, bad ones reported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from fotapool.domain.devices.device_lists import check_digit_is_valid
from fotapool.domain.devices.devices import Device
from fotapool.domain.errors import Invalid, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import IMPORT_BATCH, import_devices
from fotapool.services.devices.import_lines import Fields, LineReader
from fotapool.services.snapshots.seed_documents import DeviceLine
from fotapool.store.db.connection import StoreUnavailable

MAX_ERRORS = 1_000
"""Maximum number of errors, and of warnings, in a result; all are counted."""


class Interrupted(Exception):
    """An error stopped an operation of many transactions; `result` is that of the transactions before it."""

    def __init__(self, error: Exception, message: str, result: ImportResult) -> None:
        super().__init__(message)
        self.error = error
        self.result = result


class LineError(msgspec.Struct):
    """An error or a warning about one line."""

    line: int
    deviceId: str
    error: str


class ImportResult(msgspec.Struct):
    """Each line's number is that in the file, from 1 (the header of CSV is line 1), or its place in the array."""

    lines: int = 0
    kept: int = 0
    licensed: int = 0
    failed: int = 0
    warned: int = 0
    errors: list[LineError] = []
    warnings: list[LineError] = []


class ImportProgress(msgspec.Struct):
    """The state after each batch, in a streamed response."""

    lines: int
    kept: int
    failed: int


@dataclass(slots=True)
class DeviceImport:
    """An import in progress: the lines that wait for their transaction, and the result so far."""

    context: Context
    caller: Caller
    result: ImportResult = field(default_factory=lambda: ImportResult(errors=[], warnings=[]))
    waiting: list[tuple[int, Device]] = field(default_factory=list)

    def add(self, line: int, found: Fields | str) -> None:
        """Adds a line to the next batch, or its error to the result."""
        self.result.lines += 1
        if isinstance(found, str):
            self._fail(line, "", found)
            return
        named = found.get("deviceId")
        given = named[:40] if isinstance(named, str) else ""
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
        """Imports the lines that wait."""
        lines, self.waiting = self.waiting, []
        if not lines:
            return
        decision = await import_devices(
            self.context,
            caller=self.caller,
            lines=[device for _, device in lines],
            kept=self.result.kept,
            licensed=self.result.licensed,
        )
        self.result.kept += len(decision.accepted)
        self.result.licensed += len(decision.entries)
        for place, why in decision.failures:
            line, device = lines[place]
            self._fail(line, format_device_id(device.device), why)

    async def run(self, chunks: AsyncIterator[bytes], reader: LineReader) -> AsyncIterator[ImportProgress]:
        """Imports in batches, and yields after each. A line that fails does not stop the others.

        Raises Interrupted if the rest cannot be read or the database does not answer; earlier batches remain imported.
        """
        broken: Invalid | None = None
        try:
            try:
                async for chunk in chunks:
                    for line, found in reader.feed(chunk):
                        self.add(line, found)
                        if len(self.waiting) == IMPORT_BATCH:
                            await self.flush()
                            yield ImportProgress(self.result.lines, self.result.kept, self.result.failed)
                for line, found in reader.close():
                    self.add(line, found)
            except Invalid as error:
                broken = error
            await self.flush()
        except (RequestRejected, StoreUnavailable) as error:
            raise self._interrupted(error) from error
        self.result.errors.sort(key=lambda error: error.line)
        if broken is not None:
            raise self._interrupted(broken) from broken

    def _interrupted(self, error: Exception) -> Interrupted:
        return Interrupted(error, f"{self.result.kept} devices before that were kept", self.result)
