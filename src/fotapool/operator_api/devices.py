"""Devices of an account: list, upgrade, and import from a JSON array, NDJSON or CSV, as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec.structs import replace
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.campaigns.upgrades import STATUS_OF_WORD, UpgradeStatus
from fotapool.domain.devices.devices import reachability
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS, LicenseState
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import DEVICE_ID, OperatorCall, time_or_none
from fotapool.services.campaigns import upgrades
from fotapool.services.devices import devices
from fotapool.services.devices.import_lines import CsvReader, JsonArrayReader, LineReader, NdjsonReader
from fotapool.services.devices.imports import DeviceImport, ImportResult, Interrupted
from fotapool.services.snapshots.seed_documents import DeviceLine
from fotapool.store.devices.devices import OperatorDeviceRow
from fotapool.web.endpoint import JSON, json_response
from fotapool.web.operations import Operation
from fotapool.web.parameters import LIMIT, flag_parameter, int_parameter
from fotapool.web.problems import HttpError, describe, problem_of

if TYPE_CHECKING:
    from fotapool.services.devices.timelines import TimelineEntry

NDJSON, CSV = "application/x-ndjson", "text/csv"
AFTER_DEVICE = replace(int_parameter("after", "the last number of the page before"), default=BEFORE_ALL)
FAILED_LINES = flag_parameter(
    "failedLines", "whether the result has `failedLines`: a CSV of what failed, to send again"
)
UpgradeText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATUS_OF_WORD)})]

_READERS: dict[str, type[JsonArrayReader | NdjsonReader | CsvReader]] = {
    JSON: JsonArrayReader,
    NDJSON: NdjsonReader,
    "application/ndjson": NdjsonReader,
    CSV: CsvReader,
}


class NewUpgrade(msgspec.Struct, forbid_unknown_fields=True):
    status: UpgradeText


class UpgradeView(msgspec.Struct):
    deviceId: str
    status: str


class DeviceView(msgspec.Struct):
    """`failureMessage` is what the device said about the failure of its last upgrade."""

    deviceId: str
    make: str
    model: str
    firmware: str
    protocol: str
    mdn: str
    status: str
    licensed: bool
    licensedAt: str | None
    usedByUpgrade: bool
    noticeUntil: str | None
    openUpgrade: str | None
    failureMessage: str | None
    upgradedAt: str | None
    lastSeenAt: str | None
    reachable: str


class DeviceList(msgspec.Struct):
    devices: list[DeviceView]
    hasMoreData: bool


class TimelineEntryView(msgspec.Struct):
    """An event of the device, as a sentence. `actor` and `requestId` are null where they are not recorded."""

    time: str
    event: str
    text: str
    actor: str | None
    requestId: str | None
    campaign: str | None


class CheckInView(msgspec.Struct):
    time: str
    protocol: str
    result: str
    failure: str | None


class DeviceDetail(msgspec.Struct):
    """A device, its place on the candidate list, its timeline and its last 20 check-ins, both newest first.

    The timeline has the last 200 changes of the license and the last 50 upgrades; `complete` says whether that is all.
    A device that has left the account has `leftAt`, and the account that it moved to or null; its history stays.
    """

    device: DeviceView
    candidatePlace: int | None
    timeline: list[TimelineEntryView]
    complete: bool
    checkIns: list[CheckInView]
    leftAt: str | None
    movedTo: str | None


async def list_devices(call: OperatorCall) -> DeviceList:
    """List the account's devices by IMEI."""
    rows, more = call.page(
        await devices.list_devices(call.context, await call.caller(), call.get(AFTER_DEVICE), call.read_limit)
    )
    now_ms = call.context.clock.now_ms()
    return DeviceList([_view(row, now_ms) for row in rows], more)


async def read_device(call: OperatorCall) -> DeviceDetail:
    """Read a device with its timeline: licenses and upgrades, by whom and why."""
    from fotapool.services.devices import timelines  # imported here to keep the start short

    found = await timelines.read_timeline(call.context, await call.caller(), call.get(DEVICE_ID))
    return DeviceDetail(
        device=_view(found.device, call.context.clock.now_ms()),
        candidatePlace=found.candidate_place,
        timeline=[_entry(one) for one in found.entries],
        complete=found.complete,
        checkIns=[
            CheckInView(format_timestamp(one.at_ms), one.client_type, one.result, one.failure or None)
            for one in found.check_ins
        ],
        leftAt=time_or_none(found.departed.left_ms if found.departed else None),
        movedTo=(found.departed.moved_to or None) if found.departed else None,
    )


def _entry(one: TimelineEntry) -> TimelineEntryView:
    return TimelineEntryView(
        time=format_timestamp(one.event.at_ms),
        event=one.event.what,
        text=one.event.sentence,
        actor=one.actor or None,
        requestId=one.request_id or None,
        campaign=one.campaign or None,
    )


