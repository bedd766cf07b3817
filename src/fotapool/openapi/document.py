"""The OpenAPI document, made from the tables of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import msgspec

from fotapool import __version__
from fotapool.api.auth import sessions
from fotapool.api.auth.routes import OAUTH_BASE, SESSION_BASE
from fotapool.api.common.operations import Operation
from fotapool.api.common.responses import ErrorBody, FaultBody
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.device.document import device_paths
from fotapool.emulator.reproduce import FORMS as REPRODUCED_AS
from fotapool.openapi.constraints import ACCOUNT, IMEI, PATH, QUERY, REQUIRED_IN_QUERY, TEXT, refine
from fotapool.operator_api.billing import FORMATS
from fotapool.operator_api.callbacks import STATES
from fotapool.operator_api.problems import Problem
from fotapool.operator_api.requests import MAX_CURSOR, Only, OperatorOperation
from fotapool.operator_api.routes import BASE as CONTROL_BASE

DIALECTS: tuple[ModuleType, ...] = (v1, v2, v3)
_PARAMETER = re.compile(r"{(\w+)}")
_AFTER = {"type": "string", "pattern": "^[^\\u0000]*$"}
_MONTH = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$", "examples": ["2026-03"]}


class TokenAnswer(msgspec.Struct):
    access_token: str
    scope: str
    token_type: str
    expires_in: int


class OAuthError(msgspec.Struct, omit_defaults=True):
    error: str
    error_description: str = ""


class Schemas:
    """Collects the structures that operations name; each dialect's under a name of its own."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def ref(self, shape: Any, prefix: str) -> dict[str, Any]:
        """A reference to the schema of a structure, as `V3LicensesResult`."""

        (schema,), found = msgspec.json.schema_components(
            [shape], ref_template="#/components/schemas/" + prefix + "{name}"
        )
        for name, component in found.items():
            component.pop("title", None)
            self.components[prefix + name] = component
        if isinstance(shape, type) and hasattr(shape, "json_schema"):
            self.components[prefix + shape.__name__].update(shape.json_schema)
        return schema

    def request(self, shape: Any) -> dict[str, Any]:
        """The same for the body of a request of the API, with what its members must be like."""
        known = set(self.components)
        schema = self.ref(shape, "")
        for name in self.components.keys() - known | {schema["$ref"].rsplit("/", 1)[-1]}:
            refine(self.components[name], name)
        return schema


def _json(schema: dict[str, Any], description: str, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


_HEADERS = {
    "401": ("WWW-Authenticate", "How to authenticate", TEXT),
    "405": ("Allow", "The methods that the resource takes", TEXT),
    "503": ("Retry-After", "After how many seconds to try again", {"type": "string", "pattern": "^[0-9]+$"}),
}


def _with_headers(responses: dict[str, Any]) -> dict[str, Any]:
    """The same, each with the header that its status always has."""
    for status, response in responses.items():
        if status in _HEADERS:
            name, words, schema = _HEADERS[status]
            responses[status] = response | {
                "headers": {name: {"description": words, "required": True, "schema": schema}}
            }
    return responses


def _path_parameters(path: str, schemas: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.get(name, TEXT)}
        for name in _PARAMETER.findall(path)
    ]


def _license_operation(
    dialect: ModuleType, operation: Operation, path: str, first: bool, schemas: Schemas
) -> dict[str, Any]:
    version = dialect.__name__.split(".")[-2].upper()
    error = schemas.ref(ErrorBody, "")
    fault = schemas.ref(FaultBody, "")
    in_query = operation.query if "{index}" not in path else ()
    described: dict[str, Any] = {
        "operationId": f"{version}_{operation.name}" + ("" if first else "_" + re.sub(r"\W+", "_", path).strip("_")),
        "tags": [f"Software Management {version.lower()}"],
        "summary": operation.summary,
        "description": f"{operation.id}. Evidence: {operation.evidence.value}. {operation.notes}".strip(),
        "security": [{"bearer": [], "session": []}],
        "parameters": _path_parameters(path, PATH)
        + [
            {"name": name, "in": "query", "required": name in REQUIRED_IN_QUERY, "schema": QUERY[name]}
            for name in in_query
        ],
        "responses": _with_headers(
            {
                "200": _json(schemas.ref(operation.response, version), "Done; each device's outcome is in its row"),
                "400": _json({"anyOf": [error, fault]}, "Refused as a whole; nothing was done"),
                "401": _json(fault, "Bearer token missing or not valid"),
                "405": _json(fault, "The resource does not take this method"),
                "413": _json(error, "The body is over the limit"),
                "503": _json(error, "The database does not answer; Retry-After says when to try again"),
            }
        ),
    }
    if operation.takes is not None:
        form = {"schema": schemas.ref(operation.request, "")}
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    elif operation.request is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.request(operation.request)}},
        }
    return described


