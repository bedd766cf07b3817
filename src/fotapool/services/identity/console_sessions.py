"""Sessions of the console: random tokens, of which the database has hashes. A copy of it opens nothing."""

from __future__ import annotations

import hmac
import secrets

from fotapool.core.hashing import token_hash
from fotapool.domain.identity import CONSOLE_LIFETIME_MS
from fotapool.services.audit_log.drafts import Values
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.services.identity.oidc.people import find_person
from fotapool.services.identity.operators import read_valid_keys
from fotapool.store.db.connection import Connection
from fotapool.store.identity import console_sessions as store
from fotapool.store.identity.console_sessions import ConsoleSession
from fotapool.store.identity.keys import CONSOLE_SESSION
from fotapool.store.identity.operators import Operator

TOKEN_BYTES = 32
MAX_TOKEN = 100


async def begin_session(context: Context, operator: Operator, now_ms: int, details: Values | None = None) -> str:
    """Starts a session of the operator; returns its token. `details` go to the audit log's entry."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session = ConsoleSession(
        token_hash=token_hash(token),
        operator=operator.name,
        key_digest=context.secrets.digest(operator.key_hash),
        expires_ms=now_ms + CONSOLE_LIFETIME_MS,
        created_ms=now_ms,
        used_ms=now_ms,
        address=context.audit.address,
    )

    def begin(connection: Connection, change_ms: int) -> None:
        store.record_console_session(connection, session, now_ms)
        context.audit.record(connection, change_ms, after={"role": operator.role.value, **(details or {})})

    await context.writer.submit(DirectCommand(begin))
    return token


async def find_session(context: Context, token: str, now_ms: int) -> Operator | None:
    """The operator of the session with its present role; None if it or its key has ended."""
    if not 0 < len(token) <= MAX_TOKEN:
        return None
    session = await context.reader.short(store.read_console_session, token_hash(token))
    if session is None or session.expires_ms <= now_ms:
        return None
    context.key_uses.note(CONSOLE_SESSION, session.token_hash, now_ms)
    keys = await read_valid_keys(context, session.operator)
    person = await find_person(context, session.operator)
    digest = context.secrets.digest
    return next(
        (
            one
            for one in [*keys, *([person] if person else [])]
            if hmac.compare_digest(digest(one.key_hash), session.key_digest)
        ),
        None,
    )


async def end_session(context: Context, token: str) -> None:
    """Ends the session at once, for every copy of its cookie."""

    def end(connection: Connection, now_ms: int) -> None:
        store.record_console_session_ended(connection, token_hash(token))
        context.audit.record(connection, now_ms)

    await context.writer.submit(DirectCommand(end))
