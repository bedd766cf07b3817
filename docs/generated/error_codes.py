"""Which error codes an operation can answer besides those of every call, by its path, query and body."""

from __future__ import annotations

from types import ModuleType

import msgspec

from fotapool.api.common.bodies import CandidatesBody
from fotapool.api.common.connectivity_errors import API_CONTEXT, CODES
from fotapool.api.common.errors import MESSAGES, OWN_MESSAGES
from fotapool.api.common.operations import Operation
from fotapool.domain.errors import ErrorCode

_DEVICES = (ErrorCode.DEVICE_LIST_EMPTY, ErrorCode.DEVICE_LIST_TOO_LONG, ErrorCode.DEVICE_ID_INVALID)
_PROTOCOL = (ErrorCode.PROTOCOL_INVALID,)
_WINDOWS = (ErrorCode.WINDOW_INVALID,)
_MEMBERS: dict[str, tuple[ErrorCode, ...]] = {
    "deviceList": _DEVICES,
    "deviceIds": _DEVICES,
    "addOrRemoveDevice": (ErrorCode.TYPE_INVALID,),
    "firmwareName": (ErrorCode.PACKAGE_UNKNOWN,),
    "softwareName": (ErrorCode.PACKAGE_UNKNOWN,),
    "fileName": (ErrorCode.FILE_UNKNOWN,),
    "protocol": _PROTOCOL,
    "distributionType": _PROTOCOL,
    "startDate": (ErrorCode.START_DATE_INVALID,),
    "endDate": (ErrorCode.END_DATE_INVALID,),
    "downloadTimeWindowList": _WINDOWS,
    "campaignTimeWindowList": _WINDOWS,
    "url": (ErrorCode.URL_INVALID,),
    "name": (ErrorCode.SERVICE_INVALID,),
    "deviceId": (ErrorCode.NOT_EMULATED, ErrorCode.DEVICE_ID_INVALID),
    "fileupload": (ErrorCode.FILE_INVALID, ErrorCode.FILE_TOO_LARGE, ErrorCode.FILE_EXISTS),
}
"""The error codes of a member of a body."""
_QUERY: dict[str, tuple[ErrorCode, ...]] = {
    "lastSeenDeviceId": (ErrorCode.INDEX_INVALID, ErrorCode.DEVICE_ID_INVALID, ErrorCode.CURSOR_UNKNOWN),
    "startIndex": (ErrorCode.INDEX_INVALID, ErrorCode.INDEX_TOO_HIGH),
    "protocol": _PROTOCOL,
    "distributionType": _PROTOCOL,
    "clientType": _PROTOCOL,
    "deviceIds": (*_DEVICES, ErrorCode.DEVICE_UNKNOWN),
    "campaignStatus": (ErrorCode.STATUS_INVALID,),
    "lastSeenCampaignId": (ErrorCode.CAMPAIGN_ID_INVALID, ErrorCode.CAMPAIGN_UNKNOWN),
}
_CAMPAIGN = (ErrorCode.CAMPAIGN_ID_INVALID, ErrorCode.CAMPAIGN_UNKNOWN)
_PATH: dict[str, tuple[ErrorCode, ...]] = {
    "{campaignId}": _CAMPAIGN,
    "{upgradeId}": _CAMPAIGN,
    "{deviceId}": (ErrorCode.DEVICE_ID_INVALID, ErrorCode.DEVICE_UNKNOWN),
    "{upgradeStatus}": (ErrorCode.STATUS_INVALID, *_QUERY["startIndex"]),
    "{service}": (ErrorCode.SERVICE_INVALID,),
    "{serviceName}": (ErrorCode.SERVICE_INVALID,),
    "/devices/{account}/index/{index}": _QUERY["lastSeenDeviceId"],
}
"""The error codes of a part of a path."""


def _by_state(operation: Operation) -> set[ErrorCode]:
    """The error codes that depend on the state of a campaign or of logging."""
    path, found = operation.paths[0], set[ErrorCode]()
    of_campaign = path.endswith(("{campaignId}", "{upgradeId}"))
    if of_campaign and operation.method == "DELETE":
        found.add(ErrorCode.CAMPAIGN_STARTED)
    if of_campaign and operation.method == "PUT":
        found.add(ErrorCode.DEVICES_FIXED)
    if path.endswith("/dates"):
        found.add(ErrorCode.DATES_FIXED)
    if path.startswith("/campaigns") and operation.request is not None and not path.endswith("/dates"):
        found.add(ErrorCode.PILOT_TOO_LARGE)
    if path.startswith("/logging") and operation.method == "PUT":
        found |= {ErrorCode.LOGGING_LIMIT, ErrorCode.DEVICE_UNKNOWN}
    return found


def error_codes(operation: Operation) -> list[ErrorCode]:
    """The error codes of an operation, without those of tokens, account and database, in order of precedence."""
    found = _by_state(operation)
    if operation.request is not None:
        members = [field.name for field in msgspec.structs.fields(operation.request)]
        found |= {error for member in members for error in _MEMBERS.get(member, ())}
        if operation.upload_reader is None:
            found |= {ErrorCode.BODY_TOO_LARGE, ErrorCode.BODY_INVALID}
    if operation.request is CandidatesBody:
        found.add(ErrorCode.TYPE_INVALID)
    found |= {error for name in operation.query for error in _QUERY.get(name, ())}
    found |= {error for part, its in _PATH.items() if part in operation.paths[0] for error in its}
    if operation.request is not None:
        found.discard(ErrorCode.CURSOR_UNKNOWN)  # a cursor into the request's own list
    return [error for error in ErrorCode if error in found]


def message(error: ErrorCode, module: ModuleType) -> str:
    """The message of an error code in a version of the API; the code in the Connectivity Management API."""
    if module.API_CONTEXT == API_CONTEXT:
        return CODES[error][1]
    return OWN_MESSAGES.get(module.API_CONTEXT, {}).get(error) or MESSAGES[error]
