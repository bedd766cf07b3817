"""Sessions: login, logout and password reset, with the error codes of the Connectivity Management family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from fotapool.api.common.bodies import read_document
from fotapool.api.common.endpoint import RequestHead
from fotapool.core.logs.context import note_sender
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator, log_in, log_out, reset_password
from fotapool.web.http import NO_STORE, ApiResponse, json_response

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


@dataclass(frozen=True, slots=True)
class SignInCall:
    """A request for a session: its head and body, and the address that it came from."""

    context: Context
    authenticator: Authenticator
    head: RequestHead
    body: bytes
    address: str


Body = TypeVar("Body", bound=msgspec.Struct)
_login = msgspec.json.Decoder(LoginBody)
_reset = msgspec.json.Decoder(ResetBody)


def _decode(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    if not body.strip():
        raise RequestRejected(ErrorCode.BODY_INVALID, "empty")
    return read_document(decoder, body)


async def login(call: SignInCall) -> ApiResponse:
    """POST /session/login: needs the bearer token only; returns a session token."""
    await call.authenticator.check_bearer(call.head.bearer)
    given = _decode(_login, call.body)
    token = await log_in(call.context, given.username, given.password, call.address)
    note_sender(given.username)
    return json_response(SessionAnswer(token), headers=NO_STORE)


async def logout(call: SignInCall) -> ApiResponse:
    """POST /session/logout: ends the session and returns its token."""
    note_sender(await call.authenticator.check_session(call.head.bearer, call.head.session))
    await log_out(call.context, call.head.session or "")
    return json_response(SessionAnswer(call.head.session or ""), headers=NO_STORE)


async def reset(call: SignInCall) -> ApiResponse:
    """PUT /session/password/actions/reset: returns a new password, effective at once."""
    username = await call.authenticator.check_session(call.head.bearer, call.head.session)
    note_sender(username)
    given = _decode(_reset, call.body)
    password = await reset_password(
        call.context, username, session=call.head.session or "", old_password=given.oldPassword, address=call.address
    )
    return json_response(PasswordAnswer(password), headers=NO_STORE)
