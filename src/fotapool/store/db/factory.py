"""Chooses the database by its URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from fotapool.store.db.connection import Database
from fotapool.store.db.sqlite import SqliteDatabase


def open_database(url: str, durable: bool) -> Database:
    """Chooses the database. `durable`: what was committed survives a power cut, not only a crash of the process.

    Raises ValueError for a URL of another form than the contract's.
    """
    parts = urlsplit(url)
    if parts.scheme in ("postgresql", "postgres"):
        from fotapool.store.db.postgres import PostgresDatabase  # its driver takes time to import

        return PostgresDatabase(url, durable)
    if parts.scheme == "sqlite" and not parts.netloc:
        return SqliteDatabase(parts.path[1:] or None, durable)
    raise ValueError(
        f"{url!r} is not a database: use sqlite:///relative.db, sqlite:////absolute.db, sqlite:// or "
        "postgresql://user:password@host/database"
    )
