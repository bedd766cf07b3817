"""Users, clients and operators as the operator manages them; generated secrets are shown once."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.core import hashing
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity.roles import Role
from fotapool.domain.identity.sessions import is_locked
from fotapool.domain.names import is_account_name
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.accounts.accounts import read_account
from fotapool.store.db.connection import Connection, Row
from fotapool.store.identity import sessions as store
from fotapool.store.identity.sessions import Operator

GENERATED_BYTES = 24
MAX_NAME = 200
MAX_SECRET = 1000
MAX_ACCOUNTS = 1000
"""How many accounts one user may have."""
NAME_PATTERN = "^[!-\\-0-~\u00c0-\u024f][ -.0-~\u00c0-\u024f]{0,199}$"
KEY_PATTERN = "^[!-\\-0-9;-~][!-.0-9;-~]{0,199}$"
"""Names stand in paths, so they hold no slash and do not begin with a dot; keys in HTTP Basic, so no colon."""
FIRST_OPERATOR = "operator"
"""The name of whoever uses the key that the server was started with."""


@dataclass(frozen=True, slots=True)
class UserView:
    username: str
    accounts: list[str]
    locked: bool


_NAME = re.compile(NAME_PATTERN.removesuffix("$"))
_KEY = re.compile(KEY_PATTERN.removesuffix("$"))


def check_name(name: str, what: str) -> None:
    """Raises Invalid for what cannot be the name of a user or an operator."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{what} must be 1 to {MAX_NAME} letters, digits, spaces or signs, no slash, no dot or space first"
        )


def check_key(key: str) -> None:
    """Raises Invalid for what cannot be a client's key."""
    if not _KEY.fullmatch(key):
        raise Invalid(f"key must be 1 to {MAX_NAME} ASCII letters, digits or signs, no slash, no colon, no dot first")


def check_secret(secret: str, what: str) -> None:
    """Raises Invalid for what cannot be a password or a client's secret."""
    if not 0 < len(secret) <= MAX_SECRET or "\x00" in secret:
        raise Invalid(f"{what} must be 1 to {MAX_SECRET} characters")


def _secret(context: Context, given: str | None, what: str) -> str:
    if given is None:
        return context.random_bytes(GENERATED_BYTES).hex()
    check_secret(given, what)
    return given


def _account_ids(connection: Connection, names: Sequence[str]) -> list[int]:
    found = {name: read_account(connection, name) if is_account_name(name) else None for name in names}
    missing = [name for name, account in found.items() if account is None]
    if missing:
        raise NotFound(f"account {missing[0][:100]} does not exist")
    return [account.id for account in found.values() if account]


async def create_user(context: Context, username: str, password: str | None, accounts: Sequence[str]) -> str:
    """Creates a user of the accounts; answers the password. Raises Invalid, Conflict or NotFound."""
    check_name(username, "username")
    if len(accounts) > MAX_ACCOUNTS:
        raise Invalid(f"accounts must be at most {MAX_ACCOUNTS}")
    password = _secret(context, password, "password")
    stored = await hashing.hash_secret(password)

    def create(connection: Connection, now_ms: int) -> None:
        if store.read_user(connection, username) is not None:
            raise Conflict(f"user {username} exists already")
        store.record_user(
            connection,
            username=username,
            password_hash=stored,
            account_ids=_account_ids(connection, accounts),
            now_ms=now_ms,
        )

    await context.writer.submit(DirectCommand(create))
    return password


async def list_users(context: Context, after: str, limit: int) -> list[UserView]:
    rows = await context.reader.short(store.read_users, after, min(limit, OPERATOR_PAGE + 1))
    return [UserView(user.username, accounts, is_locked(user.failed_logins)) for user, accounts in rows]


async def unlock_user(context: Context, username: str) -> None:
    """Lets a user log in again after failed logins. Raises NotFound."""

    def unlock(connection: Connection, now_ms: int) -> None:
        if not _NAME.fullmatch(username) or store.read_user(connection, username) is None:
            raise NotFound(f"user {username} does not exist")
        store.record_failed_logins(connection, username, 0)

    await context.writer.submit(DirectCommand(unlock))


