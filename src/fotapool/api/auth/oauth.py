"""The OAuth token and revocation endpoints: oauthlib reads and judges the request, the use cases do the rest."""

from __future__ import annotations

import base64
import binascii
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from oauthlib.oauth2 import BackendApplicationServer, RequestValidator

from fotapool.api.common.responses import Answer, Fault, FaultBody, explain_auth, json_answer
from fotapool.core import hashing
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.sessions import find_client, issue_bearer, revoke_bearer
from fotapool.store.identity.sessions import Client

API_CONTEXT = "/ts/v1"
SCOPE = "ts.mec ts.application.ro"
UNAUTHORIZED = 401
MAX_SHOWN = 200
"""How many characters of a revoked token the answer's header repeats."""
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))


class _Validator(RequestValidator):  # type: ignore[misc]
    """Answers oauthlib's questions about one request, whose client was looked up and verified before."""

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
        """The use case stores the token."""

    def revoke_token(self, token: str, *args: Any, **kwargs: Any) -> None:
        """Keeps the token for the use case, which revokes it."""
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


async def _verified_client(context: Context, basic: tuple[str, str]) -> tuple[Client | None, str]:
    """The client and its secret. The standard has both percent-encoded (RFC 6749, 2.3.1); the vendor's SDKs do not."""
    for key, secret in dict.fromkeys([basic, (unquote(basic[0]), unquote(basic[1]))]):
        client = await find_client(context, key) if key.isprintable() else None
        if await hashing.verify_secret(client.secret_hash if client else None, secret):
            return client, secret
    return None, ""


def _missing_basic() -> Answer:
    refused = RequestRejected(ErrorCode.BEARER_MISSING, "no Authorization: Basic header")
    fault = Fault(
        "900902",
        "Missing Credentials",
        "Required OAuth credentials not provided. Make sure your API invocation call has a header: "
        '"Authorization: Basic ACCESS_TOKEN"',
    )
    return json_answer(FaultBody(fault), 401, ((b"www-authenticate", b"Basic"), *explain_auth(refused)))


def _in_documented_words(text: str) -> str:
    """The one description that the vendor documents differs from the library's."""
    return text.replace("Request is missing grant type.", "Missing grant_type parameter value")


def _oauth_answer(headers: dict[str, str], body: str, status: int) -> Answer:
    names = {**headers, "Content-Type": "application/json"}
    if status == UNAUTHORIZED:
        names["WWW-Authenticate"] = "Basic"  # the library names Bearer, but it is the Basic header that failed
    return Answer(
        status, body.encode(), tuple((name.lower().encode(), value.encode()) for name, value in names.items())
    )


async def issue_token(context: Context, authorization: str | None, body: str) -> Answer:
    """POST /oauth2/token: the client's token, the same one within its hour."""
    basic = read_basic(authorization)
    if basic is None:
        return _missing_basic()
    client, secret = await _verified_client(context, basic)
    server = BackendApplicationServer(_Validator(client))
    headers, text, status = server.create_token_response(
        "https://localhost/oauth2/token", "POST", body, {"Content-Type": _FORM}
    )
    if status != 200 or client is None:
        return _oauth_answer(headers, _in_documented_words(text), status)
    issued = await issue_bearer(context, client, secret)
    token = {"access_token": issued.token, "scope": SCOPE, "token_type": "Bearer", "expires_in": issued.expires_in_s}
    return json_answer(token, 200, _NO_STORE)


async def revoke_token(context: Context, authorization: str | None, body: str) -> Answer:
    """POST /oauth2/revoke: no body; the revoked token comes back in a header."""
    basic = read_basic(authorization)
    if basic is None:
        return _missing_basic()
    client, _ = await _verified_client(context, basic)
    validator = _Validator(client)
    headers, text, status = BackendApplicationServer(validator).create_revocation_response(
        "https://localhost/oauth2/revoke", "POST", body, {"Content-Type": _FORM}
    )
    if status != 200 or client is None:
        return _oauth_answer(headers, text or "", status)
    await revoke_bearer(context, client.key, validator.revoked)
    shown = "".join(character for character in validator.revoked if character.isascii() and character.isprintable())
    return Answer(200, b"", ((b"revokedaccesstoken", shown[:MAX_SHOWN].encode()), *_NO_STORE))
