"""What all servers of a database share, and the columns with encrypted secrets."""

from __future__ import annotations

from collections.abc import Callable

from fotapool.core.secret_box import MARK
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import exists


def read_server_secret(connection: Connection, name: str) -> bytes | None:
    rows = connection.fetch("SELECT secret FROM server_secret WHERE name = :name", {"name": name})
    return bytes(rows[0][0]) if rows else None


def record_server_secret(connection: Connection, name: str, secret: bytes) -> None:
    """Stores the secret, or replaces the one of this name."""
    connection.execute("DELETE FROM server_secret WHERE name = :name", {"name": name})
    connection.insert("server_secret", "name, secret", [(name, secret)])


def has_sealed_secrets(connection: Connection) -> bool:
    """Whether the database has encrypted passwords or signing secrets."""
    like = {"mark": f"{MARK}%"}
    return exists(connection, "SELECT 1 FROM listener WHERE password LIKE :mark LIMIT 1", **like) or exists(
        connection, "SELECT 1 FROM signing_secret WHERE secret LIKE :mark LIMIT 1", **like
    )


def record_sealed(connection: Connection, seal: Callable[[str], str]) -> None:
    """Encrypts the passwords and signing secrets that are stored in clear."""
    like = {"mark": f"{MARK}%"}
    listeners = connection.fetch(
        "SELECT account_id, style, password FROM listener WHERE password IS NOT NULL AND password NOT LIKE :mark", like
    )
    for account_id, style, password in listeners:
        connection.execute(
            "UPDATE listener SET password = :password WHERE account_id = :account_id AND style = :style",
            {"password": seal(password), "account_id": account_id, "style": style},
        )
    secrets = connection.fetch("SELECT account_id, secret FROM signing_secret WHERE secret NOT LIKE :mark", like)
    connection.update_rows("signing_secret", "account_id", "secret", [(row[0], seal(row[1])) for row in secrets])


def delete_sealed_secrets(connection: Connection) -> None:
    """Deletes what cannot be read without the key: passwords, signing secrets, and bodies with a password."""
    like = {"mark": f"{MARK}%"}
    connection.execute("UPDATE listener SET password = NULL WHERE password LIKE :mark", like)
    connection.execute("DELETE FROM signing_secret WHERE secret LIKE :mark", like)
    connection.execute("DELETE FROM server_secret")
    connection.execute("DELETE FROM console_session")
