"""Tokens that end before their time: for the emulator's faults."""

from __future__ import annotations

from fotapool.core import hashing
from fotapool.domain.identity.sessions import BEARER_LIFETIME_MS, SESSION_IDLE_MS
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.store.identity.token_expiry import record_bearer_aged, record_session_aged


async def expire_bearer(context: Context, token: str) -> None:
    """The token was issued so long ago that it has just expired; one that is not known stays unknown."""
    token_hash = hashing.token_hash(token)
    await context.writer.submit(
        DirectCommand(
            lambda connection, now_ms: record_bearer_aged(connection, token_hash, now_ms - BEARER_LIFETIME_MS - 1)
        )
    )


async def expire_session(context: Context, gate: Authenticator, token: str) -> None:
    """The session was last used so long ago that it has just expired."""
    token_hash = hashing.token_hash(token)
    command = DirectCommand(
        lambda connection, now_ms: record_session_aged(connection, token_hash, now_ms - SESSION_IDLE_MS - 1)
    )
    async with gate.without_uses_of(token_hash):
        await context.writer.submit(command)
