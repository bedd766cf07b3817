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
from fotapool.web.openapi.document import Schemas, content, json_body, path_parameters, with_headers

VERSIONS: tuple[ModuleType, ...] = (v1, v2, v3)
APIS: tuple[ModuleType, ...] = (*VERSIONS, m2m)


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
                "503": content(error, "The database does not answer; Retry-After says when to try again"),
            }
        ),
    }
    if operation.upload_reader is not None:
        form = {"schema": schemas.ref(operation.request)}
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    elif operation.request is not None:
        described["requestBody"] = json_body(_request(operation.request, schemas))
    return described


def _request(shape: Any, schemas: Schemas) -> dict[str, Any]:
    """A reference to the schema of a body, with the constraints of its members."""
    known = set(schemas.components)
    schema = schemas.ref(shape)
    for name in schemas.components.keys() - known | {schema["$ref"].rsplit("/", 1)[-1]}:
        refine(schemas.components[name], name)
    return schema
