"""Does something to each device of a list that is read as a stream, in bounded memory and transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import msgspec

from fotapool.domain.devices.departures import Rejection, RejectionCode
from fotapool.domain.devices.device_lists import why_not_imei
from fotapool.domain.errors import Conflict, Invalid, NotFound, RequestRejected
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.services.devices.import_lines import ImportLine, LineReader
from fotapool.services.devices.imports import Interrupted, SeenDevices
from fotapool.store.db.connection import StoreUnavailable

MAX_REJECTIONS = 1_000
"""Maximum number of refused devices in a result; all are counted."""

Handle = Callable[[Sequence[int]], Awaitable[Mapping[int, Rejection]]]
"""Changes distinct devices in one transaction; returns which it refused, and why."""


class RejectedDevice(msgspec.Struct, frozen=True):
    """A line whose device was refused."""

    line: int
    device: str
    rejection: Rejection


class DeviceRun(msgspec.Struct):
    """A list in progress: the lines that wait for their transaction, and what has become of those before."""

    handle: Handle
    batch: int
    lines: int = 0
    done: int = 0
    refused: int = 0
    rejections: list[RejectedDevice] = msgspec.field(default_factory=list)
    """The first MAX_REJECTIONS refused devices."""
    notes: list[str] = msgspec.field(default_factory=list)
    _waiting: dict[int, int] = msgspec.field(default_factory=dict)
    _seen: SeenDevices = msgspec.field(default_factory=SeenDevices)

    async def run(self, chunks: AsyncIterator[bytes], reader: LineReader) -> None:
        """Reads the list and handles it in batches. A device that is refused does not stop the others.

        Raises Interrupted if the rest cannot be read or changed; what was done before remains.
        """
        await self.run_lines(_lines(chunks, reader))
        self.notes = reader.notes

    async def run_lines(self, lines: AsyncIterator[ImportLine]) -> None:
        """Like `run`, for lines that raise Invalid if the rest cannot be read."""
        broken: Invalid | None = None
        try:
            try:
                async for line in lines:
                    await self._add(line)
            except Invalid as error:
                broken = error
            await self._flush()
        except (RequestRejected, StoreUnavailable, Conflict, NotFound) as error:
            raise self._interrupted(error) from error
        self.rejections.sort(key=lambda one: one.line)
        if broken is not None:
            raise self._interrupted(broken) from broken

    async def _add(self, line: ImportLine) -> None:
        self.lines += 1
        if isinstance(line.found, str):
            given = str(line.original().get("deviceId", ""))
            self._refuse(line.number, given, RejectionCode.DEVICE_ID_INVALID, line.found)
            return
        device = line.found.get("deviceId")
        if not isinstance(device, str) or not is_device_id(device):
            text = device if isinstance(device, str) else ""
            self._refuse(line.number, text, RejectionCode.DEVICE_ID_INVALID, f"deviceId {why_not_imei(text)}")
            return
        first = self._seen.add(int(device), line.number)
        if first is not None:
            self._refuse(line.number, device, RejectionCode.DEVICE_REPEATED, f"the device is in line {first} already")
            return
        self._waiting[int(device)] = line.number
        if len(self._waiting) == self.batch:
            await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        rejections = await self.handle(list(waiting))
        self.done += len(waiting) - len(rejections)
        for device, rejection in rejections.items():
            self._refuse(waiting[device], format_device_id(device), rejection.code, rejection.text)

    def _refuse(self, line: int, device: str, code: RejectionCode, text: str) -> None:
        self.refused += 1
        if len(self.rejections) < MAX_REJECTIONS:
            self.rejections.append(RejectedDevice(line, device[:40], Rejection(code, text)))

    def _interrupted(self, error: Exception) -> Interrupted:
        return Interrupted(error, f"{self.done} devices before that were handled", self)


async def _lines(chunks: AsyncIterator[bytes], reader: LineReader) -> AsyncIterator[ImportLine]:
    async for chunk in chunks:
        for line in reader.feed(chunk):
            yield line
    for line in reader.close():
        yield line


async def listed_lines(devices: Mapping[str, int]) -> AsyncIterator[ImportLine]:
    """The lines of a list that has been read: its devices with the numbers of their lines."""
    for device, line in devices.items():
        yield ImportLine(line, {"deviceId": device})
