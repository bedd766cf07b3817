"""API clients, bearer tokens, users and sessions. Secrets and tokens are stored as hashes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from fotapool.domain.identity import MAX_FAILED_LOGINS
from fotapool.domain.names import AccountStatus
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, fetch_all, fetch_one, fetch_values, field_names

_SIGN_IN = """
SELECT k.n, b.client_key, b.issued_ms, b.revoked, s.username, s.last_used_ms, a.id, a.status
FROM {rows} k
LEFT JOIN bearer_token b ON b.token_hash = k.bearer
LEFT JOIN user_session s ON s.token_hash = k.session
LEFT JOIN account a ON a.name = k.account
    AND EXISTS (SELECT 1 FROM user_account ua WHERE ua.username = s.username AND ua.account_id = a.id)
"""


class SignInRow(msgspec.Struct, frozen=True):
    """The stored facts about a request's two tokens and its account; None if there are none.

    The account is None too if the session's user has no access to it.
    """

    client_key: str | None
    bearer_issued_ms: int | None
    bearer_revoked: int | None
    username: str | None
    last_used_ms: int | None
    account_id: int | None
    account_status: str | None

    @property
    def is_complete(self) -> bool:
        """Whether a request with these tokens is valid until they expire or are revoked."""
        return (
            self.bearer_issued_ms is not None
            and not self.bearer_revoked
            and self.username is not None
            and self.account_status == AccountStatus.ACTIVE.value
        )


NO_SIGN_IN = SignInRow(**dict.fromkeys(field_names(SignInRow)))


def read_auth_epoch_and_sign_ins(
    connection: Connection, keys: Sequence[tuple[bytes, bytes, str]]
) -> tuple[int, list[SignInRow]]:
    """The auth epoch, which is read first, and the stored facts about each key."""
    auth_epoch: int = connection.fetch("SELECT number FROM auth_epoch")[0][0]
    return auth_epoch, read_sign_ins(connection, keys) if keys else []


def record_auth_epoch(connection: Connection) -> None:
    """Increments the auth epoch, so that all servers check their cached sign-ins again."""
    connection.execute("UPDATE auth_epoch SET number = number + 1")


def read_sign_ins(connection: Connection, keys: Sequence[tuple[bytes, bytes, str]]) -> list[SignInRow]:
    """The stored facts about each (bearer hash, session hash, account name), in order."""
    rows = connection.fetch_rows(_SIGN_IN, "n,bearer,session,account", [(n, *key) for n, key in enumerate(keys)])
    found = {row[0]: SignInRow(*row[1:]) for row in rows}
    return [found[n] for n in range(len(keys))]


class Client(msgspec.Struct, frozen=True):
    """An OAuth client with one of its secrets, and the latest bearer token of this secret, if it has one.

    `of_replaced` is 1 for a secret that was replaced.
    """

    key: str
    secret_hash: str
    of_replaced: int
    token_hash: bytes | None
    nonce: bytes | None
    issued_ms: int | None
    revoked: int | None


_CLIENT = """SELECT c.client_key, c.secret_hash, {replaced}, b.token_hash, b.nonce, b.issued_ms, b.revoked
    FROM {table} c LEFT JOIN bearer_token b ON b.client_key = c.client_key AND b.of_replaced = {replaced}
    WHERE c.client_key = :key{where} ORDER BY coalesce(b.revoked, 0), b.issued_ms DESC LIMIT 1"""
_PRESENT = _CLIENT.format(replaced=0, table="api_client", where="")
_REPLACED = _CLIENT.format(replaced=1, table="replaced_secret", where=" AND c.expires_ms > :now")


def read_client(connection: Connection, key: str) -> Client | None:
    """The client with its present secret."""
    return fetch_one(connection, Client, _PRESENT, key=key)


def read_replaced_client(connection: Connection, key: str, now_ms: int) -> Client | None:
    """The client with the secret that was replaced, if it is valid."""
    return fetch_one(connection, Client, _REPLACED, key=key, now=now_ms)


def record_secret_replaced(connection: Connection, key: str, secret_hash: str, expires_ms: int | None) -> None:
    """Replaces the secret: the old one expires, or ends with its token (None). One that was replaced before ends."""
    record_auth_epoch(connection)
    params = {"key": key}
    ended = "" if expires_ms is None else " AND of_replaced = 1"
    connection.execute(f"UPDATE bearer_token SET revoked = 1 WHERE client_key = :key{ended}", params)
    connection.execute("UPDATE bearer_token SET of_replaced = 1 WHERE client_key = :key", params)
    connection.execute("DELETE FROM replaced_secret WHERE client_key = :key", params)
    if expires_ms is not None:
        connection.execute(
            "INSERT INTO replaced_secret (client_key, secret_hash, expires_ms)"
            " SELECT client_key, secret_hash, CAST(:expires AS BIGINT) FROM api_client WHERE client_key = :key",
            {**params, "expires": expires_ms},
        )
    connection.update_rows("api_client", "client_key", "secret_hash", [(key, secret_hash)])


def record_bearer(
    connection: Connection, token_hash: bytes, client: Client, nonce: bytes, now_ms: int, address: str
) -> None:
    row = (token_hash, client.key, nonce, now_ms, 0, client.of_replaced, address)
    names = "token_hash, client_key, nonce, issued_ms, revoked, of_replaced, address"
    connection.insert("bearer_token", names, [row])


def record_bearer_revoked(connection: Connection, token_hash: bytes, client_key: str) -> None:
    record_auth_epoch(connection)
    connection.execute(
        "UPDATE bearer_token SET revoked = 1 WHERE token_hash = :hash AND client_key = :client",
        {"hash": token_hash, "client": client_key},
    )


def record_client(connection: Connection, key: str, secret_hash: str, now_ms: int) -> None:
    connection.insert("api_client", "client_key, secret_hash, created_ms", [(key, secret_hash, now_ms)])


def record_client_deleted(connection: Connection, key: str) -> None:
    record_auth_epoch(connection)
    for table in ("bearer_token", "replaced_secret", "api_client"):
        connection.execute(f"DELETE FROM {table} WHERE client_key = :key", {"key": key})


class ListedClient(NamedTuple):
    """A client, when its latest bearer token was issued, and the end of its replaced secret with the same. Times in ms.

    A token is known for a day after its end.
    """

    key: str
    created_ms: int
    token_ms: int | None
    old_expires_ms: int | None
    old_token_ms: int | None


def read_clients(connection: Connection, after: str, limit: int, now_ms: int) -> list[ListedClient]:
    """Clients by key, after the given one."""
    latest = "(SELECT max(b.issued_ms) FROM bearer_token b WHERE b.client_key = c.client_key AND b.of_replaced = {})"
    sql = f"""SELECT c.client_key, c.created_ms, {latest.format(0)}, r.expires_ms,
            CASE WHEN r.expires_ms IS NOT NULL THEN {latest.format(1)} END
        FROM api_client c LEFT JOIN replaced_secret r ON r.client_key = c.client_key AND r.expires_ms > :now
        WHERE c.client_key > :after ORDER BY c.client_key LIMIT :limit"""
    return fetch_all(connection, ListedClient, sql, after=after, limit=limit, now=now_ms)


class User(msgspec.Struct, frozen=True):
    """A user of the API."""

    username: str
    password_hash: str
    failed_logins: int
    created_ms: int


_USERS = f"SELECT {columns(User)} FROM api_user"


def read_user(connection: Connection, username: str) -> User | None:
    return fetch_one(connection, User, f"{_USERS} WHERE username = :username", username=username)


def read_users(connection: Connection, after: str, limit: int) -> list[tuple[User, list[str]]]:
    """Users by name, each with the names of its accounts."""
    sql = f"{_USERS} WHERE username > :after ORDER BY username LIMIT :limit"
    users = fetch_all(connection, User, sql, after=after, limit=limit)
    return [(user, read_user_accounts(connection, user.username)) for user in users]


def read_user_accounts(connection: Connection, username: str) -> list[str]:
    """The names of the user's accounts, in order."""
    sql = """SELECT a.name FROM user_account ua JOIN account a ON a.id = ua.account_id
        WHERE ua.username = :username ORDER BY a.name"""
    return fetch_values(connection, sql, username=username)


