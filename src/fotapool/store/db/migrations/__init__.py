"""Migrations with Alembic: upgrades a database of an earlier version."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from fotapool.store.audit_log import INSERT_ENTRY, AuditEntry
from fotapool.store.db.connection import TIMEOUT_S, Database, StoreMismatch, StoreUnavailable
from fotapool.store.db.factory import open_database
from fotapool.store.db.postgres import SETUP_LOCK, PostgresDatabase
from fotapool.store.db.schema import VERSION, mismatch
from fotapool.store.db.sqlite import SqliteDatabase

EntryOf = Callable[[str | None, str | None], AuditEntry]
"""The entry of the audit log about a change of the schema, from its versions before and after."""
SCRIPTS = Path(__file__).parent
"""The directory with env.py and versions/."""


def migrate_to_head(url: str, entry_of: EntryOf | None = None) -> tuple[str | None, str | None]:
    """Runs pending migrations. Returns the versions before and after; None is an empty database.

    With `entry_of`, a change of the schema is recorded in the audit log, in the same transaction.

    Takes the URLs that servers take, and the lock under which they set up an empty database. Raises ValueError for a
    URL that is not a database's, StoreUnavailable, and StoreMismatch if the program does not know the schema.
    """
    engine = _engine(open_database(url, durable=True))
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    before: str | None = None
    try:
        with engine.begin() as connection:
            _lock_setup(connection)
            before = _current_version(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            after = _current_version(connection)
            if entry_of is not None and before != after:
                connection.execute(text(INSERT_ENTRY), entry_of(before, after)._asdict())
            return before, after
    except CommandError as error:
        raise StoreMismatch(_why_not_migrated(before)) from error
    except DBAPIError as error:
        raise StoreUnavailable(f"the database was not migrated: {str(error.orig).strip()}") from error


def _why_not_migrated(version: str | None) -> str:
    if version is not None and version > VERSION:
        return mismatch(version)
    return f"no migration begins at the database's schema, {version or 'of several versions'}: restore a backup"


def _current_version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _engine(database: Database) -> Engine:
    """An engine on connections of our own: SQLAlchemy does not understand a URL with several hosts."""
    if isinstance(database, PostgresDatabase):
        url = database.url
        return create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(url, connect_timeout=5, application_name="fotapool"),
            poolclass=NullPool,
        )
    assert isinstance(database, SqliteDatabase)
    path = database.path
    engine = create_engine("sqlite://", creator=lambda: _connect_sqlite(path), poolclass=NullPool)
    # The driver would begin transactions late, and commit before it changes the schema.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
    return engine


def _connect_sqlite(path: str) -> Any:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # private, whatever the umask
    except OSError as error:
        raise sqlite3.OperationalError(f"{path}: {error.strerror}") from error
    return sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None)


def _lock_setup(connection: Connection) -> None:
    """Waits for other migrations and for servers that set up the database; then each table's lock has a deadline."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SETUP_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{TIMEOUT_S}s'")
