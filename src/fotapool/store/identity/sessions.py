"""Clients, bearer tokens, users, sessions and operator keys. Secrets and tokens are stored as hashes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fotapool.domain.identity import Role
from fotapool.store.db.connection import Connection, Row

_SIGN_IN = """
SELECT k.n, b.issued_ms, b.revoked, s.username, s.last_used_ms, a.id, a.status
FROM {rows} k
LEFT JOIN bearer_token b ON b.token_hash = k.bearer
LEFT JOIN user_session s ON s.token_hash = k.session
LEFT JOIN account a ON a.name = k.account
    AND EXISTS (SELECT 1 FROM user_account ua WHERE ua.username = s.username AND ua.account_id = a.id)
"""


@dataclass(frozen=True, slots=True)
class SignInRow:
    """What is stored of the two tokens of a request and of the account it names; None where nothing is.

    The account is None as well if it is not one of the session's user.
    """

    bearer_issued_ms: int | None
    bearer_revoked: int | None
    username: str | None
    last_used_ms: int | None
    account_id: int | None
    account_status: str | None

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the passing of time, or an ending, can refuse a request with these tokens."""
        return (
            self.bearer_issued_ms is not None
            and not self.bearer_revoked
            and self.username is not None
            and self.account_status == "active"
        )


NO_SIGN_IN = SignInRow(
    bearer_issued_ms=None, bearer_revoked=None, username=None, last_used_ms=None, account_id=None, account_status=None
)


def read_auth_epoch_and_sign_ins(
    connection: Connection, keys: Sequence[tuple[bytes, bytes, str]]
) -> tuple[int, list[SignInRow]]:
    """How many sign-ins were ended so far, read first; and what is stored of each key."""
    auth_epoch: int = connection.fetch("SELECT number FROM auth_epoch")[0][0]
    return auth_epoch, read_sign_ins(connection, keys) if keys else []


def record_auth_epoch(connection: Connection) -> None:
    """Tells all servers that a token, a user, a client or an account does not count any more."""
    connection.execute("UPDATE auth_epoch SET number = number + 1")


def read_sign_ins(connection: Connection, keys: Sequence[tuple[bytes, bytes, str]]) -> list[SignInRow]:
    """For each (bearer hash, session hash, account name), in order."""
    rows = connection.fetch_rows(_SIGN_IN, "n,bearer,session,account", [(n, *key) for n, key in enumerate(keys)])
    found = {row[0]: SignInRow(*row[1:]) for row in rows}
    return [found[n] for n in range(len(keys))]


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client, with its latest bearer token if it ever had one."""

    key: str
    secret_hash: str
    nonce: bytes | None
    issued_ms: int | None
    revoked: int | None


def read_client(connection: Connection, key: str) -> Client | None:
    rows = connection.fetch(
        "SELECT c.client_key, c.secret_hash, b.nonce, b.issued_ms, b.revoked FROM api_client c"
        " LEFT JOIN bearer_token b ON b.client_key = c.client_key"
        " WHERE c.client_key = :key ORDER BY coalesce(b.revoked, 0), b.issued_ms DESC LIMIT 1",
        {"key": key},
    )
    return Client(*rows[0]) if rows else None


def record_bearer(connection: Connection, token_hash: bytes, client_key: str, nonce: bytes, now_ms: int) -> None:
    connection.execute(
        "INSERT INTO bearer_token VALUES (:hash, :client, :nonce, :now, 0)",
        {"hash": token_hash, "client": client_key, "nonce": nonce, "now": now_ms},
    )


def record_bearer_revoked(connection: Connection, token_hash: bytes, client_key: str) -> None:
    record_auth_epoch(connection)
    connection.execute(
        "UPDATE bearer_token SET revoked = 1 WHERE token_hash = :hash AND client_key = :client",
        {"hash": token_hash, "client": client_key},
    )


def record_client(connection: Connection, key: str, secret_hash: str, now_ms: int) -> None:
    connection.execute(
        "INSERT INTO api_client VALUES (:key, :hash, :now)", {"key": key, "hash": secret_hash, "now": now_ms}
    )


def record_client_deleted(connection: Connection, key: str) -> None:
    record_auth_epoch(connection)
    connection.execute("DELETE FROM bearer_token WHERE client_key = :key", {"key": key})
    connection.execute("DELETE FROM api_client WHERE client_key = :key", {"key": key})


def read_clients(connection: Connection, after: str, limit: int) -> list[Row]:
    """(key, created_ms) by key."""
    return connection.fetch(
        "SELECT client_key, created_ms FROM api_client WHERE client_key > :after ORDER BY client_key LIMIT :limit",
        {"after": after, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever has an operator key, as what and since when (ms)."""

    name: str
    role: Role
    key_hash: bytes
    created_ms: int


_OPERATOR = "name, role, key_hash, created_ms"


