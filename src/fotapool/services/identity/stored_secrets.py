"""The secrets that are stored encrypted: listeners' passwords, signing secrets, and callback bodies with a password."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from fotapool.core.secret_box import SecretBox
from fotapool.services.audit_log.drafts import MASKED, command_draft
from fotapool.store.db.connection import Connection, Row, StoreMismatch
from fotapool.store.identity import server_secrets as store
from fotapool.store.snapshots import SHAPES, Rows

KEY_CHECK = "key check"
_COLUMNS = {"listener": "password", "signing_secret": "secret", "delivery": "body"}


def prepare_secrets(connection: Connection, box: SecretBox, now_ms: int) -> None:
    """Encrypts what an earlier version stored in clear. The audit log gets an entry about a new key.

    Raises StoreMismatch if the database has secrets that were encrypted with another key.
    """
    expected = box.digest(KEY_CHECK.encode())
    found = store.read_server_secret(connection, KEY_CHECK)
    connection.rollback()
    if found is not None and hmac.compare_digest(found, expected):
        return
    connection.begin()
    try:
        connection.lock_setup()
        found = store.read_server_secret(connection, KEY_CHECK)
        sealed = store.has_sealed_secrets(connection)
        if found is not None and not hmac.compare_digest(found, expected) and sealed:
            raise StoreMismatch(
                "the secret key is not the one that the database's secrets were encrypted with: set FOTAPOOL_SECRET_KEY"
                " or restore the key file, or run `fotapool database delete-secrets`"
            )
        store.record_sealed(connection, box.seal)
        store.record_server_secret(connection, KEY_CHECK, expected)
        command_draft("setSecretKey").record(connection, now_ms, after={"secretKey": MASKED})
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def open_rows(box: SecretBox, rows: Rows) -> dict[str, Any]:
    """The rows of a snapshot with their secrets in clear. Raises Unsealable."""
    return _changed(rows, lambda value: box.open_bytes(value) if isinstance(value, bytes) else box.open(value))


def seal_rows(box: SecretBox, rows: Rows) -> dict[str, Any]:
    """The rows of a snapshot with their secrets encrypted."""

    def seal(value: Any) -> Any:
        if isinstance(value, bytes):
            return box.seal_bytes(value) if has_password(value) else value
        return box.seal(value)

    return _changed(rows, seal)


def _changed(rows: Rows, change: Callable[[Any], Any]) -> dict[str, Any]:
    changed: dict[str, Any] = dict(rows)
    for table, column in _COLUMNS.items():
        place = SHAPES[table].names.index(column)
        if table in rows:
            changed[table] = [_with(row, place, change) for row in rows[table]]
    return changed


def _with(row: Row, place: int, change: Callable[[Any], Any]) -> Row:
    if row[place] is None:
        return row
    return (*row[:place], change(row[place]), *row[place + 1 :])


def has_password(body: bytes) -> bool:
    """Whether the body of a callback may have a password."""
    return b'"password"' in body
