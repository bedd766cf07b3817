"""Sessions: login, logout and password reset, with the error codes of the Connectivity Management family."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from fotapool.api.common.bodies import read_document
from fotapool.api.common.connectivity_errors import EMPTY_BODY
from fotapool.api.common.endpoint import RequestHead
from fotapool.api.common.strict import check_names
from fotapool.core.logs.context import note_sender
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator, log_in, log_out, reset_password
from fotapool.web.http import NO_STORE, ApiResponse, json_response
from fotapool.web.known_names import KnownNames

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


class SignInCall(msgspec.Struct, frozen=True):
    """A request for a session: its head and body, and the address that it came from."""

    context: Context
    authenticator: Authenticator
    head: RequestHead
    body: bytes
    address: str


KNOWN_NAMES = {"login": KnownNames(body=LoginBody), "logout": KnownNames(), "reset": KnownNames(body=ResetBody)}
"""What each operation takes, by its function's name."""

Body = TypeVar("Body", bound=msgspec.Struct)
_login = msgspec.json.Decoder(LoginBody)
_reset = msgspec.json.Decoder(ResetBody)


def _decode(call: SignInCall, decoder: msgspec.json.Decoder[Body], known: KnownNames) -> Body:
    if not call.body.strip():
        raise RequestRejected(ErrorCode.BODY_INVALID, EMPTY_BODY)
    if call.context.settings.strict:
        check_names(known, "", call.body)
    return read_document(decoder, call.body)


async def login(call: SignInCall) -> ApiResponse:
    """POST /session/login: needs the bearer token only; returns a session token."""
    await call.authenticator.check_bearer(call.head.bearer)
    given = _decode(call, _login, KNOWN_NAMES["login"])
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
    given = _decode(call, _reset, KNOWN_NAMES["reset"])
    password = await reset_password(
        call.context, username, session=call.head.session or "", old_password=given.oldPassword, address=call.address
    )
    return json_response(PasswordAnswer(password), headers=NO_STORE)
