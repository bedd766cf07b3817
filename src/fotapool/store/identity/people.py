"""People who sign in to the console through an OpenID provider. They are stored as long as they may have a session."""

from __future__ import annotations

import msgspec

from fotapool.domain.identity import Role
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, fetch_one


class Person(msgspec.Struct, frozen=True):
    """A person. `sub` is the provider's id of it, `provider` a digest of the settings that gave the role."""

    name: str
    sub: str
    provider: bytes
    role: Role
    expires_ms: int
    """When the person's last session ends, in real time."""


_person = converting(Person, provider=bytes, role=Role)


def read_person(connection: Connection, name: str) -> Person | None:
    return fetch_one(connection, _person, f"SELECT {columns(Person)} FROM person WHERE name = :name", name=name)


def record_person(connection: Connection, person: Person, now_ms: int) -> None:
    """Adds or replaces the person, and deletes those whose sessions have ended."""
    connection.execute(
        "DELETE FROM person WHERE expires_ms <= :now OR name = :name", {"now": now_ms, "name": person.name}
    )
    row = (person.name, person.sub, person.provider, person.role.value, person.expires_ms)
    connection.insert("person", columns(Person), [row])
