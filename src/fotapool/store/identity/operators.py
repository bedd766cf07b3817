"""Operators and their keys, stored as hashes: the present key of each, and a replaced one while it is valid."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.identity import Role
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, exists, fetch_all, fetch_one, row_of


class Operator(msgspec.Struct, frozen=True):
    """An operator with its role and one key. Times in ms.

    `created_ms` is of the operator and `issued_ms` of the key. `expires_ms` is None for the present key.
    """

    name: str
    role: Role
    key_hash: bytes
    created_ms: int
    prefix: str = ""
    issued_ms: int = 0
    used_ms: int | None = None
    expires_ms: int | None = None


_SELECT = f"SELECT {columns(Operator)} FROM operator_key"
_VALID = "(expires_ms IS NULL OR expires_ms > :now)"
_operator = converting(Operator, role=Role, key_hash=bytes)


def read_operator_of_key(connection: Connection, key_hash: bytes, now_ms: int) -> Operator | None:
    """The operator with this valid key."""
    return fetch_one(connection, _operator, f"{_SELECT} WHERE key_hash = :hash AND {_VALID}", hash=key_hash, now=now_ms)


def read_operator(connection: Connection, name: str) -> Operator | None:
    """The operator with its present key."""
    return fetch_one(connection, _operator, f"{_SELECT} WHERE name = :name AND expires_ms IS NULL", name=name)


def read_operator_keys(connection: Connection, names: Sequence[str], now_ms: int) -> list[Operator]:
    """The operators with each of their valid keys: by name, the present key first."""
    rows = connection.fetch_rows(
        f"SELECT {columns(Operator, 'o')} FROM {{rows}} k JOIN operator_key o ON o.name = k.name",
        "name",
        [(name,) for name in names],
    )
    found = [_operator(*row) for row in rows]
    valid = [one for one in found if one.expires_ms is None or one.expires_ms > now_ms]
    return sorted(valid, key=lambda one: (one.name, one.expires_ms is not None))


def read_operators(connection: Connection, after: str, limit: int) -> list[Operator]:
    """Operators by name, each with its present key."""
    sql = f"{_SELECT} WHERE name > :after AND expires_ms IS NULL ORDER BY name LIMIT :limit"
    return fetch_all(connection, _operator, sql, after=after, limit=limit)


def has_admin(connection: Connection) -> bool:
    """Whether an operator with the role admin is stored."""
    sql = "SELECT 1 FROM operator_key WHERE role = :role AND expires_ms IS NULL LIMIT 1"
    return exists(connection, sql, role=Role.ADMIN.value)


def lock_admins(connection: Connection) -> set[str]:
    """The names of the stored operators with the role admin, who stay as they are until the transaction ends."""
    sql = "SELECT name FROM operator_key WHERE role = :role AND expires_ms IS NULL ORDER BY name {lock_row}"
    rows = connection.fetch(sql.format_map(connection.syntax), {"role": Role.ADMIN.value})
    return {str(name) for (name,) in rows}


def record_operator(connection: Connection, operator: Operator) -> None:
    name, role, *rest = row_of(Operator)(operator)
    connection.insert("operator_key", columns(Operator), [(name, role.value, *rest)])


def record_key_replaced(connection: Connection, new: Operator, expires_ms: int | None) -> None:
    """Replaces the operator's key: the old one expires, or ends (None). One that was replaced before ends."""
    params = {"name": new.name}
    connection.execute("DELETE FROM operator_key WHERE name = :name AND expires_ms IS NOT NULL", params)
    if expires_ms is None:
        connection.execute("DELETE FROM operator_key WHERE name = :name", params)
    else:
        connection.execute(
            "UPDATE operator_key SET expires_ms = :expires WHERE name = :name", {**params, "expires": expires_ms}
        )
    record_operator(connection, new)


def record_operator_deleted(connection: Connection, name: str) -> None:
    connection.execute("DELETE FROM operator_key WHERE name = :name", {"name": name})
