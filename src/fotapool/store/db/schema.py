"""Setting up a database and checking its schema version; the tables are in tables/."""

from __future__ import annotations

from fotapool.store.db.connection import Connection, StoreMismatch
from fotapool.store.db.tables import TABLES

VERSION = "0001"
"""The migration that creates this schema; a test compares them."""

VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"

TABLE_NAMES = tuple(line.split()[2] for line in TABLES.splitlines() if line.startswith("CREATE TABLE"))


def statements(syntax: dict[str, str]) -> list[str]:
    """The schema's statements for a database; `syntax` fills in the braces."""
    return [text.strip() for text in TABLES.format(**syntax).split(";\n") if text.strip()]


def prepare(connection: Connection) -> None:
    """Sets up an empty database. Raises StoreMismatch if the schema has another version than the program."""
    connection.begin_exclusive()
    try:
        if not connection.has_table("alembic_version"):
            for statement in [*statements(connection.syntax), VERSION_TABLE]:
                connection.execute(statement)
            connection.execute("INSERT INTO alembic_version (version_num) VALUES (:version)", {"version": VERSION})
        found = read_version(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    if found != VERSION:
        raise StoreMismatch(mismatch(found))


def read_version(connection: Connection) -> str | None:
    """The version of the database's schema; None for an empty database, "none" if the database does not say."""
    if not connection.has_table("alembic_version"):
        return None
    found = connection.fetch("SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else "none"


def check(connection: Connection) -> None:
    """Raises StoreMismatch if the schema is not this program's; changes nothing."""
    found = read_version(connection)
    if found != VERSION:
        raise StoreMismatch(mismatch(found))


def mismatch(found: str | None) -> str:
    """What to do about a database with this schema version."""
    if found is None:
        return "the database is empty: a server sets it up when it starts"
    if found == "none":
        return "the database does not say which schema it has: restore a backup"
    if found > VERSION:
        return f"the database has schema {found}, this program knows schemas up to {VERSION}: use a newer fotapool"
    return (
        f"the database has schema {found}, this program needs {VERSION}: "
        "stop all servers, make a backup, then run `fotapool database migrate`"
    )


def probe_write(connection: Connection, _now_ms: int) -> None:
    """Writes a row of the server's own, to see whether changes can be written."""
    connection.execute(
        "INSERT INTO commit_marker (writer, batch) VALUES ('readiness', 1)"
        " ON CONFLICT (writer) DO UPDATE SET batch = commit_marker.batch + 1"
    )


ROOM_ROWS = 4_000
"""More than what fits on the pages that the database has already."""
_PROBE_ROOM = "readiness-room-"


def take_room(connection: Connection, _now_ms: int) -> None:
    """Writes many rows, to see whether there is room for changes."""
    rows = [(f"{_PROBE_ROOM}{number}", 1) for number in range(ROOM_ROWS)]
    again = "ON CONFLICT (writer) DO UPDATE SET batch = commit_marker.batch + 1"
    connection.insert("commit_marker", "writer, batch", rows, again)


def free_room(connection: Connection, _now_ms: int) -> None:
    connection.execute("DELETE FROM commit_marker WHERE writer LIKE :room", {"room": f"{_PROBE_ROOM}%"})


def missing_tables(connection: Connection) -> list[str]:
    """The tables of the schema that the database lacks."""
    return [name for name in TABLE_NAMES if not connection.has_table(name)]


SERVER_TABLES = (
    "audit_log",
    "auth_epoch",
    "commit_marker",
    "console_session",
    "operator_key",
    "person",
    "server_secret",
    "start_key",
)
"""Tables of the server and its operators, not of its accounts: they stay when all data are deleted."""


def delete_everything(connection: Connection) -> None:
    """Deletes all rows of all other tables, and ends every sign-in of the API."""
    for table in TABLE_NAMES:
        if table not in SERVER_TABLES:
            connection.execute(f"DELETE FROM {table}")
    connection.execute("UPDATE auth_epoch SET number = number + 1")
