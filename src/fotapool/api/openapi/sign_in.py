"""Sign-in in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fotapool.api.auth import sessions
from fotapool.api.auth.routes import OAUTH_BASE, SESSION_BASE
from fotapool.api.common.errors import ErrorBody, FaultBody
from fotapool.web.openapi.document import Schemas, content, json_body, with_headers
from fotapool.web.parameters import TEXT

_GRANT_TYPE = {"type": "string", "enum": ["client_credentials"]}
_TOKEN = {"type": "string", "minLength": 1}


class TokenAnswer(msgspec.Struct):
    access_token: str
    scope: str
    token_type: str
    expires_in: int


class OAuthError(msgspec.Struct, omit_defaults=True):
    error: str
    error_description: str = ""


def _form(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def describe_sign_in(schemas: Schemas) -> dict[str, Any]:
    """The path items."""
    error, fault, oauth_error = (schemas.ref(shape) for shape in (ErrorBody, FaultBody, OAuthError))
    errors = {
        "400": content(error, "Refused"),
        "401": content(fault, "Bearer token missing or not valid"),
        "405": content(fault, "The resource does not take this method"),
        "413": content(error, "The body is too large"),
        "503": content(error, "The database does not answer"),
    }
    oauth_errors = {
        **errors,
        "400": content(oauth_error, "Refused"),
        "401": content({"anyOf": [oauth_error, fault]}, "Client unknown or secret wrong"),
    }

    def described(
        name: str, summary: str, needs: list[str], responses: dict[str, Any], **body: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "operationId": name,
            "tags": ["Sign-in"],
            "summary": summary,
            "security": [{scheme: [] for scheme in needs}],
            "responses": with_headers(responses),
            **body,
        }

    token = {"200": content(schemas.ref(TokenAnswer), "The token; the same one within its hour"), **oauth_errors}
    revoked = {"200": {"description": "Revoked; the token is in the header RevokedAccessToken"}, **oauth_errors}
    session = {"200": content(schemas.ref(sessions.SessionAnswer), "The session token"), **errors}
    password = {"200": content(schemas.ref(sessions.PasswordAnswer), "The new password"), **errors}
    get_token = _form({"grant_type": _GRANT_TYPE, "scope": TEXT}, ["grant_type"])
    revoke = _form({"grant_type": TEXT, "token": _TOKEN}, ["token"])
    log_in, reset = (json_body(schemas.ref(shape)) for shape in (sessions.LoginBody, sessions.ResetBody))
    both = ["bearer", "session"]
    return {
        f"{OAUTH_BASE}/oauth2/token": {
            "post": described("issue_token", "Get a bearer token", ["client"], token, requestBody=get_token)
        },
        f"{OAUTH_BASE}/oauth2/revoke": {
            "post": described("revoke_token", "Revoke a bearer token", ["client"], revoked, requestBody=revoke)
        },
        f"{SESSION_BASE}/session/login": {
            "post": described("login", "Open a session", ["bearer"], session, requestBody=log_in)
        },
        f"{SESSION_BASE}/session/logout": {"post": described("logout", "End the session", both, session)},
        f"{SESSION_BASE}/session/password/actions/reset": {
            "put": described("reset_password", "Get a new password", both, password, requestBody=reset)
        },
    }
