"""What the database knows of contents that are stored beside it, and which package has which."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.store.db.connection import Connection


class Content(NamedTuple):
    """A stored content: its key in the storage, its octets, and their SHA-256 in hexadecimal."""

    key: str
    size: int
    sha256: str


def read_package_content(connection: Connection, name: str) -> tuple[Content | None] | None:
    """The package's content or None, in a tuple; None alone if there is no such package."""
    rows = connection.fetch(
        "SELECT content_key, content_size, content_sha256 FROM package WHERE name = :name", {"name": name}
    )
    if not rows:
        return None
    return (Content(*rows[0]) if rows[0][0] is not None else None,)


def record_package_content(connection: Connection, name: str, content: Content) -> None:
    connection.execute(
        "UPDATE package SET content_key = :key, content_size = :size, content_sha256 = :sum WHERE name = :name",
        {"name": name, "key": content.key, "size": content.size, "sum": content.sha256},
    )
