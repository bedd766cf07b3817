"""Reads request bodies, and what paths and queries of several versions have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

import msgspec

from fotapool.domain.callbacks import MAX_CREDENTIAL, MAX_URL
from fotapool.domain.campaigns.campaigns import CampaignStatus, Hours, check_hours
from fotapool.domain.devices.devices import PROTOCOLS, parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.candidates import is_append
from fotapool.domain.names import MAX_OFFENDERS, is_device_id, parse_device_ids

APPEND, REMOVE = "append", "remove"
MAX_SHOWN = 40
"""How many characters of a malformed value an error may repeat."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_HOUR = re.compile(r"[0-9]{1,2}", re.ASCII)
_URL = {"pattern": "^https?://[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*(:[1-9][0-9]{0,3})?(/[!-~]*)?$", "maxLength": MAX_URL}

Url = Annotated[str, msgspec.Meta(extra_json_schema=_URL, examples=["https://receiver.example/fota"])]
Credential = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[^\\u0000]*$", "maxLength": MAX_CREDENTIAL})]
DeviceIds = Annotated[list[Any], msgspec.Meta(extra_json_schema={"items": {"type": "string"}})]
"""Device ids as sent: entries of other types are DEVICE_ID_INVALID, not BODY_INVALID."""
Document = TypeVar("Document")


class DeviceListBody(msgspec.Struct):
    """The body of assign and remove."""

    deviceList: list[str] | None = None


class CandidatesBody(msgspec.Struct):
    """The body that creates a candidate list; `count` is informational (v2 page, "Request Body")."""

    deviceList: list[str] | None = None
    type: str | None = None
    count: int | None = None


class TimeWindowBody(msgspec.Struct):
    """Hours of the day; newer SDK models send them as text (DownloadTimeWindow)."""

    startTime: int | str | None = None
    endTime: int | str | None = None


class DatesBody(msgspec.Struct):
    """A campaign's dates, as YYYY-MM-DD."""

    startDate: str | None = None
    endDate: str | None = None


class CampaignBody(Protocol):
    """What the bodies that schedule a campaign have in common since version 2."""

    startDate: str | None
    endDate: str | None
    campaignName: str | None
    deviceList: list[Any] | None


class DevicesAction(msgspec.Struct):
    """An action and its devices. The page's table has `Type`, its example `type`; the v1 page prints `devicelist`."""

    type: str | None = None
    typed: str | None = msgspec.field(name="Type", default=None)
    deviceList: DeviceIds | None = None
    devicelist: DeviceIds | None = None


class CampaignDevicesBody(DevicesAction):
    """The body that adds or removes devices: flat as the SDKs send it, or wrapped as the pages print it."""

    addOrRemoveDevice: DevicesAction | list[DevicesAction] | None = None


class CallbackUrlBody(msgspec.Struct):
    """The body that registers a URL; the v2 page on changing one calls the member `callback`."""

    json_schema: ClassVar[dict[str, Any]] = {"oneOf": [{"required": ["url"]}, {"required": ["callback"]}]}

    url: Url | msgspec.UnsetType = msgspec.UNSET
    callback: Url | msgspec.UnsetType = msgspec.UNSET


class _AnyDeviceList(msgspec.Struct):
    """A device list whose entries may be no strings, which is DEVICE_ID_INVALID and not BODY_INVALID."""

    deviceList: list[Any]


class _AnyCandidates(_AnyDeviceList):
    type: str | None = None
    count: int | None = None


_device_list = msgspec.json.Decoder(DeviceListBody)
_any_device_list = msgspec.json.Decoder(_AnyDeviceList)
_candidates = msgspec.json.Decoder(CandidatesBody)
_any_candidates = msgspec.json.Decoder(_AnyCandidates)
_campaign_devices = msgspec.json.Decoder(CampaignDevicesBody)
_callback_url = msgspec.json.Decoder(CallbackUrlBody)


