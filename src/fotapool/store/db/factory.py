"""Opens the database of a URL."""

from __future__ import annotations

import re
import sys
from urllib.parse import urlsplit

import apsw

from fotapool.store.db.connection import TIMEOUT_S, Database
from fotapool.store.db.sqlite import SqliteDatabase

_QUOTED = re.compile('"[^"]*"')


def driver_errors() -> tuple[type[Exception], ...]:
    """What the drivers raise that no connection raises as an error of its own, as for a column that is not there."""
    psycopg = sys.modules.get("psycopg")  # slow to import; what was not imported has raised nothing
    return (apsw.Error,) if psycopg is None else (apsw.Error, psycopg.Error)


def open_database(url: str, durable: bool, timeout_s: float = TIMEOUT_S) -> Database:
    """The database of the URL. `durable`: committed data survive a power failure, not only a crash of the process.

    `timeout_s`: the deadline for statements and for locks of other processes.
    Raises ValueError for a URL that is neither a SQLite nor a PostgreSQL URL.
    """
    parts = urlsplit(url)
    if parts.scheme in ("postgresql", "postgres"):
        from psycopg import ProgrammingError  # imported late: the driver is slow to import
        from psycopg.conninfo import conninfo_to_dict

        from fotapool.store.db.postgres import PostgresDatabase

        try:
            conninfo_to_dict(url)
        except ProgrammingError as error:  # quotes what it does not understand, which may be of the password
            message = _QUOTED.sub("***", str(error))
            raise ValueError(f"the URL of the database: {message}") from None
        return PostgresDatabase(url, durable, timeout_s)
    if parts.scheme == "sqlite" and not parts.netloc:
        return SqliteDatabase(parts.path[1:] or None, durable, timeout_s)
    raise ValueError(
        f"{_without_password(url)} is not a database: use sqlite:///relative.db, sqlite:////absolute.db, sqlite:// or "
        "postgresql://user:password@host/database"
    )


def _without_password(url: str) -> str:
    """The URL for an error, without all that follows its scheme if a password may be in it."""
    scheme, separator, _ = url.partition("://")
    if not set("@=") & set(url):
        return repr(url)
    return f"'{scheme}://…'" if separator else "this"