def _license_paths(schemas: Schemas) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for dialect in DIALECTS:
        for operation in dialect.OPERATIONS:
            for place, path in enumerate(operation.paths):
                described = _license_operation(
                    dialect=dialect, operation=operation, path=path, first=place == 0, schemas=schemas
                )
                paths.setdefault(dialect.BASE + path, {})[operation.method.lower()] = described
    return paths


def _signin_paths(schemas: Schemas) -> dict[str, Any]:
    error, fault = schemas.ref(ErrorBody, ""), schemas.ref(FaultBody, "")
    oauth_error = schemas.ref(OAuthError, "")
    refusals = {
        "400": _json(error, "Refused"),
        "401": _json(fault, "Bearer token missing or not valid"),
        "405": _json(fault, "The resource does not take this method"),
        "413": _json(error, "The body is too large"),
        "503": _json(error, "The database does not answer"),
    }
    oauth_refusals = {
        **refusals,
        "400": _json(oauth_error, "Refused"),
        "401": _json({"anyOf": [oauth_error, fault]}, "Client unknown or secret wrong"),
    }

    def form(*names: str, required: Sequence[str]) -> dict[str, Any]:
        properties: dict[str, Any] = dict.fromkeys(names, TEXT)
        if "token" in names:
            properties["token"] = {"type": "string", "minLength": 1}
        if "grant_type" in required:
            properties["grant_type"] = {"type": "string", "enum": ["client_credentials"]}
        schema = {"type": "object", "properties": properties, "required": list(required)}
        return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}

    def described(name: str, summary: str, security: list[Any], responses: dict[str, Any]) -> dict[str, Any]:
        return {
            "operationId": name,
            "tags": ["Sign-in"],
            "summary": summary,
            "security": security,
            "responses": _with_headers(dict(responses)),
        }

    basic: list[Any] = [{"client": []}]
    bearer: list[Any] = [{"bearer": []}]
    both: list[Any] = [{"bearer": [], "session": []}]
    token = {"200": _json(schemas.ref(TokenAnswer, ""), "The token; the same one within its hour"), **oauth_refusals}
    revoked = {"200": {"description": "Revoked; the token is in the header RevokedAccessToken"}, **oauth_refusals}
    session = {"200": _json(schemas.ref(sessions.SessionAnswer, ""), "The session token"), **refusals}
    password = {"200": _json(schemas.ref(sessions.PasswordAnswer, ""), "The new password"), **refusals}

    def body(shape: type) -> dict[str, Any]:
        return {"required": True, "content": {"application/json": {"schema": schemas.ref(shape, "")}}}

    return {
        f"{OAUTH_BASE}/oauth2/token": {
            "post": described("issue_token", "Get a bearer token", basic, token)
            | {"requestBody": form("grant_type", "scope", required=["grant_type"])}
        },
        f"{OAUTH_BASE}/oauth2/revoke": {
            "post": described("revoke_token", "Revoke a bearer token", basic, revoked)
            | {"requestBody": form("grant_type", "token", required=["token"])}
        },
        f"{SESSION_BASE}/session/login": {
            "post": described("login", "Open a session", bearer, session) | {"requestBody": body(sessions.LoginBody)}
        },
        f"{SESSION_BASE}/session/logout": {"post": described("logout", "End the session", both, session)},
        f"{SESSION_BASE}/session/password/actions/reset": {
            "put": described("reset_password", "Get a new password", both, password)
            | {"requestBody": body(sessions.ResetBody)}
        },
    }


