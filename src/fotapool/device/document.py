"""The devices' operations in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fotapool.device.operations import BASE, OPERATIONS
from fotapool.device.problems import Problem
from fotapool.device.requests import DeviceOperation

_TEXT = {"type": "string"}
_PATH = {
    "deviceId": {"type": "string", "pattern": "^[0-9]{15}$", "examples": ["990003425730535"]},
    "upgradeId": {"type": "string", "pattern": "^[0-9]{1,18}$", "examples": ["1"]},
}
_HEADERS = {
    "401": ("WWW-Authenticate", "How to authenticate", _TEXT),
    "405": ("Allow", "The methods that the resource takes", _TEXT),
    "416": ("Content-Range", "How many bytes the content has", _TEXT),
    "503": ("Retry-After", "After how many seconds to try again", {"type": "string", "pattern": "^[0-9]+$"}),
}
_REFUSALS = {
    "400": "The request is malformed; detail says how",
    "401": "Device key missing or not known",
    "404": "No such device or upgrade, or the key is not for it",
    "405": "The resource does not take this method",
    "409": "The state does not allow it",
    "413": "The body is over the limit",
    "503": "The server is busy; Retry-After says when to try again",
}
Ref = Callable[[Any, str], dict[str, Any]]


def device_paths(ref: Ref) -> dict[str, Any]:
    """The path items; `ref` collects a structure under a prefix and answers a reference to it."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        described: dict[str, Any] = {
            "operationId": f"device_{operation.name}",
            "tags": ["Devices"],
            "summary": operation.summary,
            "security": [{"device": []}],
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": schema}
                for name, schema in _PATH.items()
                if f"{{{name}}}" in operation.path
            ],
            "responses": {**_done(operation, ref), **_refused(operation, ref)},
        }
        if operation.response is None:
            words = "One range of bytes, as bytes=0-1023"
            described["parameters"] += [{"name": "Range", "in": "header", "description": words, "schema": _TEXT}]
        if operation.request is not None:
            body = {"schema": ref(operation.request, "Device")}
            described["requestBody"] = {"required": True, "content": {"application/json": body}}
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = described
    return paths


def _done(operation: DeviceOperation, ref: Ref) -> dict[str, Any]:
    if operation.response is not None:
        schema = ref(operation.response, "Device")
        return {"200": {"description": "Done", "content": {"application/json": {"schema": schema}}}}
    data: dict[str, Any] = {"application/octet-stream": {"schema": {}}}
    return {
        "200": {"description": "All of the content", "content": data},
        "206": {"description": "The range that was asked for", "content": data},
    }


def _refused(operation: DeviceOperation, ref: Ref) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": ref(Problem, "Device")}}
    beyond = {"416": "The range lies beyond the end"} if operation.response is None else {}
    found: dict[str, Any] = {}
    for status, words in {**_REFUSALS, **beyond}.items():
        found[status] = {"description": words, "content": content}
        if status in _HEADERS:
            name, about, schema = _HEADERS[status]
            found[status]["headers"] = {name: {"description": about, "required": True, "schema": schema}}
    return found