async def delete_user(context: Context, username: str) -> None:
    """Deletes a user and ends its sessions. Raises NotFound."""

    def delete(connection: Connection, now_ms: int) -> None:
        if not _NAME.fullmatch(username) or store.read_user(connection, username) is None:
            raise NotFound(f"user {username} does not exist")
        store.record_user_deleted(connection, username)

    await context.writer.submit(DirectCommand(delete))


async def create_client(context: Context, key: str | None, secret: str | None) -> tuple[str, str]:
    """Creates an OAuth client; answers key and secret. Raises Invalid or Conflict."""
    key = key if key is not None else context.new_uuid()
    check_key(key)
    secret = _secret(context, secret, "secret")
    stored = await hashing.hash_secret(secret)

    def create(connection: Connection, now_ms: int) -> None:
        if store.read_client(connection, key) is not None:
            raise Conflict(f"client {key} exists already")
        store.record_client(connection, key, stored, now_ms)

    await context.writer.submit(DirectCommand(create))
    return key, secret


async def list_clients(context: Context, after: str, limit: int) -> list[Row]:
    """(key, created_ms) by key."""
    return await context.reader.short(store.read_clients, after, min(limit, OPERATOR_PAGE + 1))


async def delete_client(context: Context, key: str) -> None:
    """Deletes a client and ends its token. Raises NotFound."""

    def delete(connection: Connection, now_ms: int) -> None:
        if not _KEY.fullmatch(key) or store.read_client(connection, key) is None:
            raise NotFound(f"client {key} does not exist")
        store.record_client_deleted(connection, key)

    await context.writer.submit(DirectCommand(delete))


async def create_operator(context: Context, name: str, role: Role) -> str:
    """Creates an operator; answers its key. Raises Invalid or Conflict."""
    check_name(name, "name")
    key = context.random_bytes(GENERATED_BYTES).hex()

    def create(connection: Connection, now_ms: int) -> None:
        if name == FIRST_OPERATOR or store.read_operator(connection, name) is not None:
            raise Conflict(f"operator {name} exists already")
        store.record_operator(connection, Operator(name, role, hashing.token_hash(key), now_ms))

    await context.writer.submit(DirectCommand(create))
    return key


async def list_operators(context: Context, after: str, limit: int) -> list[Operator]:
    """Operators by name; the one of the start is not among them."""
    return await context.reader.short(store.read_operators, after, min(limit, OPERATOR_PAGE + 1))


async def delete_operator(context: Context, name: str) -> None:
    """Takes an operator's key away. Raises NotFound, and Conflict for the one of the start."""
    if name == FIRST_OPERATOR:
        raise Conflict(f"{name} has the key that the server was started with; restart it with another --operator-key")

    def delete(connection: Connection, now_ms: int) -> None:
        if not _NAME.fullmatch(name) or store.read_operator(connection, name) is None:
            raise NotFound(f"operator {name} does not exist")
        store.record_operator_deleted(connection, name)

    await context.writer.submit(DirectCommand(delete))


async def identify_operator(context: Context, key: str) -> Operator | None:
    """The operator with this key: the key of the start, compared in constant time, or one by its hash."""
    given = hashing.token_hash(key)
    first = _first_operator(context)
    if first is not None and hmac.compare_digest(given, first.key_hash):
        return first
    return await context.reader.short(store.read_operator_of_key, given)


async def find_operator(context: Context, name: str) -> Operator | None:
    """The operator of this name, as it is now."""
    if name == FIRST_OPERATOR:
        return _first_operator(context)
    return await context.reader.short(store.read_operator, name)


def _first_operator(context: Context) -> Operator | None:
    key = context.settings.operator_key
    return Operator(FIRST_OPERATOR, Role.ADMIN, hashing.token_hash(key), 0) if key is not None else None
