"""Reads what requests about campaigns hold: bodies, device lists, time windows, ids and actions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from fotapool.domain.campaigns.campaigns import Hours, check_hours
from fotapool.domain.devices.devices import parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import MAX_OFFENDERS, is_device_id

APPEND, REMOVE = "append", "remove"
MAX_SHOWN = 40
"""How many characters of a malformed value an error may repeat."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_HOUR = re.compile(r"[0-9]{1,2}", re.ASCII)

DeviceIds = Annotated[list[Any], msgspec.Meta(extra_json_schema={"items": {"type": "string"}})]
"""A list whose entries `read_devices` checks: one that is no string is told from a body of another shape."""

Document = TypeVar("Document")


class TimeWindowBody(msgspec.Struct):
    """Hours of the day; newer SDK models send them as text (DownloadTimeWindow)."""

    startTime: int | str | None = None
    endTime: int | str | None = None


class DevicesAction(msgspec.Struct):
    """What a page puts around type and devices (facts, D16); its table has `Type`, its example `type`."""

    type: str | None = None
    typed: str | None = msgspec.field(name="Type", default=None)
    deviceList: DeviceIds | None = None


class CampaignDevicesBody(DevicesAction):
    """The body that adds or removes devices: flat as the SDKs send it, or wrapped as the pages print it."""

    addOrRemoveDevice: DevicesAction | list[DevicesAction] | None = None


_devices = msgspec.json.Decoder(CampaignDevicesBody)


def read_document(decoder: msgspec.json.Decoder[Document], body: bytes) -> Document:
    """Raises RequestRejected(BODY_INVALID)."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error


def read_devices(given: Sequence[Any] | None, limit: int) -> list[int]:
    """The device ids as numbers.

    Raises RequestRejected: DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID.
    """
    if not given:
        raise RequestRejected(ErrorCode.DEVICE_LIST_EMPTY)
    if len(given) > limit:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG)
    offenders = [entry for entry in given if not (isinstance(entry, str) and is_device_id(entry))]
    if offenders:
        shown = [entry if isinstance(entry, str) else msgspec.json.encode(entry).decode() for entry in offenders]
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=shown[:MAX_OFFENDERS])
    return [int(entry) for entry in given]


def read_devices_change(body: bytes, limit: int) -> tuple[bool, list[int]]:
    """Whether to add the devices (or remove them), and which.

    Raises RequestRejected: BODY_INVALID (also for more than one action in a request), TYPE_INVALID, or as
    `read_devices`.
    """
    document = read_document(_devices, body)
    action: DevicesAction = document
    if document.addOrRemoveDevice is not None:
        wrapped = document.addOrRemoveDevice
        actions = wrapped if isinstance(wrapped, list) else [wrapped]
        if len(actions) != 1:
            raise RequestRejected(ErrorCode.BODY_INVALID)
        action = actions[0]
    word = (action.type if action.type is not None else action.typed or "").lower()
    if word not in (APPEND, REMOVE):
        raise RequestRejected(ErrorCode.TYPE_INVALID)
    return word == APPEND, read_devices(action.deviceList, limit)


def read_hours(windows: Sequence[TimeWindowBody]) -> Hours:
    """Raises RequestRejected(WINDOW_INVALID)."""
    return check_hours((_hour(window.startTime), _hour(window.endTime)) for window in windows)


def _hour(given: int | str | None) -> int:
    if isinstance(given, str) and _HOUR.fullmatch(given):
        return int(given)
    if not isinstance(given, int):
        raise RequestRejected(ErrorCode.WINDOW_INVALID)
    return given


def read_protocol(word: str | None) -> str | None:
    """The protocol that is to be the package's, None if none is named. Raises RequestRejected(PROTOCOL_INVALID)."""
    if word is None:
        return None
    protocol = parse_protocol(word)
    if protocol is None:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID, word[:MAX_SHOWN])
    return protocol


def read_name(text: str | None) -> str:
    """A name that is looked up; empty, which nothing is named, without one or with what no database can hold."""
    return "" if text is None or "\x00" in text else text


def read_campaign_id(text: str) -> str:
    """A campaign's UUID in lower case. Raises RequestRejected(CAMPAIGN_ID_INVALID)."""
    found = text.lower()
    if _UUID.fullmatch(found) is None:
        raise RequestRejected(ErrorCode.CAMPAIGN_ID_INVALID, text[:MAX_SHOWN])
    return found


def read_campaign_cursor(text: str | None) -> str | None:
    """The UUID of the last campaign seen, None without one or for `0`. Raises RequestRejected(CAMPAIGN_ID_INVALID)."""
    return None if text in (None, "", "0") else read_campaign_id(text)
