"""Operators and their keys. One operator has the key that the server was started with; the others are stored."""

from __future__ import annotations

import hmac

from msgspec.structs import replace

from fotapool.core import hashing
from fotapool.core.logs.context import note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.throttle import Throttled
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.identity import Role, check_overlap, key_prefix
from fotapool.services.audit_log.drafts import MASKED, Via
from fotapool.services.audit_log.entries import count_wrong_key
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.services.identity.credentials import check_name, given_or_generated, is_name
from fotapool.store.db.connection import Connection
from fotapool.store.identity import keys as key_store
from fotapool.store.identity import operators as store
from fotapool.store.identity.console_sessions import record_sessions_of_operator_ended
from fotapool.store.identity.operators import Operator

log = Log(__name__)

FIRST_OPERATOR = "operator"
"""The name of the operator with the key that the server was started with (--operator-key)."""
_IS_START_KEY = (
    f"{FIRST_OPERATOR} has the key that the server was started with: retire that key, or restart it with another"
    " --operator-key"
)


async def create_operator(context: Context, name: str, role: Role) -> str:
    """Creates an operator; returns its key. Raises Invalid or Conflict."""
    context.audit.about("operator", name)
    check_name(name, "name")
    key = given_or_generated(context, None, "key")

    def create(connection: Connection, now_ms: int) -> None:
        if name == FIRST_OPERATOR or store.read_operator(connection, name) is not None:
            raise Conflict(f"operator {name} exists already")
        store.record_operator(
            connection,
            Operator(name, role, hashing.token_hash(key), created_ms=now_ms, prefix=key_prefix(key), issued_ms=now_ms),
        )
        context.audit.record(connection, now_ms, after={"role": role.value, "key": MASKED})

    await context.writer.submit(DirectCommand(create))
    return key


async def rotate_operator_key(context: Context, name: str, overlap_ms: int) -> tuple[str, int | None]:
    """Replaces an operator's key; returns the new key, and when (ms) the old one expires (None: it has ended).

    Of an operator, two keys are valid at most: a key that was replaced before ends now. Raises Invalid, NotFound, and
    Conflict for FIRST_OPERATOR.
    """
    context.audit.about("operator", name)
    if name == FIRST_OPERATOR:
        raise Conflict(_IS_START_KEY)
    check_overlap(overlap_ms)
    key = given_or_generated(context, None, "key")

    def rotate(connection: Connection, now_ms: int) -> int | None:
        old = _existing(connection, name)
        expires_ms = now_ms + overlap_ms if overlap_ms else None
        new = replace(old, key_hash=hashing.token_hash(key), prefix=key_prefix(key), issued_ms=now_ms, used_ms=None)
        store.record_key_replaced(connection, new, expires_ms)
        kept = context.secrets.digest(old.key_hash) if overlap_ms else b""
        record_sessions_of_operator_ended(connection, name, kept)
        expires = None if expires_ms is None else format_timestamp(expires_ms)
        context.audit.record(connection, now_ms, after={"key": MASKED, "oldKeyExpires": expires})
        return expires_ms

    return key, await context.writer.submit(DirectCommand(rotate))


async def list_operators(context: Context, after: str, limit: int) -> list[list[Operator]]:
    """Operators by name, after the given one, without FIRST_OPERATOR: the valid keys of each, the present one first."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> list[list[Operator]]:
        names = [one.name for one in store.read_operators(connection, after, min(limit, OPERATOR_PAGE + 1))]
        keys = store.read_operator_keys(connection, names, now_ms) if names else []
        return [[one for one in keys if one.name == name] for name in names]

    return await context.reader.short(read)


async def delete_operator(context: Context, name: str) -> None:
    """Deletes an operator and its key. Raises NotFound, and Conflict for FIRST_OPERATOR.

    Also raises Conflict for the last operator with the role admin, unless the key of the start is valid.
    """
    context.audit.about("operator", name)
    if name == FIRST_OPERATOR:
        raise Conflict(_IS_START_KEY)

    def delete(connection: Connection, now_ms: int) -> None:
        operator = _existing(connection, name)
        if store.lock_admins(connection) == {name} and not _start_key_is_valid(context, connection):
            raise Conflict(
                f"{name} is the last operator with the role admin: create another one first, or restart the server with"
                " --operator-key"
            )
        store.record_operator_deleted(connection, name)
        record_sessions_of_operator_ended(connection, name)
        context.audit.record(connection, now_ms, {"role": operator.role.value, "key": MASKED})

    await context.writer.submit(DirectCommand(delete))


def _start_key_is_valid(context: Context, connection: Connection) -> bool:
    key_hash = start_key_hash(context)
    return key_hash is not None and key_store.read_start_key(connection, key_hash).retired_ms is None


def _existing(connection: Connection, name: str) -> Operator:
    operator = store.read_operator(connection, name) if is_name(name) else None
    if operator is None:
        raise NotFound(f"operator {name} does not exist")
    return operator


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
    start_hash, now_ms = start_key_hash(context), context.clock.now_ms()
    if start_hash is not None and hmac.compare_digest(key_hash, start_hash):
        operator, table = await _first_operator(context), key_store.START_KEY
    else:
        operator = await context.reader.short(store.read_operator_of_key, key_hash, now_ms)
        table = key_store.OPERATOR_KEY
    if operator is not None:
        context.key_uses.note(table, key_hash, now_ms)
    return operator


async def read_valid_keys(context: Context, name: str) -> list[Operator]:
    """The operator of this name with its present role, with each of its valid keys."""
    if name == FIRST_OPERATOR:
        first = await _first_operator(context)
        return [] if first is None else [first]
    return await context.reader.short(store.read_operator_keys, [name], context.clock.now_ms())


def start_key_hash(context: Context) -> bytes | None:
    """The hash of the key that the server was started with, if there is one."""
    key = context.settings.operator_key
    return None if key is None else hashing.token_hash(key)


async def _first_operator(context: Context) -> Operator | None:
    """FIRST_OPERATOR, unless the server was started without a key or the key was retired."""
    key_hash = start_key_hash(context)
    if key_hash is None or (await context.reader.short(key_store.read_start_key, key_hash)).retired_ms is not None:
        return None
    return Operator(FIRST_OPERATOR, Role.ADMIN, key_hash, created_ms=0)