def read_document(decoder: msgspec.json.Decoder[Document], body: bytes) -> Document:
    """Raises RequestRejected(BODY_INVALID)."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error


def read_device_list(body: bytes, limit: int) -> tuple[list[str], list[int]]:
    """The device ids as they were sent and as numbers.

    Raises RequestRejected: BODY_INVALID, DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID.
    """
    try:
        given = _device_list.decode(body).deviceList
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        given = read_document(_any_device_list, body).deviceList
    return given or [], check_devices(given, limit)


def read_candidates(body: bytes, limit: int) -> tuple[list[int], bool]:
    """The device ids and whether to append them. Raises as `read_device_list`, and TYPE_INVALID."""
    document: Any
    try:
        document = _candidates.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        document = read_document(_any_candidates, body)
    append = is_append(document.type)
    return check_devices(document.deviceList, limit), append


def check_devices(given: Sequence[Any] | None, limit: int) -> list[int]:
    """The device ids as numbers.

    Raises RequestRejected: DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID.
    """
    if not given:
        raise RequestRejected(ErrorCode.DEVICE_LIST_EMPTY)
    if len(given) > limit:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG)
    try:
        return parse_device_ids(given)
    except (TypeError, AttributeError) as error:  # an entry is not a string
        wrong = [entry for entry in given if not (isinstance(entry, str) and is_device_id(entry))][:MAX_OFFENDERS]
        texts = [entry if isinstance(entry, str) else msgspec.json.encode(entry).decode() for entry in wrong]
        raise RequestRejected(ErrorCode.DEVICE_ID_INVALID, offenders=texts) from error


def read_devices_change(body: bytes, limit: int) -> tuple[bool, list[int]]:
    """Whether to add the devices (or remove them), and which.

    Raises RequestRejected: BODY_INVALID (also for more than one action in a request), TYPE_INVALID, or as
    `check_devices`.
    """
    document = read_document(_campaign_devices, body)
    wrapped = document if document.addOrRemoveDevice is None else document.addOrRemoveDevice
    actions = wrapped if isinstance(wrapped, list) else [wrapped]
    if len(actions) != 1:
        raise RequestRejected(ErrorCode.BODY_INVALID, "send one action in a request, to append or to remove devices")
    action = actions[0]
    verb = (action.type if action.type is not None else action.typed or "").lower()
    if verb not in (APPEND, REMOVE):
        raise RequestRejected(ErrorCode.TYPE_INVALID)
    return verb == APPEND, check_devices([*(action.deviceList or ()), *(action.devicelist or ())], limit)


def read_campaign(given: CampaignBody, protocol: str | None, limit: int) -> dict[str, Any]:
    """Members of a NewCampaign. Raises RequestRejected(PROTOCOL_INVALID), or as `check_devices`."""
    return {
        "devices": check_devices(given.deviceList, limit),
        "protocol": read_protocol(protocol),
        "start_date": given.startDate or "",
        "end_date": given.endDate or "",
        "name": given.campaignName or "",
    }


def read_hours(windows: Sequence[TimeWindowBody]) -> Hours:
    """Raises RequestRejected(WINDOW_INVALID)."""
    return check_hours((_hour(window.startTime), _hour(window.endTime)) for window in windows)


def _hour(given: int | str | None) -> int:
    if isinstance(given, str) and _HOUR.fullmatch(given):
        return int(given)
    if not isinstance(given, int):
        raise RequestRejected(ErrorCode.WINDOW_INVALID)
    return given


def read_callback_url(body: bytes) -> str:
    """Raises RequestRejected: BODY_INVALID, or URL_INVALID unless exactly one member has a URL."""
    document = read_document(_callback_url, body)
    urls = [url for url in (document.url, document.callback) if url is not msgspec.UNSET]
    if len(urls) != 1:
        raise RequestRejected(ErrorCode.URL_INVALID)
    return urls[0]


def read_protocol(text: str | None, allowed: Sequence[str] = PROTOCOLS) -> str | None:
    """The protocol with this name, in any case, or None for None. Raises RequestRejected(PROTOCOL_INVALID)."""
    protocol = None if text is None else parse_protocol(text)
    if text is not None and protocol not in allowed:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID, text[:MAX_SHOWN])
    return protocol


def read_name(text: str | None) -> str:
    """A name to look up; empty without one and for a name with NUL, which no database can store."""
    return "" if text is None or "\x00" in text else text


def read_campaign_id(text: str) -> str:
    """A campaign's UUID in lower case. Raises RequestRejected(CAMPAIGN_ID_INVALID)."""
    uuid = text.lower()
    if _UUID.fullmatch(uuid) is None:
        raise RequestRejected(ErrorCode.CAMPAIGN_ID_INVALID, text[:MAX_SHOWN])
    return uuid


def read_campaign_cursor(text: str | None) -> str | None:
    """The UUID of the last campaign seen, None without one or for `0`. Raises RequestRejected(CAMPAIGN_ID_INVALID)."""
    return None if text in (None, "", "0") else read_campaign_id(text)


Statuses = dict[str, frozenset[CampaignStatus]]


def statuses_by_label(labels: Mapping[CampaignStatus, str]) -> Statuses:
    """The statuses that each label of a version stands for, by the label in lower case."""
    found: Statuses = {}
    for status, label in labels.items():
        found[label.lower()] = found.get(label.lower(), frozenset()) | {status}
    return found


def read_statuses(statuses: Statuses, text: str | None) -> frozenset[CampaignStatus]:
    """The statuses that a label asks for, in any case. Raises RequestRejected(STATUS_INVALID)."""
    found = statuses.get((text or "").lower())
    if found is None:
        raise RequestRejected(ErrorCode.STATUS_INVALID, (text or "")[:MAX_SHOWN])
    return found
