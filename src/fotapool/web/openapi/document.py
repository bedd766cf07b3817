"""Builds the OpenAPI document from tables of operations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fotapool import __version__
from fotapool.web.operations import Operation
from fotapool.web.parameters import TEXT, Parameter
from fotapool.web.problems import MEDIA_TYPE, Problem

JSON = "application/json"
_PLACEHOLDER = re.compile(r"{(\w+)}")
Header = tuple[str, str, dict[str, Any]]
"""Name, description and schema of a header that a response always has."""
RETRY_AFTER: Header = ("Retry-After", "After how many seconds to try again", {"type": "string", "pattern": "^[0-9]+$"})
_HEADERS: dict[str, Header] = {
    "401": ("WWW-Authenticate", "How to authenticate", TEXT),
    "405": ("Allow", "The methods that the resource takes", TEXT),
    "416": ("Content-Range", "How many bytes the content has", TEXT),
    "503": RETRY_AFTER,
}


class Schemas:
    """Collects the schemas of the structures that operations name."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def ref(self, shape: Any, prefix: str = "") -> dict[str, Any]:
        """A reference to the schema of a structure, whose name begins with `prefix`: `V3LicensesResult`."""
        (schema,), found = msgspec.json.schema_components(
            [shape], ref_template="#/components/schemas/" + prefix + "{name}"
        )
        for name, component in found.items():
            component.pop("title", None)
            self.components[prefix + name] = component
        if isinstance(shape, type) and hasattr(shape, "json_schema"):
            self.components[prefix + shape.__name__].update(shape.json_schema)
        return schema


def content(schema: dict[str, Any], description: str, media_type: str = JSON) -> dict[str, Any]:
    """A response with one media type."""
    return {"description": description, "content": {media_type: {"schema": schema}}}


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """A required request body of JSON."""
    return {"required": True, "content": {JSON: {"schema": schema}}}


def with_headers(responses: dict[str, Any]) -> dict[str, Any]:
    """The responses, each with the header that its status always has."""
    for status in responses.keys() & _HEADERS.keys():
        responses[status] = with_header(responses[status], _HEADERS[status])
    return responses


def with_header(response: dict[str, Any], header: Header) -> dict[str, Any]:
    """The response with a header that it always has."""
    name, description, schema = header
    return response | {"headers": {name: {"description": description, "required": True, "schema": schema}}}


def path_parameters(path: str, schemas: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The parameters in a path, each with its schema by name, or that of a text."""
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.get(name, TEXT)}
        for name in _PLACEHOLDER.findall(path)
    ]


class ApiDescription(msgspec.Struct, frozen=True):
    """What the operations of one API have in common in the OpenAPI document."""

    base: str
    tag: str
    prefix: str
    """The prefix of operation ids and, capitalized, of schemas."""
    security: str
    errors: Mapping[int, str]
    """The statuses of errors that every operation may answer with, and what they mean."""
    path_parameters: Sequence[Parameter[Any]] = ()
    shows_role: bool = False

    def paths(self, operations: Iterable[Operation], schemas: Schemas) -> dict[str, Any]:
        """The path items of the operations."""
        paths: dict[str, Any] = {}
        for operation in operations:
            described = self._operation(operation, schemas)
            paths.setdefault(self.base + operation.path, {})[operation.method.lower()] = described
        return paths

    def _operation(self, operation: Operation, schemas: Schemas) -> dict[str, Any]:
        declared = [*self.path_parameters, *operation.parameters]
        in_path = {one.name: one.schema for one in declared if one.location == "path"}
        described: dict[str, Any] = {
            "operationId": f"{self.prefix}_{operation.name}",
            "tags": [self.tag],
            "summary": operation.summary,
            "security": [{self.security: []}],
            "parameters": path_parameters(operation.path, in_path)
            + [
                {"name": one.name, "in": one.location, "description": one.description, "schema": one.schema}
                | ({"required": True} if one.is_required else {})
                for one in operation.parameters
                if one.location != "path"
            ],
            "responses": self._responses(operation, schemas),
        }
        if self.shows_role:
            described["description"] = f"Needs the role {operation.needed_role.value}."
        if operation.request is not None:
            body = json_body(schemas.ref(operation.request, self.prefix.capitalize()))
            described["requestBody"] = body | ({"content": operation.consumes} if operation.consumes else {})
        return described

    def _responses(self, operation: Operation, schemas: Schemas) -> dict[str, Any]:
        success: dict[str, Any] = {"description": "Done"}
        if operation.response is not None:
            success = content(schemas.ref(operation.response, self.prefix.capitalize()), "Done")
        for media_type, text in operation.produces.items():
            success.setdefault("content", {})[media_type] = {"schema": TEXT | {"description": text} if text else {}}
        problem = schemas.ref(Problem)
        responses = {str(operation.success_status): success}
        for status, text in {**self.errors, **operation.other_statuses}.items():
            responses[str(status)] = (
                content(problem, text, MEDIA_TYPE) if status >= 400 else success | {"description": text}
            )
        return with_headers(responses)


def _describe_defaults(part: Any, components: dict[str, Any], seen: set[str]) -> None:
    """Moves the defaults of a request's members into their descriptions.

    Generators of types read `default` as "always there", which is right in responses only: clients would have to send
    what they may leave out.
    """
    if isinstance(part, list):
        for one in part:
            _describe_defaults(one, components, seen)
    if not isinstance(part, dict):
        return
    for schema in part.get("properties", {}).values():
        default = schema.pop("default", None)
        if default is not None:
            text = f"Default: {json.dumps(default)}."
            schema["description"] = f"{schema['description']}. {text}" if "description" in schema else text
    name = part.get("$ref", "").rsplit("/", 1)[-1]
    if name and name not in seen:
        seen.add(name)
        _describe_defaults(components[name], components, seen)
    for one in part.values():
        _describe_defaults(one, components, seen)


def openapi_document(paths: dict[str, Any], schemas: Schemas) -> dict[str, Any]:
    """The document with these path items and the schemas that they refer to."""
    for operation in (one for methods in paths.values() for one in methods.values()):
        _describe_defaults(operation.get("requestBody"), schemas.components, set())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fotapool",
            "version": __version__,
            "description": "Verizon ThingSpace Software Management Services, v1 to v3, and the operator API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {
                "client": {"type": "http", "scheme": "basic", "description": "OAuth client key and secret"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "Token of /oauth2/token, 1 hour"},
                "session": {"type": "apiKey", "in": "header", "name": "VZ-M2M-Token", "description": "20 minutes idle"},
                "operator": {"type": "http", "scheme": "bearer", "description": "Operator key"},
                "device": {"type": "http", "scheme": "bearer", "description": "Device key"},
            },
        },
    }