def _control_paths(operations: Iterable[OperatorOperation], schemas: Schemas) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    detail = schemas.ref(Problem, "")
    refusals = {
        str(status): _json(detail, words, "application/problem+json")
        for status, words in (
            (400, "The request is malformed; detail says how"),
            (401, "Operator key missing or wrong"),
            (403, "The operator's role does not allow it"),
            (404, "No such thing"),
            (405, "The resource does not take this method"),
            (409, "The state does not allow it"),
            (413, "The body is over the limit"),
            (503, "The database does not answer; Retry-After says when to try again"),
        )
    }
    unsupported = _json(detail, "The body's media type is not one of these", "application/problem+json")
    for operation in operations:
        described: dict[str, Any] = {
            "operationId": f"control_{operation.name}",
            "tags": ["Operator plane" if operation.only is Only.BOTH else "Emulator"],
            "summary": operation.summary,
            "description": f"Needs the role {operation.needed_role.value}.",
            "security": [{"operator": []}],
            "parameters": _path_parameters(operation.path, {"name": ACCOUNT, "deviceId": IMEI, "month": _MONTH})
            + [
                {"name": name, "in": "query", "description": words, "schema": _query_schema(operation, name)}
                for name, words in operation.query
            ],
            "responses": _with_headers({str(operation.status): _done(operation, schemas), **refusals}),
        }
        if operation.request is not None:
            described["requestBody"] = _control_body(operation, schemas)
        if len(operation.consumes) > 1:
            described["responses"]["415"] = unsupported
        paths.setdefault(CONTROL_BASE + operation.path, {})[operation.method.lower()] = described
    return paths


_AS_TEXT = {
    "application/x-ndjson": "Progress line by line, the result last",
    "text/csv": "All lines, with a header",
    "text/plain": "As a command or a test",
}


def _done(operation: OperatorOperation, schemas: Schemas) -> dict[str, Any]:
    if operation.response is None:
        return {"description": "Done"}
    done = _json(schemas.ref(operation.response, "Control"), "Done")
    for media_type in operation.produces[1:]:
        done["content"][media_type] = {"schema": TEXT | {"description": _AS_TEXT[media_type]}}
    return done


_LINES: dict[str, dict[str, Any]] = {
    "application/json": {
        "schema": {
            "type": "array",
            "description": "Each element a ControlDeviceLine; what is none is told, and the others are kept",
        },
        "examples": {"one": {"value": [{"deviceId": "990003425730535", "make": "Verizon", "model": "Model-A"}]}},
    },
    "application/x-ndjson": {
        "schema": {"description": "A ControlDeviceLine a line; what is none is told, and the others are kept"},
        "examples": {"one": {"value": '{"deviceId": "990003425730535", "licensed": true}\n'}},
    },
    "text/csv": {
        "schema": {
            "type": "string",
            "pattern": "^deviceId(,make)?(,model)?(,firmware)?(,protocol)?(\\n[\\s\\S]*)?$",
            "description": "A header line that names the members, in any order, then a device a line",
        },
        "examples": {"one": {"value": "deviceId,make,model\n990003425730535,Verizon,Model-A\n"}},
    },
}


def _control_body(operation: OperatorOperation, schemas: Schemas) -> dict[str, Any]:
    if operation.request is bytes:
        return {"required": True, "content": {media_type: {"schema": {}} for media_type in operation.consumes}}
    schema = schemas.ref(operation.request, "Control")
    if len(operation.consumes) == 1:
        return {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"required": True, "content": {media_type: _LINES[media_type] for media_type in operation.consumes}}


def _query_schema(operation: OperatorOperation, name: str) -> dict[str, Any]:
    if name == "limit":
        return {"type": "integer", "minimum": 1, "maximum": 1000}
    if name == "preview":
        return {"type": "boolean"}
    if name == "state":
        return {"type": "string", "enum": list(STATES)}
    if name in ("deviceId", "noticeAfter"):
        return IMEI
    if name == "account":
        return ACCOUNT
    if name == "as":
        return {"type": "string", "enum": list(REPRODUCED_AS)}
    if name == "status":
        return {"type": "integer", "minimum": 100, "maximum": 599}
    if name == "format":
        return {"type": "string", "enum": list(FORMATS)}
    by_number = dict(operation.query).get("after", "").startswith("the last number")
    return {"type": "integer", "minimum": 0, "maximum": MAX_CURSOR} if by_number else _AFTER


def openapi_document(control_operations: Iterable[OperatorOperation]) -> dict[str, Any]:
    """The document for a server with these control operations."""
    schemas = Schemas()
    paths = {
        **_signin_paths(schemas),
        **_license_paths(schemas),
        **_control_paths(control_operations, schemas),
        **device_paths(schemas.ref),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fotapool",
            "version": __version__,
            "description": "Verizon ThingSpace Software Management Services, v1 to v3, and the operator plane.",
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
