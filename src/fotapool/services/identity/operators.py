"""Operators and their keys. One operator has the key that the server was started with; the others are stored."""

from __future__ import annotations

import hmac

from fotapool.core import hashing
from fotapool.core.logs.context import note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.throttle import Throttled
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.identity import Role
from fotapool.services.audit_log.drafts import MASKED, Via
from fotapool.services.audit_log.entries import count_wrong_key
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.services.identity.credentials import check_name, given_or_generated, is_name
from fotapool.store.db.connection import Connection
from fotapool.store.identity import sessions as store
from fotapool.store.identity.sessions import Operator

log = Log(__name__)

FIRST_OPERATOR = "operator"
"""The name of the operator with the key that the server was started with (--operator-key)."""


async def create_operator(context: Context, name: str, role: Role) -> str:
    """Creates an operator; returns its key. Raises Invalid or Conflict."""
    context.audit.about("operator", name)
    check_name(name, "name")
    key = given_or_generated(context, None, "key")

    def create(connection: Connection, now_ms: int) -> None:
        if name == FIRST_OPERATOR or store.read_operator(connection, name) is not None:
            raise Conflict(f"operator {name} exists already")
        store.record_operator(connection, Operator(name, role, hashing.token_hash(key), now_ms))
        context.audit.record(connection, now_ms, after={"role": role.value, "key": MASKED})

    await context.writer.submit(DirectCommand(create))
    return key


async def list_operators(context: Context, after: str, limit: int) -> list[Operator]:
    """Operators by name, after the given one, without FIRST_OPERATOR."""
    return await context.reader.short(store.read_operators, after, min(limit, OPERATOR_PAGE + 1))


async def delete_operator(context: Context, name: str) -> None:
    """Deletes an operator and its key. Raises NotFound, and Conflict for FIRST_OPERATOR."""
    context.audit.about("operator", name)
    if name == FIRST_OPERATOR:
        raise Conflict(f"{name} has the key that the server was started with; restart it with another --operator-key")

    def delete(connection: Connection, now_ms: int) -> None:
        operator = store.read_operator(connection, name) if is_name(name) else None
        if operator is None:
            raise NotFound(f"operator {name} does not exist")
        store.record_operator_deleted(connection, name)
        context.audit.record(connection, now_ms, {"role": operator.role.value, "key": MASKED})

    await context.writer.submit(DirectCommand(delete))


async def identify_operator(
    context: Context, key: str | None, *, via: Via, address: str, request_id: str
) -> Operator | None:
    """The operator with this key, or None; None for what cannot be a key.

    A wrong key is logged with the address that it came from, and counted in the audit log. Raises Throttled if too many
    from the address were wrong, which is counted too; a key that was right before is not slowed down.
    """
    try:
        operator = None if key is None else await _check_key(context, key, address)
    except Throttled:
        count_wrong_key(context, via, address, request_id)
        raise
    if operator is None:
        count_wrong_key(context, via, address, request_id)
    return operator


async def _check_key(context: Context, key: str, address: str) -> Operator | None:
    key_hash = hashing.token_hash(key)
    from_address = f"operator from {address}"
    if not context.throttle.knows(key_hash):
        context.throttle.check(from_address)
    operator = await _operator_with(context, key_hash)
    if operator is None:
        log.write(LogEvent.OPERATOR_KEY_REFUSED, address=address or "an unknown address")
        context.throttle.failed(from_address)
    else:
        context.throttle.remember(key_hash)
        note_sender(operator.name)
    return operator


async def _operator_with(context: Context, key_hash: bytes) -> Operator | None:
    """The operator whose key has this hash. That of FIRST_OPERATOR is compared in constant time."""
    first = _first_operator(context)
    if first is not None and hmac.compare_digest(key_hash, first.key_hash):
        return first
    return await context.reader.short(store.read_operator_of_key, key_hash)


async def find_operator(context: Context, name: str) -> Operator | None:
    """The operator of this name with its present role, or None."""
    if name == FIRST_OPERATOR:
        return _first_operator(context)
    return await context.reader.short(store.read_operator, name)


def _first_operator(context: Context) -> Operator | None:
    key = context.settings.operator_key
    return Operator(FIRST_OPERATOR, Role.ADMIN, hashing.token_hash(key), 0) if key is not None else None
