"""Which refusals an operation can answer besides those of every call: found by what it takes and where it is."""

from __future__ import annotations

from types import ModuleType

import msgspec

from fotapool.api.common.device_list_bodies import CandidatesBody
from fotapool.api.common.errors import MESSAGES, OWN_MESSAGES
from fotapool.api.common.operations import Operation
from fotapool.domain.errors import Refusal

_DEVICES = (Refusal.DEVICE_LIST_EMPTY, Refusal.DEVICE_LIST_TOO_LONG, Refusal.DEVICE_ID_INVALID)
_PROTOCOL = (Refusal.PROTOCOL_INVALID,)
_WINDOWS = (Refusal.WINDOW_INVALID,)
_MEMBERS: dict[str, tuple[Refusal, ...]] = {
    "deviceList": _DEVICES, "deviceIds": _DEVICES, "addOrRemoveDevice": (Refusal.TYPE_INVALID,),
    "firmwareName": (Refusal.PACKAGE_UNKNOWN,), "softwareName": (Refusal.PACKAGE_UNKNOWN,),
    "fileName": (Refusal.FILE_UNKNOWN,), "protocol": _PROTOCOL, "distributionType": _PROTOCOL,
    "startDate": (Refusal.START_DATE_INVALID,), "endDate": (Refusal.END_DATE_INVALID,),
    "downloadTimeWindowList": _WINDOWS, "campaignTimeWindowList": _WINDOWS,
    "url": (Refusal.URL_INVALID,), "name": (Refusal.SERVICE_INVALID,),
    "fileupload": (Refusal.FILE_INVALID, Refusal.FILE_TOO_LARGE, Refusal.FILE_EXISTS),
}  # fmt: skip
"""What a member of a body can be refused for."""
_QUERY: dict[str, tuple[Refusal, ...]] = {
    "lastSeenDeviceId": (Refusal.INDEX_INVALID, Refusal.DEVICE_ID_INVALID, Refusal.CURSOR_UNKNOWN),
    "startIndex": (Refusal.INDEX_INVALID, Refusal.INDEX_TOO_HIGH),
    "protocol": _PROTOCOL, "distributionType": _PROTOCOL, "clientType": _PROTOCOL,
    "deviceIds": (*_DEVICES, Refusal.DEVICE_UNKNOWN), "campaignStatus": (Refusal.STATUS_INVALID,),
    "lastSeenCampaignId": (Refusal.CAMPAIGN_ID_INVALID, Refusal.CAMPAIGN_UNKNOWN),
}  # fmt: skip
_CAMPAIGN = (Refusal.CAMPAIGN_ID_INVALID, Refusal.CAMPAIGN_UNKNOWN)
_PATH: dict[str, tuple[Refusal, ...]] = {
    "{campaignId}": _CAMPAIGN, "{upgradeId}": _CAMPAIGN,
    "{deviceId}": (Refusal.DEVICE_ID_INVALID, Refusal.DEVICE_UNKNOWN),
    "{upgradeStatus}": (Refusal.STATUS_INVALID, *_QUERY["startIndex"]),
    "{service}": (Refusal.SERVICE_INVALID,),
    "/devices/{account}/index/{index}": _QUERY["lastSeenDeviceId"],
}  # fmt: skip
"""What a part of a path can be refused for."""


def _by_state(operation: Operation) -> set[Refusal]:
    """What the state of a campaign, or of logging, can be against."""
    path, found = operation.paths[0], set[Refusal]()
    of_campaign = path.endswith(("{campaignId}", "{upgradeId}"))
    if of_campaign and operation.method == "DELETE":
        found.add(Refusal.CAMPAIGN_STARTED)
    if of_campaign and operation.method == "PUT":
        found.add(Refusal.DEVICES_FIXED)
    if path.endswith("/dates"):
        found.add(Refusal.DATES_FIXED)
    if path.startswith("/campaigns") and operation.request is not None and not path.endswith("/dates"):
        found.add(Refusal.PILOT_TOO_LARGE)
    if path.startswith("/logging") and operation.method == "PUT":
        found |= {Refusal.LOGGING_LIMIT, Refusal.DEVICE_UNKNOWN}
    return found


def refusals(operation: Operation) -> list[Refusal]:
    """What an operation is refused for besides the tokens, the account and the database, in order of precedence."""
    found = _by_state(operation)
    if operation.request is not None:
        members = [field.name for field in msgspec.structs.fields(operation.request)]
        found |= {refusal for member in members for refusal in _MEMBERS.get(member, ())}
        if operation.takes is None:
            found |= {Refusal.BODY_TOO_LARGE, Refusal.BODY_INVALID}
    if operation.request is CandidatesBody:
        found.add(Refusal.TYPE_INVALID)
    found |= {refusal for name in operation.query for refusal in _QUERY.get(name, ())}
    found |= {refusal for part, its in _PATH.items() if part in operation.paths[0] for refusal in its}
    if operation.request is not None:
        found.discard(Refusal.CURSOR_UNKNOWN)  # a cursor into the request's own list
    return [refusal for refusal in Refusal if refusal in found]


def message(refusal: Refusal, dialect: ModuleType) -> str:
    """The words that a version of the API has for it."""
    return OWN_MESSAGES.get(dialect.API_CONTEXT, {}).get(refusal) or MESSAGES[refusal]
