"""Expires tokens early, for the emulator's faults."""

from __future__ import annotations

from fotapool.core import hashing
from fotapool.domain.identity import BEARER_LIFETIME_MS, SESSION_IDLE_MS
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.store.db.connection import Connection
from fotapool.store.identity.token_expiry import record_bearer_aged, record_session_aged


async def expire_bearer(context: Context, token: str) -> None:
    """Backdates a bearer token's issue, so that it has just expired; does nothing for an unknown one."""
    token_hash = hashing.token_hash(token)

    def expire(connection: Connection, now_ms: int) -> None:
        record_bearer_aged(connection, token_hash, now_ms - BEARER_LIFETIME_MS - 1)

    await context.writer.submit(DirectCommand(expire))


async def expire_session(context: Context, authenticator: Authenticator, token: str) -> None:
    """Backdates a session's last use, so that it has just expired; does nothing for an unknown one."""
    token_hash = hashing.token_hash(token)

    def expire(connection: Connection, now_ms: int) -> None:
        record_session_aged(connection, token_hash, now_ms - SESSION_IDLE_MS - 1)

    async with authenticator.discarding_uses_of(token_hash):
        await context.writer.submit(DirectCommand(expire))