def read_locked_users(connection: Connection, limit: int) -> list[str]:
    """The first users by name that failed logins have locked."""
    sql = f"SELECT username FROM api_user WHERE failed_logins >= {MAX_FAILED_LOGINS:d} ORDER BY username LIMIT :limit"
    return fetch_values(connection, sql, limit=limit)


def record_user(
    connection: Connection, username: str, password_hash: str, account_ids: Sequence[int], now_ms: int
) -> None:
    connection.insert("api_user", columns(User), [(username, password_hash, 0, now_ms)])
    connection.insert("user_account", "username, account_id", [(username, account_id) for account_id in account_ids])


def record_user_accounts(connection: Connection, username: str, lost: Sequence[int], gained: Sequence[int]) -> None:
    """Removes and adds accounts of the user, by id; sign-ins to the lost ones end."""
    if lost:
        record_auth_epoch(connection)
        rows = [(username, account_id) for account_id in lost]
        sql = "DELETE FROM user_account WHERE (username, account_id) IN (SELECT username, account_id FROM {rows} r)"
        connection.fetch_rows(f"{sql} RETURNING account_id", "username, account_id", rows)
    connection.insert("user_account", "username, account_id", [(username, account_id) for account_id in gained])


def record_user_deleted(connection: Connection, username: str) -> None:
    record_auth_epoch(connection)
    for table in ("user_session", "user_account", "api_user"):
        connection.execute(f"DELETE FROM {table} WHERE username = :username", {"username": username})


