"""The OpenAPI document and the page that shows it, both made from the tables of operations."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fotapool import __version__
from fotapool.control.problems import Problem
from fotapool.control.requests import ControlOperation, Only
from fotapool.control.routes import BASE as CONTROL_BASE
from fotapool.settings import Settings
from fotapool.wire.common.answers import ErrorBody, FaultBody
from fotapool.wire.common.operations import Operation
from fotapool.wire.signin import sessions
from fotapool.wire.signin.routes import OAUTH_BASE, SESSION_BASE
from fotapool.wire.v1 import routes as v1
from fotapool.wire.v2 import routes as v2
from fotapool.wire.v3 import routes as v3

DIALECTS: tuple[ModuleType, ...] = (v1, v2, v3)
_PARAMETER = re.compile(r"{(\w+)}")
_TEXT = {"type": "string"}
_IMEI = {"type": "string", "pattern": "^[0-9]{15}$", "example": "990003425730535"}


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
        return schema


def _json(schema: dict[str, Any], description: str, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _path_parameters(path: str, schemas: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.get(name, _TEXT)}
        for name in _PARAMETER.findall(path)
    ]


def _license_operation(
    dialect: ModuleType, operation: Operation, path: str, first: bool, schemas: Schemas
) -> dict[str, Any]:
    version = dialect.__name__.split(".")[-2].upper()
    error = schemas.ref(ErrorBody, "")
    fault = schemas.ref(FaultBody, "")
    numbered = {
        "account": {
            "type": "string",
            "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$",
            "example": "0242078689-00001",
        },
        "index": {"type": "string", "pattern": "^[0-9]{1,15}$", "example": "0"},
    }
    in_query = operation.query if "{index}" not in path else ()
    described: dict[str, Any] = {
        "operationId": f"{version}_{operation.name}" + ("" if first else "_" + re.sub(r"\W+", "_", path).strip("_")),
        "tags": [f"Software Management {version.lower()}"],
        "summary": operation.summary,
        "description": f"{operation.id}. Evidence: {operation.evidence.value}. {operation.notes}".strip(),
        "security": [{"bearer": [], "session": []}],
        "parameters": _path_parameters(path, numbered)
        + [{"name": name, "in": "query", "schema": numbered["index"]} for name in in_query],
        "responses": {
            "200": _json(schemas.ref(operation.response, version), "Done; each device's outcome is in its row"),
            "400": _json({"anyOf": [error, fault]}, "Refused as a whole; nothing was done"),
            "401": _json(fault, "Bearer token missing or not valid"),
            "405": _json(fault, "The resource does not take this method"),
            "413": _json(error, "The body is over the limit"),
            "503": _json(error, "The database does not answer; Retry-After says when to try again"),
        },
    }
    if operation.request is not None:
        described["requestBody"] = _device_list_body(operation, version, schemas)
    return described


def _device_list_body(operation: Operation, version: str, schemas: Schemas) -> dict[str, Any]:
    schema = schemas.ref(operation.request, "")
    component = schemas.components[schema["$ref"].rsplit("/", 1)[-1]]
    component["required"] = ["deviceList"]
    component["properties"]["deviceList"] = {"type": "array", "items": _IMEI, "minItems": 1}
    if "type" in component["properties"]:
        component["properties"]["type"] = {"type": "string", "enum": ["append"]}
        component["properties"]["count"] = {"type": "integer", "format": "int64"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _license_paths(schemas: Schemas) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for dialect in DIALECTS:
        for operation in dialect.OPERATIONS:
            for place, path in enumerate(operation.paths):
                described = _license_operation(dialect, operation, path, place == 0, schemas)
                paths.setdefault(dialect.BASE + path, {})[operation.method.lower()] = described
    return paths


def _signin_paths(schemas: Schemas) -> dict[str, Any]:
    error, fault = schemas.ref(ErrorBody, ""), schemas.ref(FaultBody, "")
    oauth_error = schemas.ref(OAuthError, "")
    refusals = {
        "400": _json(error, "Refused"), "401": _json(fault, "Bearer token missing or not valid"),
        "405": _json(fault, "The resource does not take this method"), "413": _json(error, "The body is too large"),
        "503": _json(error, "The database does not answer"),
    }  # fmt: skip
    oauth_refusals = {
        **refusals, "400": _json(oauth_error, "Refused"),
        "401": _json({"anyOf": [oauth_error, fault]}, "Client unknown or secret wrong"),
    }  # fmt: skip

    def form(*names: str, required: Sequence[str]) -> dict[str, Any]:
        properties: dict[str, Any] = dict.fromkeys(names, _TEXT)
        properties["grant_type"] = {"type": "string", "enum": ["client_credentials"]}
        schema = {"type": "object", "properties": properties, "required": list(required)}
        return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}

    def described(name: str, summary: str, security: list[Any], responses: dict[str, Any]) -> dict[str, Any]:
        return {
            "operationId": name,
            "tags": ["Sign-in"],
            "summary": summary,
            "security": security,
            "responses": responses,
        }

    basic: list[Any] = [{"client": []}]
    bearer: list[Any] = [{"bearer": []}]
    both: list[Any] = [{"bearer": [], "session": []}]
    token = {
        "200": _json(schemas.ref(TokenAnswer, ""), "The token; the same one within its hour"),
        **oauth_refusals,
    }
    revoked = {
        "200": {"description": "Revoked; the token is in the header RevokedAccessToken"},
        **oauth_refusals,
    }
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


def _control_paths(operations: Iterable[ControlOperation], schemas: Schemas) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    detail = schemas.ref(Problem, "")
    refusals = {
        str(status): _json(detail, words, "application/problem+json")
        for status, words in (
            (400, "The request is malformed; detail says how"),
            (401, "Operator key missing or wrong"),
            (404, "No such thing"),
            (405, "The resource does not take this method"),
            (409, "The state does not allow it"),
            (413, "The body is over the limit"),
            (503, "The database does not answer"),
        )  # fmt: skip
    }
    for operation in operations:
        done = (
            {"description": "Done"}
            if operation.response is None
            else _json(schemas.ref(operation.response, "Control"), "Done")
        )
        described: dict[str, Any] = {
            "operationId": f"control_{operation.name}",
            "tags": ["Operator plane" if operation.only is Only.BOTH else "Emulator"],
            "summary": operation.summary,
            "security": [{"operator": []}],
            "parameters": _path_parameters(operation.path, {"deviceId": _IMEI})
            + [
                {"name": name, "in": "query", "description": words, "schema": _query_schema(operation, name)}
                for name, words in operation.query
            ],
            "responses": {str(operation.status): done, **refusals},
        }
        if operation.request is not None:
            schema = schemas.ref(operation.request, "Control")
            described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths.setdefault(CONTROL_BASE + operation.path, {})[operation.method.lower()] = described
    return paths


def _query_schema(operation: ControlOperation, name: str) -> dict[str, Any]:
    if name == "limit":
        return {"type": "integer", "minimum": 1, "maximum": 1000}
    if name == "preview":
        return {"type": "boolean"}
    if name == "deviceId":
        return _IMEI
    by_number = dict(operation.query).get("after", "").startswith("the last number")
    return {"type": "integer", "minimum": 0, "maximum": 2**53} if by_number else _TEXT


def openapi_document(control_operations: Iterable[ControlOperation]) -> dict[str, Any]:
    """The document for a server with these control operations."""
    schemas = Schemas()
    paths = {
        **_signin_paths(schemas),
        **_license_paths(schemas),
        **_control_paths(control_operations, schemas),
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
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Token of /oauth2/token, 1 hour",
                },
                "session": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "VZ-M2M-Token",
                    "description": "20 minutes idle",
                },
                "operator": {"type": "http", "scheme": "bearer", "description": "Operator key"},
            },
        },
    }


class DocsPages:
    """`/openapi.json` and `/docs`, made at their first request."""

    def __init__(self, settings: Settings, control_operations: Sequence[ControlOperation]) -> None:
        self._settings = settings
        self._control_operations = control_operations

    @cached_property
    def document(self) -> dict[str, Any]:
        return openapi_document(self._control_operations)

    def routes(self) -> list[BaseRoute]:
        if self._settings.close_docs:
            return []
        return [Route("/openapi.json", self._openapi), Route("/docs", self._docs), Route("/", self._docs)]

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(self.document)

    async def _docs(self, request: Request) -> Response:
        return HTMLResponse(_page(self.document))


_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884}"
)


def _page(document: dict[str, Any]) -> str:
    """A page without scripts that lists every operation, by group."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            row = (
                f"<tr><td><code>{method.upper()}</code></td><td><code>{html.escape(path)}</code></td>"
                f"<td>{html.escape(operation['summary'])}</td></tr>"
            )
            groups.setdefault(operation["tags"][0], []).append(row)
    tables = "".join(
        f"<h2>{html.escape(name)}</h2><table><thead><tr><th>Method</th><th>Path</th><th>What it does</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        for name, rows in groups.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>fotapool {__version__}</title><style>{_STYLE}</style><h1>fotapool {__version__}</h1>"
        "<p>License calls need two tokens: <code>Authorization: Bearer …</code> from"
        " <code>/api/ts/v1/oauth2/token</code> and <code>VZ-M2M-Token: …</code> from"
        " <code>/api/m2m/v1/session/login</code>. The operator plane needs"
        " <code>Authorization: Bearer OPERATOR_KEY</code>.</p><p>For programs:"
        f" <a href=openapi.json>openapi.json</a></p>{tables}</html>"
    )
