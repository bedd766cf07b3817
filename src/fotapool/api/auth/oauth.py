"""The OAuth token and revocation endpoints. oauthlib validates the request; the services issue and revoke tokens."""

from __future__ import annotations

import base64
import binascii
from types import SimpleNamespace
from typing import Any

from oauthlib.oauth2 import BackendApplicationServer, RequestValidator

from fotapool.api.common.errors import missing_credentials
from fotapool.core.logs.context import note_sender
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.bearers import issue_bearer, revoke_bearer, verify_client
from fotapool.store.identity.sessions import Client
from fotapool.web.http import ApiResponse, json_response

API_CONTEXT = "/ts/v1"
SCOPE = "ts.mec ts.application.ro"
UNAUTHORIZED = 401
MAX_SHOWN = 200
"""How many characters of a revoked token the response's header repeats."""
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))


class _Validator(RequestValidator):  # type: ignore[misc]
    """oauthlib's validator for one request, whose client was looked up and verified before."""

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._client = client
        self.revoked = ""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        if self._client is None:
            return False
        request.client = SimpleNamespace(client_id=self._client.key)
        request.client_id = self._client.key
        return True

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def validate_grant_type(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def validate_scopes(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def get_default_scopes(self, *args: Any, **kwargs: Any) -> list[str]:
        return SCOPE.split()

    def save_bearer_token(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: the service stores the token."""

    def revoke_token(self, token: str, *args: Any, **kwargs: Any) -> None:
        """Records the token; the service revokes it."""
        self.revoked = token


def read_basic(header: str | None) -> tuple[str, str] | None:
    """Key and secret of a Basic header, or None."""
    if header is None or header[:6].lower() != "basic ":
        return None
    try:
        key, colon, secret = base64.b64decode(header[6:].strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (key, secret) if colon else None


def _missing_basic() -> ApiResponse:
    error = RequestRejected(ErrorCode.BEARER_MISSING, "no Authorization: Basic header")
    return missing_credentials(error, "Basic", b"Basic")


def _oauth_response(headers: dict[str, str], body: str, status: int) -> ApiResponse:
    found = {**headers, "Content-Type": "application/json"}
    if status == UNAUTHORIZED:
        found["WWW-Authenticate"] = "Basic"  # oauthlib says Bearer, but the Basic header failed
    return ApiResponse(
        status, body.encode(), tuple((name.lower().encode(), value.encode()) for name, value in found.items())
    )


_ERRORS: dict[ErrorCode, tuple[int, str, str]] = {
    ErrorCode.BODY_TOO_LARGE: (413, "invalid_request", "The request body exceeds the maximum size."),
    ErrorCode.BODY_INVALID: (400, "invalid_request", "The request body is not what the operation takes."),
    ErrorCode.ENCODING_UNSUPPORTED: (415, "invalid_request", "The request body has an encoding that is not supported."),
    ErrorCode.BUSY: (503, "temporarily_unavailable", "The service is temporarily unavailable."),
    ErrorCode.STORE_UNAVAILABLE: (503, "temporarily_unavailable", "The service is temporarily unavailable."),
    ErrorCode.INTERNAL: (500, "server_error", "Internal error."),
}


def oauth_error(error: RequestRejected, retry_after_s: int) -> ApiResponse:
    """The response of `/api/ts` to a rejected request, with the members and codes of RFC 6749."""
    status, code, description = _ERRORS[error.code]
    retry = ((b"retry-after", b"%d" % retry_after_s),) if status == 503 else ()
    return json_response({"error": code, "error_description": description}, status, (*_NO_STORE, *retry))


def _token_rejection(client: Client | None, body: str) -> ApiResponse | None:
    """The response to a token request of a client, or of a wrong one; None if it gets a token."""
    headers, text, status = BackendApplicationServer(_Validator(client)).create_token_response(
        "https://localhost/oauth2/token", "POST", body, {"Content-Type": _FORM}
    )
    if status == 200:
        return None
    documented = text.replace("Request is missing grant type.", "Missing grant_type parameter value")
    return _oauth_response(headers, documented, status)


async def issue_token(context: Context, authorization: str | None, body: str, address: str) -> ApiResponse:
    """POST /oauth2/token: returns the client's token, the same one within its hour."""
    basic = read_basic(authorization)
    if basic is None:
        return _missing_basic()
    client, secret = await verify_client(context, *basic, address)
    refused = _token_rejection(client, body)
    if refused is not None or client is None:
        return refused or _missing_basic()
    note_sender(client.key)
    issued = await issue_bearer(context, client, secret, address)
    if issued is None:
        return _token_rejection(None, body) or _missing_basic()
    token = {"access_token": issued.token, "scope": SCOPE, "token_type": "Bearer", "expires_in": issued.expires_in_s}
    return json_response(token, 200, _NO_STORE)


async def revoke_token(context: Context, authorization: str | None, body: str, address: str) -> ApiResponse:
    """POST /oauth2/revoke: returns the revoked token in a header, and no body."""
    basic = read_basic(authorization)
    if basic is None:
        return _missing_basic()
    client, _ = await verify_client(context, *basic, address)
    validator = _Validator(client)
    headers, text, status = BackendApplicationServer(validator).create_revocation_response(
        "https://localhost/oauth2/revoke", "POST", body, {"Content-Type": _FORM}
    )
    if status != 200 or client is None:
        return _oauth_response(headers, text or "", status)
    note_sender(client.key)
    await revoke_bearer(context, client.key, validator.revoked)
    shown = "".join(character for character in validator.revoked if character.isascii() and character.isprintable())
    return ApiResponse(200, b"", ((b"revokedaccesstoken", shown[:MAX_SHOWN].encode()), *_NO_STORE))
