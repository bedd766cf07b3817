"""A collection of requests (`.http`, as VS Code's REST Client and httpYac read it) from the OpenAPI document.

Each request is named after its operation. Requests stand in the order in which they can be sent: what one of them
creates, a later one reads and deletes. The values are those of the seed of `fotapool emulate --seed demo`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec

Json = dict[str, Any]

VARIABLES = {
    "host": "http://127.0.0.1:8080",
    "operatorKey": "operator",
    "client": "demo-key:demo-secret",
    "username": "zbeeblebrox",
    "password": "IMgr8",
    "account": "0402196254-00001",
    "device": "990003425730535",
    "receiver": "http://127.0.0.1:8081/fota",
}
_START, _END = "{{$datetime 'YYYY-MM-DD' 1 d}}", "{{$datetime 'YYYY-MM-DD' 8 d}}"
_SOFTWARE = {"make": "Verizon", "model": "Model-H", "fromVersion": "1", "toVersion": "2", "protocol": "HTTP"}
_FILE = "{{V2_upload_file.response.body.fileName}}"
_SCHEDULED_CHANGE = {"id": "{{control_schedule_subscription_change.response.body.id}}"}
_HTTP_DEVICES = [f"99001100000000{number}" for number in range(5)]

PATH_VALUES = {
    "account": "{{account}}",
    "name": "{{account}}",
    "deviceId": "{{device}}",
    "index": "0",
    "service": "Fota",
    "serviceName": "CarrierService",
    "upgradeStatus": "RequestPending",
    "campaignStatus": "CampaignRequestPending",
    "firmware": "Collection_2To3",
    "username": "collection-user",
    "operator": "collection",
    "listener": "{{control_list_listeners.response.body.listeners[0].listener}}",
    "month": "{{control_list_statements.response.body.statements[0].month}}",
    "number": "{{control_list_requests.response.body.requests[0].number}}",
    "deviceIds": "{{device}}",
    "campaign": "{{V3_schedule_campaign.response.body.id}}",
    "q": "{{device}}",
    "to": "0402196254-00002",
    "rule": "collection-rule",
    "change": "{{control_list_ledger.response.body.entries[0].change}}",
    "session": "{{control_list_sessions.response.body.sessions[0].id}}",
    "upgradeId": "{{V1_schedule_upgrade.response.body.id}}",
}
"""Values of parameters by name."""
OWN_VALUES: dict[str, dict[str, str]] = {
    "V2": {"campaignId": "{{V2_schedule_software.response.body.id}}"},
    "V3": {"campaignId": "{{V3_schedule_campaign.response.body.id}}"},
    "device": {"upgradeId": "{{device_check_in.response.body.upgrade.id}}"},
    "control_close_account": {"name": "0402196254-00002"},
    "control_move_device": {"deviceId": "990010000000010"},
    "control_delete_device": {"deviceId": "990010000000011"},
    "control_delete_client": {"key": "collection-client"},
    "control_delete_device_key": {"key": "collection"},
    "control_rotate_client_secret": {"key": "collection-client"},
    "control_rotate_device_key": {"key": "collection"},
    "control_read_delivery": {"id": "{{control_list_deliveries.response.body.deliveries[0].id}}"},
    "control_redeliver": {"id": "{{control_list_deliveries.response.body.deliveries[0].id}}"},
    "control_read_alert": {"id": "{{control_list_alerts.response.body.alerts[0].id}}"},
    "control_acknowledge_alert": {"id": "{{control_list_alerts.response.body.alerts[0].id}}"},
    "control_read_fault": {"id": "{{control_create_fault.response.body.id}}"},
    "control_read_scheduled_change": _SCHEDULED_CHANGE,
    "control_preview_scheduled_change": _SCHEDULED_CHANGE,
    "control_edit_scheduled_change": _SCHEDULED_CHANGE,
    "control_cancel_scheduled_change": _SCHEDULED_CHANGE,
    "control_delete_fault": {"id": "{{control_create_fault.response.body.id}}"},
}
"""Values of parameters for one operation, or for a version."""
MEMBERS: Json = {
    "accountName": "{{account}}",
    "username": "{{username}}",
    "password": "{{password}}",
    "oldPassword": "{{password}}",
    "deviceList": ["{{device}}"],
    "deviceIds": ["{{device}}"],
    "startDate": _START,
    "endDate": _END,
    "url": "{{receiver}}",
    "serviceName": "CarrierService",
    "grant_type": "client_credentials",
    "token": "{{issue_token.response.body.access_token}}",
    "firmwareName": "FOTA_Verizon_Model-B_1To2_HF",
    "firmwareTo": "2",
}
"""Values of required members by name."""
BODIES: dict[str, Any] = {
    "V1_schedule_upgrade": {"deviceList": ["990010000000000"]},
    "V1_change_upgrade_devices": {"deviceList": ["990010000000001"]},
    "V2_register_callback": {"url": "{{receiver}}"},
    "V2_update_callback": {"url": "{{receiver}}"},
    "V3_register_callback": {"url": "{{receiver}}"},
    "V3_update_callback": {"url": "{{receiver}}"},
    "V2_upload_file": {"make": "Verizon", "model": "Model-H", "fileVersion": "1"},
    "V2_schedule_software": {"softwareName": "Collection_1To2", "deviceList": _HTTP_DEVICES[:1]},
    "V2_schedule_campaign": {"softwareName": "Collection_1To2", "deviceList": _HTTP_DEVICES[1:2]},
    "V2_schedule_file": {"fileName": _FILE, "fileVersion": "1", "deviceList": _HTTP_DEVICES[2:3]},
    "V2_change_campaign_devices": {"deviceList": _HTTP_DEVICES[3:4]},
    "V3_schedule_campaign": {"deviceList": ["990010000000002"]},
    "V3_schedule_campaign_campaigns_software_account": {"deviceList": ["990010000000003"]},
    "V3_change_campaign_devices": {"deviceList": ["990010000000004"]},
    "V3_change_campaign_devices_campaigns_account_campaignId": {"deviceList": ["990010000000005"]},
    "M2M_list_devices": {"accountName": "{{account}}"},
    "control_create_account": {"name": "0402196254-00002", "licenseCount": 10},
    "control_describe_account": {"displayName": "Heart of Gold"},
    "control_copy_account": {"name": "0402196254-00003"},
    "control_change_subscription": {"licenseCount": 5000, "purchaseType": "TS-HFOTA-EVNT,TS-HFOTA-MRC"},
    "control_schedule_subscription_change": {"licenseCount": 6000},
    "control_edit_scheduled_change": {"licenseCount": 5500},
    "control_import_devices": [
        {"deviceId": device, "make": "Verizon", "model": "Model-H", "firmware": "1", "protocol": "HTTP"}
        for device in _HTTP_DEVICES
    ],
    "control_reconcile_licenses": {"accountName": "{{account}}", "totalLicense": 10, "deviceList": ["{{device}}"]},
    "control_move_device": {"account": "0402196254-00002"},
    "control_move_devices": [{"deviceId": "990010000000012"}],
    "control_delete_devices": [{"deviceId": "990010000000013"}],
    "control_erase_devices": [{"deviceId": "990010000000014"}],
    "control_create_firmware": [
        {"firmwareName": "Collection_1To2", **_SOFTWARE},
        {"firmwareName": "Collection_2To3", **_SOFTWARE, "fromVersion": "2", "toVersion": "3"},
    ],
    "control_change_firmware": {"releaseNote": "From the collection"},
    "control_create_user": {"username": "collection-user", "accounts": ["{{account}}"]},
    "control_change_user": {"add": ["{{account}}"]},
    "control_end_sessions": {"name": "collection-user"},
    "control_create_client": {"key": "collection-client"},
    "control_create_operator": {"name": "collection", "role": "viewer"},
    "control_create_device_key": {"name": "collection"},
    "control_set_alert_rule": {"kind": "freeLicenses", "threshold": 10_000_000, "targets": ["{{receiver}}"]},
    "control_silence_alert_rule": {"until": None},
    "control_set_stop_rule": {"percent": 30},
    "control_set_account_stop_rule": {"percent": 30},
    "control_move_clock": {"advance": "PT1M"},
    "control_create_fault": {"match": {"path": "/api/fota/v3/nowhere"}, "action": {"status": 503}},
    "control_add_seed": {"accounts": [{"name": "0402196254-00004", "licenseCount": 10}]},
    "control_restore_snapshot": "{{control_create_snapshot.response.body.*}}",
    "device_check_in": {"firmware": "1"},
    "device_report_status": {"status": "downloading"},
    "device_send_logs": {"entries": [{"type": "Event", "event": "From the collection"}]},
}
"""The bodies of operations, or those of their members that MEMBERS does not have right."""
FIRST = ("issue_token", "login")
CREATING = ("POST", "PUT")
AFTER_OTHERS = (
    "control_set_upgrade",
    "control_redeliver",
    "control_retry_listener",
    "control_unlock_user",
    "control_set_user_password",
    "control_rotate_operator_key",
    "control_rotate_client_secret",
    "control_end_sessions",
    "control_rotate_device_key",
    "control_copy_account",
    "control_remove_listener",
    "control_undo_reduction",
    "control_close_account",
    "control_acknowledge_alert",
)
LAST = (
    "reset_password",
    "logout",
    "revoke_token",
    "control_end_session",
    "control_reset",
    "control_restore_snapshot",
    "control_retire_start_key",
)
BOUNDARY = "part"
FILE_FIELD, FILE_NAME, FILE_TEXT = "fileupload", "settings.txt", "a setting"
"""The file of a multipart body."""


class Request(msgspec.Struct, frozen=True):
    """A request of an operation, in which `{{…}}` are variables and members of earlier answers."""

    name: str
    summary: str
    method: str
    target: str
    """Path and query."""
    headers: tuple[tuple[str, str], ...]
    media_type: str | None
    body: Any
    """The members of the body, or a text: bytes, or a whole earlier answer. None without a media type."""


def requests_of(document: Json) -> list[Request]:
    """A request of each operation, in the order in which they can be sent."""
    found = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    found.sort(key=lambda one: (_rank(one[0], one[2]["operationId"]), one[0] == "DELETE" and one[1][-1] != "}"))
    return [_request(document, *one) for one in found]


def http_file(document: Json) -> str:
    """The text of the collection."""
    head = [
        "# All operations of fotapool, in the order in which they can be sent.",
        "# Start the server: fotapool emulate --seed demo",
        *(f"@{name} = {value}" for name, value in VARIABLES.items()),
    ]
    return "\n".join([*head, "", *(_text(one) for one in requests_of(document))])


def _rank(method: str, name: str) -> int:
    """Where a request of this operation stands: others create what it reads, or it deletes what others read."""
    if name in FIRST or name in LAST:
        return FIRST.index(name) if name in FIRST else 100 + LAST.index(name)
    is_control = name.startswith("control_")
    if method == "DELETE" and name not in AFTER_OTHERS:
        return 80 if is_control else 70
    if is_control:
        return 10 if method in CREATING and name not in AFTER_OTHERS else 60 + AFTER_OTHERS.count(name)
    return 50 if name.startswith("device_") else 20


def _request(document: Json, method: str, path: str, operation: Json) -> Request:
    name = operation["operationId"]
    media_type, body = None, None
    if "requestBody" in operation:
        media_type, content = next(iter(operation["requestBody"]["content"].items()))
        is_binary = media_type == "application/octet-stream"
        body = "firmware" if is_binary else _body(document, name, content.get("schema", {}))
    return Request(
        name=name,
        summary=operation["summary"],
        method=method,
        target=_target(path, operation),
        headers=tuple(_sign_in(operation, name)),
        media_type=media_type,
        body=body,
    )


def _text(request: Request) -> str:
    lines = [f"### {request.summary}", f"# @name {request.name}", f"{request.method} {{{{host}}}}{request.target}"]
    lines += [f"{header}: {value}" for header, value in request.headers]
    if request.media_type is None:
        return "\n".join([*lines, "", ""])
    boundary = f"; boundary={BOUNDARY}" if request.media_type.startswith("multipart/") else ""
    written = _written(request.media_type, request.body)
    return "\n".join([*lines, f"Content-Type: {request.media_type}{boundary}", "", *written, "", ""])


def _target(path: str, operation: Json) -> str:
    name = operation["operationId"]
    values = PATH_VALUES | OWN_VALUES.get(name.partition("_")[0], {}) | OWN_VALUES.get(name, {})
    query = {}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", values[parameter["name"]])
        elif parameter["in"] == "query" and parameter.get("required"):
            query[parameter["name"]] = values[parameter["name"]]
    return path + (f"?{'&'.join(f'{key}={value}' for key, value in query.items())}" if query else "")


def _sign_in(operation: Json, name: str) -> Iterator[tuple[str, str]]:
    tokens = {
        "client": ("Authorization", "Basic {{client}}"),
        "bearer": ("Authorization", "Bearer {{issue_token.response.body.access_token}}"),
        "session": ("VZ-M2M-Token", "{{login.response.body.sessionToken}}"),
        "operator": ("Authorization", "Bearer {{operatorKey}}"),
        "device": ("Authorization", "Bearer {{control_create_device_key.response.body.key}}"),
    }
    for scheme in operation["security"][0]:
        yield tokens[scheme]


def _body(document: Json, name: str, schema: Json) -> Any:
    own = BODIES.get(name)
    if own is not None and not isinstance(own, dict):
        return own
    found = _resolved(document, schema)
    made = {member: _value(document, member, found["properties"][member]) for member in found.get("required", ())}
    return made | (own or {})


def _resolved(document: Json, schema: Json) -> Json:
    reference = schema.get("$ref")
    found: Json = document["components"]["schemas"][reference.rsplit("/", 1)[-1]] if reference else schema
    return found


def _value(document: Json, name: str, schema: Json) -> Any:
    schema = _resolved(document, schema)
    if name in MEMBERS:
        return MEMBERS[name]
    for word in ("examples", "enum"):
        if word in schema:
            return schema[word][0]
    return {"integer": schema.get("minimum", 1), "array": [], "object": {}}.get(schema.get("type", ""), "text")


def _written(media_type: str, value: Any) -> list[str]:
    """The lines of a body."""
    if media_type.startswith("multipart/"):
        fields = [(f'"{name}"', text) for name, text in value.items() if name != FILE_FIELD]
        file = (f'"{FILE_FIELD}"; filename="{FILE_NAME}"', FILE_TEXT)
        return [*_parts([*fields, file]), f"--{BOUNDARY}--"]
    if media_type.endswith("urlencoded"):
        return [urlencode(value, safe="{}.")]
    return [value] if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False).split("\n")


def _parts(fields: list[tuple[str, str]]) -> Iterator[str]:
    for name, text in fields:
        yield from (f"--{BOUNDARY}", f"Content-Disposition: form-data; name={name}", "", text)
