"""The bulk import of devices: a stream in bounded memory; good lines are imported, bad ones reported."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from fotapool.core.csv_export import csv_lines
from fotapool.domain.devices.device_lists import check_digit_is_valid
from fotapool.domain.devices.devices import Device
from fotapool.domain.devices.failed_lines import FailedLines
from fotapool.domain.errors import Conflict, Invalid, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import IMPORT_BATCH, import_devices
from fotapool.services.devices.import_lines import ImportLine, LineReader
from fotapool.services.snapshots.seed_documents import DeviceLine
from fotapool.store.db.connection import StoreUnavailable

Original = Callable[[], Mapping[str, Any]]
MAX_ERRORS = 1_000
"""Maximum number of errors, and of warnings, in a result; all are counted."""


class Interrupted(Exception):
    """An error stopped an operation of many transactions; `result` is that of the transactions before it."""

    def __init__(self, error: Exception, message: str, result: Any) -> None:
        super().__init__(message)
        self.error = error
        self.result = result


class LineError(msgspec.Struct):
    """An error or a warning about one line."""

    line: int
    deviceId: str
    error: str


class ImportResult(msgspec.Struct):
    """The result of an import. Lines are numbered from 1: in a file, with the header of CSV; in an array, by element.

    `notes` says how the file was read, and which parts of it were not. `failedLines`, if it was requested, is a CSV
    file of up to 10,000 failed lines with their reasons, to fix and send again.
    """

    lines: int = 0
    kept: int = 0
    licensed: int = 0
    failed: int = 0
    warned: int = 0
    errors: list[LineError] = []
    warnings: list[LineError] = []
    notes: list[str] = []
    failedLines: str | msgspec.UnsetType = msgspec.UNSET


class ImportProgress(msgspec.Struct):
    """The state after each batch, in a streamed response."""

    lines: int
    kept: int
    failed: int


MAX_REMEMBERED = 2_000_000
"""Devices of an import in which repeated ones are looked for; of a longer file, the first ones."""
_BUCKETS = 4099


class SeenDevices:
    """The line in which each device was first, in about 20 bytes for each."""

    def __init__(self) -> None:
        self._devices: dict[int, array[int]] = defaultdict(partial(array, "Q"))
        self._lines: dict[int, array[int]] = defaultdict(partial(array, "I"))
        self._count = 0

    def add(self, device: int, line: int) -> int | None:
        """The line in which the device was first; None if this is the first one, which is stored then."""
        bucket = device % _BUCKETS
        devices = self._devices[bucket]
        if device in devices:
            return self._lines[bucket][devices.index(device)]
        if self._count < MAX_REMEMBERED:
            self._count += 1
            devices.append(device)
            self._lines[bucket].append(line)
        return None


class DeviceImport(msgspec.Struct):
    """An import in progress: the lines that wait for their transaction, and the result so far."""

    context: Context
    caller: Caller
    result: ImportResult = msgspec.field(default_factory=lambda: ImportResult(errors=[], warnings=[], notes=[]))
    waiting: list[tuple[int, Device, Original]] = msgspec.field(default_factory=list)
    """The number of each line, its device and its cells."""
    failed: FailedLines = msgspec.field(default_factory=FailedLines)
    seen: SeenDevices = msgspec.field(default_factory=SeenDevices)

    def add(self, line: ImportLine) -> None:
        """Adds a line to the next batch, or its error to the result."""
        number, found, original, text = line
        self.result.lines += 1
        if isinstance(found, str):
            self._fail(number, _device_text(original()), found, original, text=text)
            return
        given = _device_text(found)
        try:
            device = msgspec.convert(found, DeviceLine, strict=False).to_device(self.context.clock.now_ms())
        except (Invalid, msgspec.ValidationError) as error:
            self._fail(number, given, str(error), original)
            return
        if not check_digit_is_valid(device.device):
            self._warn(number, given, "the check digit is wrong")
        first = self.seen.add(device.device, number)
        if first is not None:
            self._warn(number, given, f"the device is in line {first} as well; this line counts")
        self.waiting.append((number, device, original))

    def _warn(self, line: int, device: str, why: str) -> None:
        self.result.warned += 1
        if len(self.result.warnings) < MAX_ERRORS:
            self.result.warnings.append(LineError(line, device, why))

    def _fail(self, line: int, device: str, why: str, original: Original, text: str = "") -> None:
        self.result.failed += 1
        if len(self.result.errors) < MAX_ERRORS:
            self.result.errors.append(LineError(line, device, why))
        texts = {name: _text(value) for name, value in original().items()}
        wrong = next((name for name in texts if why.startswith(f"{name} ") or f"$.{name}`" in why), "")
        self.failed.add(line, texts.get(wrong, text or device), why, texts)

    async def flush(self) -> None:
        """Imports the lines that wait."""
        lines, self.waiting = self.waiting, []
        if not lines:
            return
        decision = await import_devices(
            self.context,
            caller=self.caller,
            lines=[device for _, device, _ in lines],
            kept=self.result.kept,
            licensed=self.result.licensed,
        )
        self.result.kept += len(decision.accepted)
        self.result.licensed += len(decision.entries)
        for place, why in decision.failures:
            line, device, original = lines[place]
            self._fail(line, format_device_id(device.device), why, original)

    async def run(self, chunks: AsyncIterator[bytes], reader: LineReader) -> AsyncIterator[ImportProgress]:
        """Imports in batches, and yields after each. A line that fails does not stop the others.

        Raises Interrupted if the rest cannot be read or the database does not answer; earlier batches remain imported.
        """
        broken: Invalid | None = None
        try:
            try:
                async for chunk in chunks:
                    for line in reader.feed(chunk):
                        self.add(line)
                        if len(self.waiting) == IMPORT_BATCH:
                            await self.flush()
                            yield ImportProgress(self.result.lines, self.result.kept, self.result.failed)
                for line in reader.close():
                    self.add(line)
            except Invalid as error:
                broken = error
            await self.flush()
        except (RequestRejected, StoreUnavailable, Conflict) as error:
            raise self._interrupted(error) from error
        self.result.errors.sort(key=lambda error: error.line)
        self.result.notes = reader.notes
        if broken is not None:
            raise self._interrupted(broken) from broken

    def write_failed_lines(self) -> None:
        """Adds the file of failed lines to the result."""
        self.result.failedLines = csv_lines(self.failed.rows()).decode()

    def _interrupted(self, error: Exception) -> Interrupted:
        return Interrupted(error, f"{self.result.kept} devices before that were kept", self.result)


def _device_text(members: Mapping[str, Any]) -> str:
    device = members.get("deviceId")
    return device[:40] if isinstance(device, str) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
