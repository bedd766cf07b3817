"""Lists who is signed in, and ends sign-ins: of the console, of API users and of API clients."""

from __future__ import annotations

import re

import msgspec

from fotapool.core.clock import SystemClock
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.identity import BEARER_LIFETIME_MS, CONSOLE_LIFETIME_MS, SESSION_IDLE_MS, SignInKind
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.db.connection import Connection
from fotapool.store.identity import sign_ins as store
from fotapool.store.identity.sign_ins import BEARER_TOKENS, CONSOLE_SESSIONS, USER_SESSIONS, SignIn, SignInTable

ID_BYTES = 8
"""How many bytes of a token's hash identify a sign-in."""
HASH_BYTES = 32
_ID = re.compile(r"(console|user|client)-([0-9a-f]{16})", re.ASCII)
_CURSOR = re.compile(r"(\d{1,16})-([0-9a-f]{64})", re.ASCII)


_TABLES: dict[SignInKind, SignInTable] = {
    SignInKind.CONSOLE: CONSOLE_SESSIONS,
    SignInKind.USER: USER_SESSIONS,
    SignInKind.CLIENT: BEARER_TOKENS,
}
_LIFE_MS = {
    SignInKind.CONSOLE: CONSOLE_LIFETIME_MS,
    SignInKind.USER: SESSION_IDLE_MS,
    SignInKind.CLIENT: BEARER_LIFETIME_MS,
}
_TARGET_KINDS = {SignInKind.CONSOLE: "operator", SignInKind.USER: "user", SignInKind.CLIENT: "client"}


class SignInView(msgspec.Struct, frozen=True):
    """A sign-in; `cursor` is where the next page starts. Times in ms.

    It expires at `expires_ms` unless it is used before (sessions of API users).
    """

    id: str
    kind: SignInKind
    name: str
    began_ms: int
    used_ms: int | None
    expires_ms: int
    address: str
    cursor: str


async def list_sign_ins(context: Context, kind: SignInKind, name: str, after: str, limit: int) -> list[SignInView]:
    """Valid sign-ins, of one person or program or of all (empty), the latest first. Raises Invalid for the cursor."""
    match = _CURSOR.fullmatch(after) if after else None
    if after and match is None:
        raise Invalid("after must be the cursor of the last sign-in of the page before")
    place = None if match is None else (int(match[1]), bytes.fromhex(match[2]))
    since_ms, most = _since_ms(context, kind), min(limit, OPERATOR_PAGE + 1)

    def read(connection: Connection) -> list[SignIn]:
        return store.read_sign_ins(
            connection, kind=_TABLES[kind], name=name, since_ms=since_ms, after=place, limit=most
        )

    return [_view(kind, one) for one in await context.reader.short(read)]


def _since_ms(context: Context, kind: SignInKind) -> int:
    """The time (ms) after which a valid sign-in expires, was used or was issued; the console has real time."""
    if kind is SignInKind.CONSOLE:
        return SystemClock().now_ms()
    return context.clock.now_ms() - _LIFE_MS[kind]


def _view(kind: SignInKind, one: SignIn) -> SignInView:
    return SignInView(
        id=f"{kind.value}-{one.token_hash[:ID_BYTES].hex()}",
        kind=kind,
        name=one.name,
        began_ms=one.began_ms,
        used_ms=one.used_ms,
        expires_ms=one.order_ms + _LIFE_MS[kind],
        address=one.address,
        cursor=f"{one.order_ms}-{one.token_hash.hex()}",
    )


async def end_sign_in(context: Context, sign_in_id: str) -> None:
    """Ends one sign-in at once. Raises NotFound if it has ended."""
    match = _ID.fullmatch(sign_in_id)
    if match is None:
        raise NotFound(f"session {sign_in_id[:40]} does not exist")
    kind, start = SignInKind(match[1]), bytes.fromhex(match[2])
    first, last = start.ljust(HASH_BYTES, b"\x00"), start.ljust(HASH_BYTES, b"\xff")
    since_ms = _since_ms(context, kind)

    def end(connection: Connection, now_ms: int) -> None:
        names = store.read_names(connection, kind=_TABLES[kind], first=first, last=last, since_ms=since_ms)
        if not names:
            raise NotFound(f"session {sign_in_id} does not exist, or has ended")
        context.audit.about(_TARGET_KINDS[kind], names[0])
        store.record_ended(connection, _TABLES[kind], first, last)
        context.audit.record(connection, now_ms, {"session": sign_in_id})

    await context.writer.submit(DirectCommand(end))


async def end_sign_ins(context: Context, kind: SignInKind, name: str) -> int:
    """Ends all sign-ins of a person or program at once; returns how many. Raises NotFound for an impossible name."""
    context.audit.about(_TARGET_KINDS[kind], name)
    if not name or "\x00" in name:
        raise NotFound("nobody has this name")
    since_ms = _since_ms(context, kind)

    def end(connection: Connection, now_ms: int) -> int:
        ended = store.record_all_ended(connection, _TABLES[kind], name, since_ms)
        context.audit.record(connection, now_ms, after={"endedSessions": ended})
        return ended

    return await context.writer.submit(DirectCommand(end))
