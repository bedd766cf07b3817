"""Constraints of the documented API's parameters and members by name, beyond their types."""

from __future__ import annotations

from typing import Any

from fotapool.api.common.labels import CAMPAIGN_STATUS
from fotapool.domain.callbacks import SERVICE_NAME
from fotapool.web.parameters import ACCOUNT, IMEI, TEXT

NUMBER = {"type": "string", "pattern": "^[0-9]{1,15}$", "examples": ["0"]}
_MDN = "^[0-9]{1,15}$"
_UUID = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "examples": ["60b5d639-ccdc-4db8-8824-069bd94c95bf"],
}
_DATE = {"type": "string", "format": "date", "examples": ["2026-12-01"]}
_IMEIS = {"type": "array", "items": IMEI, "minItems": 1}
_PROTOCOL = {"type": "string", "enum": ["HTTP", "LWM2M", "OMADM", "OMA-DM", "OMD-DM", "OMA"]}
_PROTOCOL_OR_NONE = {"type": ["string", "null"], "enum": [*_PROTOCOL["enum"], None]}
_V1_STATUS = ["RequestPending", "Queued", "RequestFailed", "InProgress", "Finished", "UpgradeFailed"]
_STATUS = [*CAMPAIGN_STATUS.values()]

PATH: dict[str, dict[str, Any]] = {
    "account": ACCOUNT,
    "index": NUMBER,
    "service": {"type": "string", "pattern": "^[Ff][Oo][Tt][Aa]$"},
    "serviceName": {"type": "string", "pattern": f"^{SERVICE_NAME}$", "examples": ["DeviceService"]},
    "deviceId": IMEI,
    "campaignId": _UUID,
    "upgradeId": _UUID,
    "upgradeStatus": {"type": "string", "enum": _V1_STATUS},
}
QUERY: dict[str, dict[str, Any]] = {
    "lastSeenDeviceId": NUMBER,
    "startIndex": NUMBER,
    "distributionType": _PROTOCOL,
    "protocol": {"type": "string", "enum": [*_PROTOCOL["enum"], "all"]},
    "clientType": {"type": "string", "enum": ["OMADM", "LWM2M"]},
    "campaignStatus": {"type": "string", "enum": _STATUS},
    "lastSeenCampaignId": _UUID,
    "deviceIds": IMEI,
}
REQUIRED_IN_QUERY = frozenset({"campaignStatus", "deviceIds"})
_MEMBERS: dict[str, dict[str, Any]] = {
    "accountName": ACCOUNT,
    "deviceList": _IMEIS,
    "deviceIds": _IMEIS,
    "startDate": _DATE,
    "endDate": _DATE,
    "distributionType": _PROTOCOL_OR_NONE,
    "protocol": _PROTOCOL_OR_NONE,
    "startTime": {"type": "integer", "minimum": 0, "maximum": 23},
    "endTime": {"type": "integer", "minimum": 1, "maximum": 24},
    "count": {"type": ["integer", "null"], "description": "Has no effect"},
}
_CAMPAIGN = ["startDate", "endDate", "deviceList"]
_REQUIRED = {
    "DeviceListBody": ["deviceList"],
    "CandidatesBody": ["deviceList"],
    "LoggingBody": ["deviceIds"],
    "TimeWindowBody": ["startTime", "endTime"],
    "CampaignDevicesBody": ["type", "deviceList"],
    "ScheduleUpgradeBody": ["accountName", "firmwareName", "firmwareTo", "startDate", "deviceList"],
    "ScheduleSoftwareBody": ["softwareName", *_CAMPAIGN],
    "ScheduleFileBody": ["fileName", "fileVersion", *_CAMPAIGN],
    "ScheduleFirmwareBody": ["firmwareName", *_CAMPAIGN],
    "SoftwareDatesBody": ["startDate", "endDate"],
    "FirmwareDatesBody": ["startDate", "endDate"],
}
_TYPES = {
    "CandidatesBody": {
        "type": ["string", "null"],
        "pattern": "^[Aa][Pp][Pp][Ee][Nn][Dd]$",
        "description": "append adds to the list; without it the list is replaced",
    },
    "CampaignDevicesBody": {"type": "string", "enum": ["append", "remove"]},
}


def _identifier(kind: str, id: str) -> dict[str, Any]:
    members = {"kind": {"type": "string", "pattern": kind}, "id": {"type": "string", "pattern": id}}
    return {"type": "object", "properties": members, "required": ["id", "kind"]}


_WHOLE = {
    "Identifier": {"anyOf": [_identifier("^[Ii][Mm][Ee][Ii]$", IMEI["pattern"]), _identifier("^[Mm][Dd][Nn]$", _MDN)]}
}
"""The schemas of structures whose members depend on each other."""
_AS_DECLARED = frozenset({"ListDevicesBody", "RegisterServiceBody"})
"""Structures whose members have no further constraints."""


def refine(component: dict[str, Any], name: str) -> None:
    """Adds to the schema of a request's structure which members are required, and their constraints."""
    if name in _AS_DECLARED:
        return
    if name in _WHOLE:
        component.clear()
        component.update(_WHOLE[name])
    for member, schema in component.get("properties", {}).items():
        if member == "type" and name in _TYPES:
            component["properties"][member] = _TYPES[name]
        elif member in _MEMBERS:
            component["properties"][member] = _MEMBERS[member]
        elif name in _REQUIRED and member in _REQUIRED[name]:
            component["properties"][member] = TEXT | {key: schema[key] for key in ("description",) if key in schema}
    if name in _REQUIRED:
        component["required"] = _REQUIRED[name]
