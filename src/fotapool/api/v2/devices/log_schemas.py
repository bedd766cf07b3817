"""Version 2's words and shapes of logging (SDK models DeviceLoggingStatus, DeviceLog, CheckInHistoryItem)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.domain.devices.devices import MAX_LOGGING_DEVICES
from fotapool.domain.names import format_device_id
from fotapool.services.devices.logs import LoggingUntil
from fotapool.store.devices.logs import CheckIn, Log


class LoggingBody(msgspec.Struct):
    """The body that turns logging on. Entries that are no strings are told as malformed device ids."""

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


class SuccessResult(msgspec.Struct):
    success: bool


def as_documented(timestamp_ms: int) -> str:
    """The style of the published examples of these operations, `10/22/2020 19:29:50`, in UTC."""
    return datetime.fromtimestamp(timestamp_ms // 1000, tz=UTC).strftime("%m/%d/%Y %H:%M:%S")


def log_time(write_time: WriteTime) -> WriteTime:
    """How logs write times for a client that gets date-times by `write_time`."""
    return rfc3339 if write_time is rfc3339 else as_documented


def logging_status(until: LoggingUntil) -> LoggingStatus:
    imei, expires_ms = until
    return LoggingStatus(format_device_id(imei), rfc3339(expires_ms)[:10])


def device_logs(logs: Sequence[Log], write_time: WriteTime) -> list[DeviceLog]:
    write = log_time(write_time)
    return [
        DeviceLog(
            deviceId=format_device_id(log.imei),
            logTime=write(log.at_ms),
            logType=log.type,
            eventLog=log.event,
            binaryLogFileBase64=base64.b64encode(log.binary_content).decode(),
            binaryLogFilename=log.binary_name,
        )
        for log in logs
    ]


def check_ins(found: Sequence[CheckIn], write_time: WriteTime) -> list[CheckInView]:
    write = log_time(write_time)
    return [
        CheckInView(
            deviceId=format_device_id(one.imei),
            clientType=one.client_type,
            result=one.result,
            failureType=one.failure,
            timeCompleted=write(one.at_ms),
        )
        for one in found
    ]
