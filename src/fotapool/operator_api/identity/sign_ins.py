"""Operations on sign-ins: who is signed in to the console and the documented API, and ending that."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.identity import Role, SignInKind
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.identity import sign_ins
from fotapool.services.identity.sign_ins import SignInView
from fotapool.web.operations import Operation
from fotapool.web.parameters import LIMIT, choice_parameter, text_parameter

KIND = replace(
    choice_parameter(
        "kind",
        "console (operators), user (session tokens, the default) or client (bearer tokens)",
        {kind.value: kind for kind in SignInKind},
    ),
    default=SignInKind.USER,
)
NAME = text_parameter("name", "only of this operator, user or client", default="")
AFTER = text_parameter("after", "`cursor` of the last session of the page before", default="")


class SessionView(msgspec.Struct):
    """A sign-in. A user's session expires at `expireTime` unless it is used before.

    `lastUseTime` is null for bearer tokens, and `address` if it is unknown.
    """

    id: str
    kind: SignInKind
    name: str
    createTime: str
    lastUseTime: str | None
    expireTime: str
    address: str | None
    cursor: str


class SessionList(msgspec.Struct):
    sessions: list[SessionView]
    hasMoreData: bool


class EndSessions(msgspec.Struct, forbid_unknown_fields=True):
    """Whose sessions end: those of an operator in the console, of a user, or of a client."""

    kind: SignInKind
    name: str


class EndedSessions(msgspec.Struct):
    ended: int


def _view(one: SignInView) -> SessionView:
    return SessionView(
        id=one.id,
        kind=one.kind,
        name=one.name,
        createTime=format_timestamp(one.began_ms),
        lastUseTime=time_or_none(one.used_ms),
        expireTime=format_timestamp(one.expires_ms),
        address=one.address or None,
        cursor=one.cursor,
    )


async def list_sessions(call: OperatorCall) -> SessionList:
    """List who is signed in, the latest first."""
    found, more = call.page(
        await sign_ins.list_sign_ins(
            call.context, kind=call.get(KIND), name=call.get(NAME), after=call.get(AFTER), limit=call.read_limit
        )
    )
    return SessionList([_view(one) for one in found], more)


async def end_session(call: OperatorCall) -> None:
    """End one session or bearer token at once."""
    await sign_ins.end_sign_in(call.context, call.path["session"])


async def end_sessions(call: OperatorCall, given: EndSessions) -> EndedSessions:
    """End all sessions of an operator in the console, of a user, or of a client."""
    return EndedSessions(await sign_ins.end_sign_ins(call.context, given.kind, given.name))


OPERATIONS = (
    Operation("GET", "/sessions", list_sessions, parameters=(KIND, NAME, AFTER, LIMIT)),
    Operation("POST", "/sessions/end", end_sessions, role=Role.ADMIN),
    Operation("DELETE", "/sessions/{session}", end_session, role=Role.ADMIN),
)
