"""Version 2: logging on and off, logs and check-ins (SDK models DeviceLoggingStatus, DeviceLog, CheckInHistoryItem)."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import msgspec

from fotapool.api.common.bodies import check_devices, read_document
from fotapool.api.common.operations import MAX_QUERY_FIELDS, Call, Evidence, OperationTable
from fotapool.api.common.schemas import SuccessResult
from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.devices.devices import MAX_LOGGING_DEVICES
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import MAX_OFFENDERS, format_device_id
from fotapool.services.devices import logs

_DEVICE_IDS = re.compile(r"deviceIds(\[[0-9]*\])?")
"""The query's names for the list: plain, or as the members of an array."""


class LoggingBody(msgspec.Struct):
    """The body that turns logging on. Entries that are no strings are malformed device ids."""

    json_schema: ClassVar[dict[str, Any]] = {
        "required": ["deviceIds"],
        "properties": {
            "deviceIds": {
                "type": "array",
                "items": {"type": "string", "pattern": "^[0-9]{15}$"},
                "minItems": 1,
                "maxItems": MAX_LOGGING_DEVICES,
            }
        },
    }

    deviceIds: list[Any] | None = None


class LoggingStatus(msgspec.Struct):
    """`expiryDate` is the date (UTC) on which logging goes off by itself."""

    deviceId: str
    expiryDate: str


class DeviceLog(msgspec.Struct):
    deviceId: str
    logTime: str
    logType: str
    eventLog: str
    binaryLogFileBase64: str
    binaryLogFilename: str


class CheckInView(msgspec.Struct):
    deviceId: str
    clientType: str
    result: str
    failureType: str
    timeCompleted: str


_decoder = msgspec.json.Decoder(LoggingBody)


def _devices_in_body(call: Call) -> list[int]:
    """Raises RequestRejected: BODY_INVALID, or as `check_devices`."""
    given = read_document(_decoder, call.body).deviceIds or []
    others = [entry for entry in given if not isinstance(entry, str)]
    if others:
        offenders = [msgspec.json.encode(entry).decode() for entry in others[:MAX_OFFENDERS]]
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=offenders)
    return check_devices(given, call.max_devices)


def _devices_in_query(call: Call) -> list[int]:
    """The devices of `deviceIds`: repeated, joined by commas, or both. Raises as `check_devices`."""
    try:
        fields = parse_qsl(call.query_string.decode("latin-1"), max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG) from error
    values = [value for name, value in fields if _DEVICE_IDS.fullmatch(name)]
    texts = [text.strip() for value in values for text in value.strip("[]").split(",")]
    return check_devices([text for text in texts if text], call.max_devices)


def _as_documented(timestamp_ms: int) -> str:
    """A time as in the published examples of these operations, `10/22/2020 19:29:50`, in UTC."""
    return datetime.fromtimestamp(timestamp_ms // 1000, tz=UTC).strftime("%m/%d/%Y %H:%M:%S")


def _write_time(call: Call) -> WriteTime:
    return rfc3339 if call.write_time(typed_as_datetime=True) is rfc3339 else _as_documented


def _status(until: logs.LoggingUntil) -> LoggingStatus:
    imei, expires_ms = until
    return LoggingStatus(format_device_id(imei), rfc3339(expires_ms)[:10])


_ALL_OR_NONE = "If the account does not have one of the devices, nothing is done (our choice)."
_NEWEST = f"The newest {logs.MAX_LOGS_LISTED:,} of the last 30 days. The vendor's SDKs get their times in RFC 3339."
operations = OperationTable()


@operations.get(
    "V2-26",
    "/logging/{account}/devices",
    evidence=Evidence.SDK,
    sdk="client_logging.list_devices_with_logging_enabled",
)
async def list_logging(call: Call) -> list[LoggingStatus]:
    """List devices for which logging is on."""
    return [_status(until) for until in await logs.list_logging(call.context, call.caller)]


@operations.put(
    "V2-27",
    "/logging/{account}/devices",
    evidence=Evidence.SDK,
    request=LoggingBody,
    sdk="client_logging.enable_logging_for_devices",
    notes=f"For at most {MAX_LOGGING_DEVICES} devices of an account at a time. {_ALL_OR_NONE}",
)
async def enable_logging(call: Call) -> list[LoggingStatus]:
    """Turn logging on for devices, for seven days."""
    change = logs.enable_logging(call.context, call.caller, _devices_in_body(call))
    return await call.answer(change, lambda enabled: [_status(until) for until in enabled])


@operations.delete(
    "V2-28",
    "/logging/{account}/devices",
    evidence=Evidence.SDK,
    query=["deviceIds"],
    sdk="client_logging.disable_logging_for_devices",
    notes=f"`deviceIds` may be repeated, joined by commas, or indexed as an array. {_ALL_OR_NONE}",
)
async def disable_logging(call: Call) -> SuccessResult:
    """Turn logging off for devices."""
    change = logs.disable_logging(call.context, call.caller, _devices_in_query(call))
    return await call.answer(change, lambda _: SuccessResult(True))


@operations.put(
    "V2-29",
    "/logging/{account}/devices/{deviceId}",
    evidence=Evidence.SDK,
    sdk="client_logging.enable_device_logging",
)
async def enable_device_logging(call: Call) -> LoggingStatus:
    """Turn logging on for a device, for seven days."""
    change = logs.enable_logging(call.context, call.caller, [call.device])
    return await call.answer(change, lambda enabled: _status(enabled[0]))


@operations.delete(
    "V2-30",
    "/logging/{account}/devices/{deviceId}",
    evidence=Evidence.SDK,
    sdk="client_logging.disable_device_logging",
)
async def disable_device_logging(call: Call) -> SuccessResult:
    """Turn logging off for a device."""
    change = logs.disable_logging(call.context, call.caller, [call.device])
    return await call.answer(change, lambda _: SuccessResult(True))


@operations.get(
    "V2-31",
    "/logging/{account}/devices/{deviceId}/logs",
    evidence=Evidence.SDK,
    sdk="client_logging.list_device_logs",
    notes=_NEWEST,
)
async def list_logs(call: Call) -> list[DeviceLog]:
    """List what a device has logged."""
    write_time = _write_time(call)
    return [
        DeviceLog(
            deviceId=format_device_id(log.imei),
            logTime=write_time(log.at_ms),
            logType=log.type,
            eventLog=log.event,
            binaryLogFileBase64=base64.b64encode(log.binary_content).decode(),
            binaryLogFilename=log.binary_name,
        )
        for log in await logs.list_logs(call.context, call.caller, call.device)
    ]


@operations.get(
    "V2-32",
    "/logging/{account}/devices/{deviceId}/checkInHistory",
    evidence=Evidence.SDK,
    sdk="server_logging.get_device_check_in_history",
    notes=f"Works without logging. {_NEWEST}",
)
async def list_check_ins(call: Call) -> list[CheckInView]:
    """List a device's check-ins."""
    write_time = _write_time(call)
    return [
        CheckInView(
            deviceId=format_device_id(one.imei),
            clientType=one.client_type,
            result=one.result,
            failureType=one.failure,
            timeCompleted=write_time(one.at_ms),
        )
        for one in await logs.list_check_ins(call.context, call.caller, call.device)
    ]
