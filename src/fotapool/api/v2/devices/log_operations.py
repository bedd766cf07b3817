"""Version 2's operations on logging: on and off, what devices logged, and when they checked in."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import msgspec

from fotapool.api.common.operations import MAX_QUERY_FIELDS, Call, Evidence, Operation
from fotapool.api.v2.devices import log_schemas as words
from fotapool.domain.devices.devices import MAX_LOGGING_DEVICES
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import MAX_OFFENDERS, parse_device_ids
from fotapool.services.devices import logs

_decoder = msgspec.json.Decoder(words.LoggingBody)
_DEVICE_IDS = re.compile(r"deviceIds(\[[0-9]*\])?")
"""The query's names for the list: plain, or as the members of an array."""


def _checked(texts: list[str], limit: int) -> list[int]:
    """Raises RequestRejected: DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID."""
    if not texts:
        raise RequestRejected(ErrorCode.DEVICE_LIST_EMPTY)
    if len(texts) > limit:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG)
    return parse_device_ids(texts)


def _in_body(call: Call) -> list[int]:
    """Raises as `_checked`, and RequestRejected(BODY_INVALID)."""
    try:
        given = _decoder.decode(call.body).deviceIds or []
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error
    others = [entry for entry in given if not isinstance(entry, str)]
    if others:
        offenders = [msgspec.json.encode(entry).decode() for entry in others[:MAX_OFFENDERS]]
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=offenders)
    return _checked(given, call.context.settings.max_devices_per_request)


def _in_query(call: Call) -> list[int]:
    """The devices of `deviceIds`: repeated, joined by commas, or both. Raises as `_checked`."""
    try:
        fields = parse_qsl(call.query_string.decode("latin-1"), max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG) from error
    values = [value for name, value in fields if _DEVICE_IDS.fullmatch(name)]
    texts = [text.strip() for value in values for text in value.strip("[]").split(",")]
    return _checked([text for text in texts if text], call.context.settings.max_devices_per_request)


def _in_path(call: Call) -> int:
    """Raises RequestRejected(DEVICE_ID_INVALID)."""
    return parse_device_ids([call.path["deviceId"]])[0]


async def list_logging(call: Call) -> list[words.LoggingStatus]:
    return [words.logging_status(until) for until in await logs.list_logging(call.context, call.caller)]


async def enable_logging(call: Call) -> list[words.LoggingStatus]:
    enabled = await logs.enable_logging(call.context, call.caller, _in_body(call))
    return [words.logging_status(until) for until in enabled]


async def disable_logging(call: Call) -> words.SuccessResult:
    await logs.disable_logging(call.context, call.caller, _in_query(call))
    return words.SuccessResult(True)


async def enable_device_logging(call: Call) -> words.LoggingStatus:
    enabled = await logs.enable_logging(call.context, call.caller, [_in_path(call)])
    return words.logging_status(enabled[0])


async def disable_device_logging(call: Call) -> words.SuccessResult:
    await logs.disable_logging(call.context, call.caller, [_in_path(call)])
    return words.SuccessResult(True)


async def list_logs(call: Call) -> list[words.DeviceLog]:
    found = await logs.list_logs(call.context, call.caller, _in_path(call))
    return words.device_logs(found, call.write_time(typed_as_datetime=True))


async def list_check_ins(call: Call) -> list[words.CheckInView]:
    found = await logs.list_check_ins(call.context, call.caller, _in_path(call))
    return words.check_ins(found, call.write_time(typed_as_datetime=True))


_ALL_OR_NONE = "A device that the account does not have refuses the request as a whole (our choice)."
_NEWEST = f"The newest {logs.MAX_LOGS_LISTED:,} of the last 30 days. The vendor's SDKs get their times in RFC 3339."
OPERATIONS = (
    Operation(
        id="V2-26",
        name="list_logging",
        method="GET",
        paths=["/logging/{account}/devices"],
        handle=list_logging,
        summary="List devices for which logging is on",
        response=list[words.LoggingStatus],
        evidence=Evidence.SDK,
        sdk="client_logging.list_devices_with_logging_enabled",
    ),
    Operation(
        id="V2-27",
        name="enable_logging",
        method="PUT",
        paths=["/logging/{account}/devices"],
        handle=enable_logging,
        summary="Turn logging on for devices, for seven days",
        response=list[words.LoggingStatus],
        evidence=Evidence.SDK,
        request=words.LoggingBody,
        sdk="client_logging.enable_logging_for_devices",
        notes=f"For at most {MAX_LOGGING_DEVICES} devices of an account at a time. {_ALL_OR_NONE}",
    ),
    Operation(
        id="V2-28",
        name="disable_logging",
        method="DELETE",
        paths=["/logging/{account}/devices"],
        handle=disable_logging,
        summary="Turn logging off for devices",
        response=words.SuccessResult,
        evidence=Evidence.SDK,
        query=["deviceIds"],
        sdk="client_logging.disable_logging_for_devices",
        notes=f"`deviceIds` may be repeated, joined by commas, or indexed as an array. {_ALL_OR_NONE}",
    ),
    Operation(
        id="V2-29",
        name="enable_device_logging",
        method="PUT",
        paths=["/logging/{account}/devices/{deviceId}"],
        handle=enable_device_logging,
        summary="Turn logging on for a device, for seven days",
        response=words.LoggingStatus,
        evidence=Evidence.SDK,
        sdk="client_logging.enable_device_logging",
    ),
    Operation(
        id="V2-30",
        name="disable_device_logging",
        method="DELETE",
        paths=["/logging/{account}/devices/{deviceId}"],
        handle=disable_device_logging,
        summary="Turn logging off for a device",
        response=words.SuccessResult,
        evidence=Evidence.SDK,
        sdk="client_logging.disable_device_logging",
    ),
    Operation(
        id="V2-31",
        name="list_logs",
        method="GET",
        paths=["/logging/{account}/devices/{deviceId}/logs"],
        handle=list_logs,
        summary="List what a device has logged",
        response=list[words.DeviceLog],
        evidence=Evidence.SDK,
        sdk="client_logging.list_device_logs",
        notes=_NEWEST,
    ),
    Operation(
        id="V2-32",
        name="list_check_ins",
        method="GET",
        paths=["/logging/{account}/devices/{deviceId}/checkInHistory"],
        handle=list_check_ins,
        summary="List a device's check-ins",
        response=list[words.CheckInView],
        evidence=Evidence.SDK,
        sdk="server_logging.get_device_check_in_history",
        notes=f"Works without logging. {_NEWEST}",
    ),
)
