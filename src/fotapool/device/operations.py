"""The operations of the device API."""

from __future__ import annotations

import base64

from starlette.responses import Response, StreamingResponse

from fotapool.core.timestamps import timestamp_of
from fotapool.device import schemas
from fotapool.device.calls import DeviceCall, DeviceOperation
from fotapool.device.ranges import Unsatisfiable, entity_tag, parse_range
from fotapool.domain.errors import Invalid
from fotapool.domain.records import from_attributes
from fotapool.services.campaigns.upgrade_progress import report_progress
from fotapool.services.devices import check_ins
from fotapool.services.identity.device_keys import KeyUnknown
from fotapool.services.packages.downloads import content_for_device
from fotapool.store.devices.logs import Log
from fotapool.web.parameters import TEXT, Parameter, id_in_path
from fotapool.web.problems import HttpError

BASE = "/device/v1"
MAX_LOGS_BYTES = 256 * 1024
BYTES = "application/octet-stream"
UPGRADE_ID = id_in_path("upgradeId", "upgrade")
RANGE = Parameter("Range", str, TEXT, description="One range of bytes, as bytes=0-1023", location="header")


async def check_in(call: DeviceCall, given: schemas.CheckIn) -> schemas.CheckedIn:
    """Record that the device is in contact; answer what it is to do."""
    reported = call.key_hash, call.imei, given.firmware, given.clientType
    try:
        found = await check_ins.check_in(call.context, call.caller, *reported)
    except KeyUnknown:
        found = await check_ins.check_in(call.context, await call.look_up(), *reported)
    return schemas.checked_in(call.context.settings.root_path + BASE, call.imei, found)


async def report_status(call: DeviceCall, given: schemas.Report) -> schemas.UpgradeView:
    """Report how far the device is with its upgrade."""
    upgrade_id = call.get(UPGRADE_ID)
    upgrade = await report_progress(
        call.context,
        caller=call.caller,
        device=call.imei,
        upgrade_id=upgrade_id,
        step=given.status,
        failure=given.failure,
        message=(given.message or "").replace("\x00", ""),
    )
    return schemas.upgrade_view(call.context.settings.root_path + BASE, call.imei, upgrade)


async def download(call: DeviceCall) -> Response:
    """Download what is to be installed."""
    content = await content_for_device(call.context, call.caller, call.imei, call.get(UPGRADE_ID))
    digest = base64.b64encode(bytes.fromhex(content.sha256)).decode()
    tag = entity_tag(content.sha256)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": "no-transform",
    }
    try:
        part = parse_range(call.find(RANGE), call.request.headers.get("if-range"), tag, content.size)
    except Unsatisfiable:
        size = content.size
        raise HttpError(416, f"the content has {size} bytes", {"Content-Range": f"bytes */{size}"}) from None
    first, end = part or (0, content.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{content.size}"
    headers["Content-Length"] = str(end - first)
    status = 200 if part is None else 206
    if call.request.method == "HEAD":
        await call.context.contents.check(content.key, content.size)
        return Response(status_code=status, headers=headers, media_type=BYTES)
    chunks = await call.context.contents.read(content.key, content.size, first, end)
    return StreamingResponse(chunks, status, headers, BYTES)


def _log(call: DeviceCall, entry: schemas.LogEntry) -> Log:
    if "\x00" in entry.event or "\x00" in entry.binaryName:
        raise Invalid("event and binaryName must not hold a NUL character")
    at_ms = call.context.clock.now_ms() if entry.time is None else timestamp_of(entry.time)
    return from_attributes(
        Log,
        entry,
        account_id=call.caller.account_id,
        imei=call.imei,
        at_ms=at_ms,
        binary_name=entry.binaryName,
        binary_content=entry.binaryBase64,
    )


async def send_logs(call: DeviceCall, given: schemas.Logs) -> schemas.LogsStored:
    """Send log entries, while logging is on for the device."""
    logs = [_log(call, entry) for entry in given.entries]
    await check_ins.add_logs(call.context, call.caller, call.imei, logs)
    return schemas.LogsStored(len(logs))


_UPGRADE = "/{deviceId}/upgrades/{upgradeId}"
OPERATIONS = (
    DeviceOperation("POST", "/{deviceId}/check-in", check_in, checks_key=True),
    DeviceOperation(
        "GET",
        _UPGRADE + "/content",
        download,
        parameters=(UPGRADE_ID, RANGE),
        status=200,
        produces={BYTES: ""},
        other_statuses={206: "The requested range", 416: "The range lies beyond the end"},
    ),
    DeviceOperation("POST", _UPGRADE + "/status", report_status, parameters=[UPGRADE_ID]),
    DeviceOperation("POST", "/{deviceId}/logs", send_logs, max_body_bytes=MAX_LOGS_BYTES),
)
