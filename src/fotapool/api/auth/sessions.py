"""Sessions: login, logout and password reset, with the error codes of the Connectivity Management family."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from fotapool.api.common.errors import BEARER_ERRORS
from fotapool.api.common.responses import Answer, ErrorBody, explain_auth, gateway_error, json_answer
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator, log_in, log_out, reset_password

API_CONTEXT = "/m2m/v1"
SERVICE = "UnifiedWebService"
MAX_BODY_BYTES = 64 * 1024


class LoginBody(msgspec.Struct):
    username: str
    password: str


class ResetBody(msgspec.Struct):
    oldPassword: str


class SessionAnswer(msgspec.Struct):
    sessionToken: str


class PasswordAnswer(msgspec.Struct):
    newPassword: str


_CODES: dict[ErrorCode, tuple[int, str, str]] = {
    ErrorCode.SESSION_MISSING: (
        400,
        "REQUEST_FAILED.SessionToken.Format",
        "The session token is not present in the VZ-M2M-Token header.",
    ),
    ErrorCode.SESSION_INVALID: (400, "INPUT_INVALID.SessionToken.Invalid", "The session token is not valid."),
    ErrorCode.SESSION_EXPIRED: (400, "REQUEST_FAILED.SessionToken.Expired", "The Session has expired."),
    ErrorCode.LOGIN_REFUSED: (
        400,
        "INPUT_INVALID.Password.Invalid",
        "The user name or password is not valid, or the user is locked.",
    ),
    ErrorCode.BODY_INVALID: (400, "DeserializationFailed", "The request body is not what the operation takes."),
    ErrorCode.BODY_TOO_LARGE: (413, "INPUT_INVALID.Request.TooLarge", "The request body exceeds the maximum size."),
    ErrorCode.BUSY: (503, "REQUEST_FAILED.UnexpectedError", "The service is temporarily unavailable."),
    ErrorCode.STORE_UNAVAILABLE: (503, "REQUEST_FAILED.UnexpectedError", "The service is temporarily unavailable."),
    ErrorCode.INTERNAL: (500, "REQUEST_FAILED.UnexpectedError", "Internal error."),
}
_EMPTY = ("INPUT_INVALID.RequestUndefined", "The request body is empty.")


def session_error(refused: RequestRejected, retry_after_s: int) -> Answer:
    """The answer of `/api/m2m` to a refused request (facts, sections 8.3 and 8.4)."""
    if refused.code in BEARER_ERRORS:
        return gateway_error(refused, API_CONTEXT)
    status, code, message = _CODES[refused.code]
    if refused.code is ErrorCode.BODY_INVALID and refused.detail == "empty":
        code, message = _EMPTY
    headers = explain_auth(refused)
    if status == 503:
        headers = (*headers, (b"retry-after", b"%d" % retry_after_s))
    return json_answer(ErrorBody(f"{SERVICE}.{code}", message), status, headers)


Body = TypeVar("Body", bound=msgspec.Struct)
_login = msgspec.json.Decoder(LoginBody)
_reset = msgspec.json.Decoder(ResetBody)


def _decode(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    if not body.strip():
        raise RequestRejected(ErrorCode.BODY_INVALID, "empty")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error


async def login(context: Context, gate: Authenticator, bearer: str | None, session: str | None, body: bytes) -> Answer:
    """POST /session/login: needs the bearer token only."""
    await gate.check_bearer(bearer)
    given = _decode(_login, body)
    if not given.username.isprintable():
        raise RequestRejected(ErrorCode.LOGIN_REFUSED)
    return json_answer(SessionAnswer(await log_in(context, given.username, given.password)))


async def logout(context: Context, gate: Authenticator, bearer: str | None, session: str | None, body: bytes) -> Answer:
    """POST /session/logout: answers the token that has ended."""
    await gate.check_session(bearer, session)
    await log_out(context, session or "")
    return json_answer(SessionAnswer(session or ""))


async def reset(context: Context, gate: Authenticator, bearer: str | None, session: str | None, body: bytes) -> Answer:
    """PUT /session/password/actions/reset: answers a new password, effective at once."""
    username = await gate.check_session(bearer, session)
    given = _decode(_reset, body)
    return json_answer(PasswordAnswer(await reset_password(context, username, given.oldPassword)))
