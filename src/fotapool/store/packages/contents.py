"""Contents of packages: their key in the content storage, size and hash."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.store.db.connection import Connection


class Content(NamedTuple):
    """A stored content: its key in the content storage, size in bytes, and SHA-256 in hex."""

    key: str
    size: int
    sha256: str


def read_package_content(connection: Connection, name: str) -> tuple[Content | None] | None:
    """A tuple of the package's content or None; None instead of a tuple if there is no such package."""
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
