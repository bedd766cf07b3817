"""Users, as operators manage them. Their own sign-in is in sessions.py."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.core import hashing
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import is_locked
from fotapool.services.accounts.accounts import require_account
from fotapool.services.audit_log.drafts import MASKED
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.services.identity.credentials import check_name, given_or_generated, is_name
from fotapool.store.db.connection import Connection
from fotapool.store.identity import sessions as store

MAX_ACCOUNTS = 1000
"""Maximum number of accounts of one user."""


class UserView(msgspec.Struct, frozen=True):
    """A user, the names of its accounts, and whether failed logins have locked it."""

    username: str
    accounts: list[str]
    locked: bool


def check_username_is_free(connection: Connection, username: str) -> None:
    """Raises Conflict if a user has the name."""
    if store.read_user(connection, username) is not None:
        raise Conflict(f"user {username} exists already")


async def create_user(context: Context, username: str, password: str | None, accounts: Sequence[str]) -> str:
    """Creates a user of the accounts; returns the password. Raises Invalid, Conflict or NotFound."""
    context.audit.about("user", username)
    check_name(username, "username")
    if len(accounts) > MAX_ACCOUNTS:
        raise Invalid(f"accounts must be at most {MAX_ACCOUNTS}")
    password = given_or_generated(context, password, "password")
    password_hash = await hashing.hash_secret(password)

    def create(connection: Connection, now_ms: int) -> None:
        check_username_is_free(connection, username)
        store.record_user(
            connection,
            username=username,
            password_hash=password_hash,
            account_ids=[require_account(connection, name).id for name in dict.fromkeys(accounts)],
            now_ms=now_ms,
        )
        context.audit.record(connection, now_ms, after={"accounts": list(accounts), "password": MASKED})

    await context.writer.submit(DirectCommand(create))
    return password


async def list_users(context: Context, after: str, limit: int) -> list[UserView]:
    """Users by name, after the given one."""
    rows = await context.reader.short(store.read_users, after, min(limit, OPERATOR_PAGE + 1))
    return [UserView(user.username, accounts, is_locked(user.failed_logins)) for user, accounts in rows]


async def get_user(context: Context, username: str) -> UserView:
    """The user with this name. Raises NotFound."""

    def read(connection: Connection) -> UserView:
        user = _existing(connection, username)
        return UserView(username, store.read_user_accounts(connection, username), is_locked(user.failed_logins))

    return await context.reader.short(read)


async def change_accounts(
    context: Context, username: str, given: Sequence[str] | None, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> UserView:
    """Replaces the user's accounts by the given ones (None keeps them), then adds some and removes some.

    Requests for accounts that were removed are rejected at once; a user without accounts is logged out. Raises
    Invalid, NotFound, and Conflict if nothing is given.
    """
    context.audit.about("user", username)
    if given is None and not add and not remove:
        raise Conflict("nothing to change: give accounts, add or remove")
    if max(len(given or ()), len(add), len(remove)) > MAX_ACCOUNTS:
        raise Invalid(f"accounts must be at most {MAX_ACCOUNTS}")

    def change(connection: Connection, now_ms: int) -> UserView:
        user = _existing(connection, username)
        before = store.read_user_accounts(connection, username)
        ids = {name: require_account(connection, name).id for name in (*before, *(given or ()), *add, *remove)}
        wanted = {*(before if given is None else given), *add} - set(remove)
        if len(wanted) > MAX_ACCOUNTS:
            raise Invalid(f"accounts must be at most {MAX_ACCOUNTS}")
        lost, gained = set(before) - wanted, wanted - set(before)
        store.record_user_accounts(
            connection,
            username,
            lost=[ids[name] for name in sorted(lost)],
            gained=[ids[name] for name in sorted(gained)],
        )
        if not wanted:
            store.record_sessions_of_user_ended(connection, username)
        context.audit.record(connection, now_ms, {"accounts": before}, {"accounts": sorted(wanted)})
        return UserView(username, sorted(wanted), is_locked(user.failed_logins))

    return await context.writer.submit(DirectCommand(change))


async def set_password(context: Context, username: str, password: str | None) -> str:
    """Sets the user's password, by default to a generated one, ends its sessions and unlocks it; returns the password.

    Raises Invalid or NotFound.
    """
    context.audit.about("user", username)
    password = given_or_generated(context, password, "password")
    password_hash = await hashing.hash_secret(password)

    def change(connection: Connection, now_ms: int) -> None:
        _existing(connection, username)
        store.record_password(connection, username, password_hash)
        store.record_sessions_of_user_ended(connection, username)
        context.audit.record(connection, now_ms, after={"password": MASKED})

    await context.writer.submit(DirectCommand(change))
    return password


async def unlock_user(context: Context, username: str) -> None:
    """Resets the user's failed logins, so that it can log in again. Raises NotFound."""

    context.audit.about("user", username)

    def unlock(connection: Connection, now_ms: int) -> None:
        user = _existing(connection, username)
        store.record_failed_logins(connection, username, 0)
        before, after = {"locked": is_locked(user.failed_logins)}, {"locked": False}
        context.audit.record(connection, now_ms, before, after)

    await context.writer.submit(DirectCommand(unlock))


async def delete_user(context: Context, username: str) -> None:
    """Deletes a user and ends its sessions. Raises NotFound."""

    context.audit.about("user", username)

    def delete(connection: Connection, now_ms: int) -> None:
        _existing(connection, username)
        accounts = store.read_user_accounts(connection, username)
        store.record_user_deleted(connection, username)
        context.audit.record(connection, now_ms, {"accounts": accounts, "password": MASKED})

    await context.writer.submit(DirectCommand(delete))


def _existing(connection: Connection, username: str) -> store.User:
    user = store.read_user(connection, username) if is_name(username) else None
    if user is None:
        raise NotFound(f"user {username} does not exist")
    return user
