"""The versions of the documented API, and the Connectivity Management API, in the OpenAPI document."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from fotapool.api.common.errors import ErrorBody, FaultBody
from fotapool.api.common.operations import Operation
from fotapool.api.m2m import routes as m2m
from fotapool.api.openapi.constraints import PATH, QUERY, REQUIRED_IN_QUERY, refine
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.domain.idempotency import MAX_KEY
from fotapool.web.openapi.document import (
    RETRY_AFTER,
    Schemas,
    content,
    json_body,
    path_parameters,
    with_header,
    with_headers,
)

VERSIONS: tuple[ModuleType, ...] = (v1, v2, v3)
APIS: tuple[ModuleType, ...] = (*VERSIONS, m2m)
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request with the same key, within 24 hours, gets the first answer again",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{MAX_KEY}}}$"},
}
_REPLAYED = {
    "description": "`true` if the change was made before, by a request with the same Idempotency-Key",
    "schema": {"type": "string", "enum": ["true"]},
}


def describe_versions(schemas: Schemas) -> dict[str, Any]:
    """The path items."""
    paths: dict[str, Any] = {}
    for version in APIS:
        for operation in version.OPERATIONS:
            for place, (method, path) in enumerate(operation.calls):
                described = _operation(version, operation, path, schemas)
                if method != operation.method:
                    described["operationId"] += f"_{method}"
                if place:
                    described["operationId"] += "_" + re.sub(r"\W+", "_", path).strip("_")
                paths.setdefault(version.BASE + path, {})[method.lower()] = described
    return paths


def _operation(version: ModuleType, operation: Operation, path: str, schemas: Schemas) -> dict[str, Any]:
    name = version.__name__.split(".")[-2].upper()
    error, fault = schemas.ref(ErrorBody), schemas.ref(FaultBody)
    in_query = operation.query if "{index}" not in path else ()
    described: dict[str, Any] = {
        "operationId": f"{name}_{operation.name}",
        "tags": [f"Software Management {name.lower()}" if version in VERSIONS else "Connectivity Management"],
        "summary": operation.summary,
        "description": f"{operation.id}. Evidence: {operation.evidence.value}. {operation.notes}".strip(),
        "security": [{"bearer": [], "session": []}],
        "parameters": path_parameters(path, PATH)
        + [
            {"name": query, "in": "query", "required": query in REQUIRED_IN_QUERY, "schema": QUERY[query]}
            for query in in_query
        ],
        "responses": with_headers(
            {
                "200": content(schemas.ref(operation.response, name), "Done; each device's outcome is in its row"),
                "400": content({"anyOf": [error, fault]}, "Refused as a whole; nothing was done"),
                "401": content(fault, "Bearer token missing or not valid"),
                "405": content(fault, "The resource does not take this method"),
                "413": content(error, "The body is over the limit"),
                "429": content(fault, "Too many requests; Retry-After says when to try again"),
                "503": content(error, "The database does not answer; Retry-After says when to try again"),
            }
        ),
    }
    if operation.changes:
        _accept_key(described, error)
    if operation.upload_reader is not None:
        form = {"schema": schemas.ref(operation.request)}
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    elif operation.request is not None:
        described["requestBody"] = json_body(_request(operation.request, schemas))
    return described


def _accept_key(described: dict[str, Any], error: dict[str, Any]) -> None:
    """Describes the Idempotency-Key of a change, and what is answered because of it."""
    described["parameters"].append(IDEMPOTENCY_KEY)
    responses = described["responses"]
    responses["200"]["headers"] = {"Idempotency-Replayed": _REPLAYED}
    in_use = content(error, "The first request with this Idempotency-Key is still being handled")
    responses["409"] = with_header(in_use, RETRY_AFTER)
    responses["422"] = content(error, "The Idempotency-Key belongs to another request; nothing was done")


def _request(shape: Any, schemas: Schemas) -> dict[str, Any]:
    """A reference to the schema of a body, with the constraints of its members."""
    known = set(schemas.components)
    schema = schemas.ref(shape)
    for name in schemas.components.keys() - known | {schema["$ref"].rsplit("/", 1)[-1]}:
        refine(schemas.components[name], name)
    return schema