def _operator(row: Row) -> Operator:
    return Operator(row[0], Role(row[1]), bytes(row[2]), row[3])


@dataclass(frozen=True, slots=True)
class User:
    username: str
    password_hash: str
    failed_logins: int
    created_ms: int


def read_user(connection: Connection, username: str) -> User | None:
    rows = connection.fetch(
        "SELECT username, password_hash, failed_logins, created_ms FROM api_user WHERE username = :username",
        {"username": username},
    )
    return User(*rows[0]) if rows else None


def read_users(connection: Connection, after: str, limit: int) -> list[tuple[User, list[str]]]:
    """Users by name, each with the names of its accounts."""
    rows = connection.fetch(
        "SELECT username, password_hash, failed_logins, created_ms FROM api_user WHERE username > :after"
        " ORDER BY username LIMIT :limit",
        {"after": after, "limit": limit},
    )
    return [(User(*row), read_user_accounts(connection, row[0])) for row in rows]


def read_user_accounts(connection: Connection, username: str) -> list[str]:
    rows = connection.fetch(
        "SELECT a.name FROM user_account ua JOIN account a ON a.id = ua.account_id WHERE ua.username = :username"
        " ORDER BY a.name",
        {"username": username},
    )
    return [row[0] for row in rows]


def record_user(
    connection: Connection, username: str, password_hash: str, account_ids: Sequence[int], now_ms: int
) -> None:
    connection.execute(
        "INSERT INTO api_user VALUES (:username, :hash, 0, :now)",
        {"username": username, "hash": password_hash, "now": now_ms},
    )
    connection.insert("user_account", "username, account_id", [(username, account_id) for account_id in account_ids])


def record_user_deleted(connection: Connection, username: str) -> None:
    record_auth_epoch(connection)
    for table in ("user_session", "user_account", "api_user"):
        connection.execute(f"DELETE FROM {table} WHERE username = :username", {"username": username})


def record_password(connection: Connection, username: str, password_hash: str) -> None:
    connection.execute(
        "UPDATE api_user SET password_hash = :hash, failed_logins = 0 WHERE username = :username",
        {"username": username, "hash": password_hash},
    )


def record_failed_logins(connection: Connection, username: str, failed_logins: int) -> None:
    connection.execute(
        "UPDATE api_user SET failed_logins = :failed WHERE username = :username",
        {"username": username, "failed": failed_logins},
    )


def record_session(connection: Connection, token_hash: bytes, username: str, now_ms: int) -> None:
    connection.execute(
        "INSERT INTO user_session VALUES (:hash, :username, :now, :now)",
        {"hash": token_hash, "username": username, "now": now_ms},
    )


def record_session_ended(connection: Connection, token_hash: bytes) -> None:
    record_auth_epoch(connection)
    connection.execute("DELETE FROM user_session WHERE token_hash = :hash", {"hash": token_hash})


def record_session_uses(connection: Connection, uses: Mapping[bytes, int]) -> None:
    """Moves the sessions' last use forward; never back. All servers go in one order, or they would lock each other."""
    for token_hash, used_ms in sorted(uses.items()):
        connection.execute(
            "UPDATE user_session SET last_used_ms = :used WHERE token_hash = :hash AND last_used_ms < :used",
            {"hash": token_hash, "used": used_ms},
        )


def record_ended_forgotten(connection: Connection, sessions_before_ms: int, bearers_before_ms: int) -> None:
    """Forgets sessions last used, and bearer tokens issued, before these moments."""
    connection.execute("DELETE FROM user_session WHERE last_used_ms < :before", {"before": sessions_before_ms})
    connection.execute("DELETE FROM bearer_token WHERE issued_ms < :before", {"before": bearers_before_ms})


def read_operator_of_key(connection: Connection, key_hash: bytes) -> Operator | None:
    rows = connection.fetch(f"SELECT {_OPERATOR} FROM operator_key WHERE key_hash = :hash", {"hash": key_hash})
    return _operator(rows[0]) if rows else None


def read_operator(connection: Connection, name: str) -> Operator | None:
    rows = connection.fetch(f"SELECT {_OPERATOR} FROM operator_key WHERE name = :name", {"name": name})
    return _operator(rows[0]) if rows else None


def read_operators(connection: Connection, after: str, limit: int) -> list[Operator]:
    """Operators by name."""
    rows = connection.fetch(
        f"SELECT {_OPERATOR} FROM operator_key WHERE name > :after ORDER BY name LIMIT :limit",
        {"after": after, "limit": limit},
    )
    return [_operator(row) for row in rows]


def record_operator(connection: Connection, operator: Operator) -> None:
    row = operator.name, operator.role.value, operator.key_hash, operator.created_ms
    connection.insert("operator_key", _OPERATOR, [row])


def record_operator_deleted(connection: Connection, name: str) -> None:
    connection.execute("DELETE FROM operator_key WHERE name = :name", {"name": name})