def record_password(connection: Connection, username: str, password_hash: str) -> None:
    connection.update_rows("api_user", "username", "password_hash, failed_logins", [(username, password_hash, 0)])


def record_failed_logins(connection: Connection, username: str, failed_logins: int) -> None:
    connection.update_rows("api_user", "username", "failed_logins", [(username, failed_logins)])


def record_session(connection: Connection, token_hash: bytes, username: str, now_ms: int, address: str) -> None:
    row = (token_hash, username, now_ms, now_ms, address)
    connection.insert("user_session", "token_hash, username, created_ms, last_used_ms, address", [row])


def record_session_ended(connection: Connection, token_hash: bytes) -> None:
    record_auth_epoch(connection)
    connection.execute("DELETE FROM user_session WHERE token_hash = :hash", {"hash": token_hash})


def record_sessions_of_user_ended(connection: Connection, username: str) -> None:
    record_other_sessions_ended(connection, username, b"")


def record_other_sessions_ended(connection: Connection, username: str, kept: bytes) -> None:
    """Ends the user's sessions, without the one whose token has this hash."""
    record_auth_epoch(connection)
    connection.execute(
        "DELETE FROM user_session WHERE username = :username AND token_hash <> :kept",
        {"username": username, "kept": kept},
    )


def record_session_uses(connection: Connection, uses: Mapping[bytes, int]) -> None:
    """Updates the sessions' last use, never to an earlier time. The order prevents deadlocks between servers."""
    for token_hash, used_ms in sorted(uses.items()):
        connection.execute(
            "UPDATE user_session SET last_used_ms = :used WHERE token_hash = :hash AND last_used_ms < :used",
            {"hash": token_hash, "used": used_ms},
        )


def purge_expired(connection: Connection, sessions_before_ms: int, bearers_before_ms: int) -> None:
    """Deletes sessions last used, and bearer tokens issued, before these timestamps."""
    connection.execute("DELETE FROM user_session WHERE last_used_ms < :before", {"before": sessions_before_ms})
    connection.execute("DELETE FROM bearer_token WHERE issued_ms < :before", {"before": bearers_before_ms})
