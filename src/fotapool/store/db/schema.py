"""How a database is set up, recognised and refused; the tables themselves are in tables.py."""

from __future__ import annotations

from fotapool.store.db.connection import Connection, StoreMismatch
from fotapool.store.db.tables import TABLES

VERSION = "0001"
"""The migration that this schema equals; a test compares the two."""

VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"

TABLE_NAMES = tuple(line.split()[2] for line in TABLES.splitlines() if line.startswith("CREATE TABLE"))


def statements(connection_words: dict[str, str]) -> list[str]:
    """The schema's statements with a database's own words filled in."""
    return [text.strip() for text in TABLES.format(**connection_words).split(";\n") if text.strip()]


def prepare(connection: Connection) -> None:
    """Sets up an empty database; raises StoreMismatch for a schema that is not this program's."""
    connection.begin_exclusive()
    try:
        if not connection.has_table("alembic_version"):
            for statement in [*statements(connection.words), VERSION_TABLE]:
                connection.execute(statement)
            connection.execute("INSERT INTO alembic_version VALUES (:version)", {"version": VERSION})
        found = connection.fetch("SELECT version_num FROM alembic_version")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    if found != [(VERSION,)]:
        raise StoreMismatch(
            f"the database has schema {found[0][0] if found else 'none'}, this program needs {VERSION}: "
            "stop all servers, make a backup, then run `fotapool database migrate`"
        )


KEPT_TABLES = ("auth_epoch", "server_secret")
"""What is the server's own, and so stays when all data go."""


def delete_everything(connection: Connection) -> None:
    """Deletes every row of every table of data, and so ends every sign-in."""
    for table in TABLE_NAMES:
        if table not in KEPT_TABLES:
            connection.execute(f"DELETE FROM {table}")
    connection.execute("UPDATE auth_epoch SET number = number + 1")
