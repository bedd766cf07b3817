"""What devices can ask, in one table."""

from __future__ import annotations

import base64
import logging

from starlette.responses import Response, StreamingResponse

from fotapool.core.timestamps import timestamp_of
from fotapool.device import schemas
from fotapool.device.problems import problem
from fotapool.device.ranges import Unsatisfiable, asked_range, entity_tag
from fotapool.device.requests import DeviceCall, DeviceOperation, answer
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns.upgrade_progress import report_progress
from fotapool.services.devices import check_ins
from fotapool.services.identity.device_keys import KeyUnknown
from fotapool.services.packages.downloads import content_for_device
from fotapool.store.devices.logs import Log

log = logging.getLogger(__name__)

BASE = "/device/v1"
MAX_LOGS_BYTES = 256 * 1024
MAX_UPGRADE_DIGITS = 18


def _upgrade_id(call: DeviceCall) -> int:
    text: str = call.request.path_params["upgradeId"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_UPGRADE_DIGITS):
        raise NotFound(f"device {format_device_id(call.imei)} has no upgrade {text[:40]}")
    return int(text)


async def check_in(call: DeviceCall) -> Response:
    given = await call.body(schemas.CheckIn)
    said = call.key_hash, call.imei, given.firmware, given.clientType
    try:
        found = await check_ins.check_in(call.context, call.caller, *said)
    except KeyUnknown:
        found = await check_ins.check_in(call.context, await call.look_up(), *said)
    return answer(schemas.checked_in(BASE, call.imei, found))


async def report_status(call: DeviceCall) -> Response:
    upgrade_id = _upgrade_id(call)
    given = await call.body(schemas.Report)
    upgrade = await report_progress(
        call.context,
        caller=call.caller,
        device=call.imei,
        upgrade_id=upgrade_id,
        step=given.status,
        failure=given.failure,
    )
    if given.message:
        log.info("%s on upgrade %d, %s: %r", call.caller.actor, upgrade_id, given.status.value, given.message)
    return answer(schemas.upgrade_view(BASE, call.imei, upgrade))


async def download(call: DeviceCall) -> Response:
    content = await content_for_device(call.context, call.caller, call.imei, _upgrade_id(call))
    digest = base64.b64encode(bytes.fromhex(content.sha256)).decode()
    tag = entity_tag(content.sha256)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": "no-transform",
    }
    asked = call.request.headers
    try:
        part = asked_range(asked.get("range"), asked.get("if-range"), tag, content.size)
    except Unsatisfiable:
        return problem(416, f"the content has {content.size} bytes", {"Content-Range": f"bytes */{content.size}"})
    first, end = part or (0, content.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{content.size}"
    headers["Content-Length"] = str(end - first)
    status, media_type = (200 if part is None else 206), "application/octet-stream"
    if call.request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    chunks = await call.context.contents.read(content.key, first, end)
    return StreamingResponse(chunks, status, headers, media_type)


def _log(call: DeviceCall, entry: schemas.LogEntry) -> Log:
    if "\x00" in entry.event or "\x00" in entry.binaryName:
        raise Invalid("event and binaryName must not hold a NUL character")
    at_ms = call.context.clock.now_ms() if entry.time is None else timestamp_of(entry.time)
    return Log(
        account_id=call.caller.account_id,
        imei=call.imei,
        at_ms=at_ms,
        type=entry.type,
        event=entry.event,
        binary_name=entry.binaryName,
        binary_content=entry.binaryBase64,
    )


async def send_logs(call: DeviceCall) -> Response:
    given = await call.body(schemas.Logs, MAX_LOGS_BYTES)
    logs = [_log(call, entry) for entry in given.entries]
    await check_ins.add_logs(call.context, call.caller, call.imei, logs)
    return answer(schemas.LogsKept(len(logs)))


_UPGRADE = "/{deviceId}/upgrades/{upgradeId}"
OPERATIONS = (
    DeviceOperation(
        name="check_in",
        method="POST",
        path="/{deviceId}/check-in",
        handle=check_in,
        summary="Say that the device is there; learn what it is to do",
        response=schemas.CheckedIn,
        request=schemas.CheckIn,
        checks_key=True,
    ),
    DeviceOperation(
        name="download",
        method="GET",
        path=_UPGRADE + "/content",
        handle=download,
        summary="Download what is to be installed",
        response=None,
    ),
    DeviceOperation(
        name="report_status",
        method="POST",
        path=_UPGRADE + "/status",
        handle=report_status,
        summary="Report how far the device is with its upgrade",
        response=schemas.UpgradeView,
        request=schemas.Report,
    ),
    DeviceOperation(
        name="send_logs",
        method="POST",
        path="/{deviceId}/logs",
        handle=send_logs,
        summary="Send log entries, while logging is on for the device",
        response=schemas.LogsKept,
        request=schemas.Logs,
    ),
)
