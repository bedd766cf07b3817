"""The key that the server was started with (--operator-key): its state, and retiring it."""

from __future__ import annotations

import enum

import msgspec

from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.identity import key_prefix
from fotapool.services.audit_log.drafts import MASKED
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.services.identity.operators import FIRST_OPERATOR, start_key_hash
from fotapool.store.db.connection import Connection
from fotapool.store.identity.console_sessions import record_sessions_of_operator_ended
from fotapool.store.identity.keys import read_start_key, record_start_key_retired
from fotapool.store.identity.operators import lock_admins


class StartKeyState(enum.Enum):
    """Whether the start key is valid; NONE if the server was started without one."""

    VALID = "valid"
    RETIRED = "retired"
    NONE = "none"


class StartKeyView(msgspec.Struct, frozen=True):
    """The start key of this server. Times in ms; None for never."""

    state: StartKeyState
    prefix: str = ""
    used_ms: int | None = None
    retired_ms: int | None = None


async def read_start_key_view(context: Context) -> StartKeyView:
    key_hash = start_key_hash(context)
    if key_hash is None:
        return StartKeyView(StartKeyState.NONE)
    found = await context.reader.short(read_start_key, key_hash)
    state = StartKeyState.VALID if found.retired_ms is None else StartKeyState.RETIRED
    return StartKeyView(state, key_prefix(context.settings.operator_key or ""), *found)


async def retire_start_key(context: Context) -> None:
    """Retires the start key: every server of the database refuses it, also after a restart.

    Raises NotFound if the server was started without one, and Conflict if it is retired already, or if no operator with
    the role admin is stored.
    """
    context.audit.about("operator", FIRST_OPERATOR)
    key_hash = start_key_hash(context)
    if key_hash is None:
        raise NotFound("the server was started without --operator-key")

    def retire(connection: Connection, now_ms: int) -> None:
        if read_start_key(connection, key_hash).retired_ms is not None:
            raise Conflict("the start key is retired already")
        if not lock_admins(connection):
            raise Conflict("nobody could manage operators: create an operator with the role admin first")
        record_start_key_retired(connection, key_hash, now_ms)
        record_sessions_of_operator_ended(connection, FIRST_OPERATOR)
        context.audit.record(connection, now_ms, {"key": MASKED})

    await context.writer.submit(DirectCommand(retire))