def _view(row: OperatorDeviceRow, now_ms: int) -> DeviceView:
    return from_attributes(
        DeviceView,
        row,
        deviceId=format_device_id(row.imei),
        licensed=row.licensed_ms is not None,
        licensedAt="unknown" if row.licensed_ms == UNKNOWN_TIME_MS else time_or_none(row.licensed_ms),
        usedByUpgrade=bool((row.license_state or 0) & LicenseState.USED),
        noticeUntil=time_or_none(row.notice_until_ms),
        openUpgrade=UpgradeStatus(row.open_upgrade).word if row.open_upgrade else None,
        failureMessage=row.failure_message,
        upgradedAt=time_or_none(row.upgraded_ms),
        lastSeenAt=time_or_none(row.seen_ms),
        reachable=reachability(row.licensed_ms, row.seen_ms, now_ms).value,
    )


async def set_upgrade(call: OperatorCall, given: NewUpgrade) -> UpgradeView:
    """Schedule, start, complete, fail or cancel the device's upgrade."""
    device = call.get(DEVICE_ID)
    if given.status not in STATUS_OF_WORD:
        raise Invalid(f"status must be one of {', '.join(STATUS_OF_WORD)}")
    status = await upgrades.set_upgrade(call.context, await call.caller(), device, STATUS_OF_WORD[given.status])
    return UpgradeView(format_device_id(device), status.word)


def reader_of(call: OperatorCall) -> LineReader:
    """The reader of a body of the media type that the request names. Raises HttpError(415)."""
    media_type = call.request.headers.get("content-type", JSON).split(";")[0].strip().lower()
    if media_type not in _READERS:
        types = ", ".join(_READERS)
        raise HttpError(415, f"set the header Content-Type to one of {types}; it is {media_type[:60]!r}")
    return _READERS[media_type](call.context.settings.max_import_line_bytes)


async def import_devices(call: OperatorCall) -> Response:
    """Import devices from a JSON array, NDJSON or CSV; good lines are stored, bad ones reported.

    CSV is read as spreadsheets save it: with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, with the
    usual names of columns in the first line. Returns one result; for `Accept: application/x-ndjson`, progress line by
    line and the result last.
    """
    reader = reader_of(call)
    device_import = DeviceImport(call.context, await call.caller())
    if NDJSON in call.request.headers.get("accept", ""):
        # Compression would delay the progress.
        headers = {"Content-Encoding": "identity"}
        return _WhileReading(_progress(device_import, call, reader), media_type=NDJSON, headers=headers)
    try:
        async for _ in device_import.run(call.request.stream(), reader):
            pass
    except Interrupted as interrupted:
        _add_failed_lines(call, device_import)
        response = problem_of(
            interrupted.error, call.context.settings.retry_after_s, note=str(interrupted), result=interrupted.result
        )
        if response is None:
            raise
        return response
    _add_failed_lines(call, device_import)
    return json_response(device_import.result)


def _add_failed_lines(call: OperatorCall, device_import: DeviceImport) -> None:
    if call.get(FAILED_LINES):
        device_import.write_failed_lines()


class _WhileReading(StreamingResponse):
    """Sends the answer while the handler still reads the request, so nothing else may receive its messages."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


async def _progress(device_import: DeviceImport, call: OperatorCall, reader: LineReader) -> AsyncIterator[bytes]:
    try:
        async for progress in device_import.run(call.request.stream(), reader):
            yield _line("progress", progress)
    except ClientDisconnect:
        return
    except Interrupted as interrupted:
        yield _line("error", f"{describe(interrupted.error)[1]} ({interrupted})")
    _add_failed_lines(call, device_import)
    yield _line("result", device_import.result)


def _line(name: str, value: object) -> bytes:
    return msgspec.json.encode({name: value}) + b"\n"


BODIES = {
    JSON: {
        "schema": {
            "type": "array",
            "items": {},
            "description": "Each element a ControlDeviceLine; any other is reported, and the others are stored",
        },
        "examples": {"one": {"value": [{"deviceId": "990003425730535", "make": "Verizon", "model": "Model-A"}]}},
    },
    NDJSON: {
        "schema": {"description": "A ControlDeviceLine a line; any other is reported, and the others are stored"},
        "examples": {"one": {"value": '{"deviceId": "990003425730535", "licensed": true}\n'}},
    },
    CSV: {
        "schema": {
            "type": "string",
            "pattern": "^(deviceId(,make)?(,model)?(,firmware)?(,protocol)?|[0-9]{15})(\\n[\\s\\S]*)?$",
            "description": "A header line that names the members, in any order and by their usual names, then a device"
            " a line; a list of IMEIs needs none. Delimiters, encodings and names: docs/how-to/device-files.md",
        },
        "examples": {"one": {"value": "deviceId,make,model\n990003425730535,Verizon,Model-A\n"}},
    },
}
_PATH = "/accounts/{name}/devices"
OPERATIONS = (
    Operation("GET", _PATH, list_devices, parameters=(AFTER_DEVICE, LIMIT)),
    Operation("GET", _PATH + "/{deviceId}", read_device),
    Operation("PUT", _PATH + "/{deviceId}/upgrade", set_upgrade),
    Operation(
        "POST",
        _PATH,
        import_devices,
        parameters=(FAILED_LINES,),
        reads=list[DeviceLine],
        answers=ImportResult,
        consumes=BODIES,
        produces={NDJSON: "Progress line by line, the result last"},
        other_statuses={415: "The body's media type is not one of these"},
    ),
)
