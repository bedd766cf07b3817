"""SQLite through apsw: WAL, immediate transactions, and prepared statements that run once per row."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import apsw

from fotapool.core.files import make_private
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import (
    NO_PARAMS,
    TIMEOUT_S,
    ConnectionLost,
    ConstraintViolated,
    Key,
    Params,
    Row,
    StoreFull,
    StoreUnavailable,
)
from fotapool.store.db.rows import columns

PAGE_CACHE_KIB = 4 * 1024
"""Page cache of a reading connection, of which a process has five; the operating system caches the rest of the file."""
WRITER_CACHE_KIB = 16 * 1024
"""Page cache of the writing connection; in a large pool, each license may be on another page.

With three times as much, assigning in a pool of a million takes a few percent less time.
"""
CHECKPOINT_PAGES = 16_000
"""The size of the write-ahead log, in pages, at which it is copied into the database file."""

MAX_VALUES = 1_000
"""A table of more rows is one parameter, as JSON, which has no bytes: a statement has at most 32,766 parameters."""

OPTIMIZE, ANALYZED_ROWS = 0x10002, 400
"""Statistics of every table that has become ten times as large, from this many rows of each index.

By default only tables are looked at whose statistics the same connection has used: a writer uses few of them.
"""
SMALL_ROWS = 1_000
"""Tables with fewer rows have no statistics: without them SQLite expects many rows, and uses an index.

Other connections keep the statistics of their beginning, and would read a whole table of two rows when it has 10,000.
"""
WAL_WAIT_S = 0.02
REOPEN_S = 0.2
"""How long a further connection waits for the mode of the log: it is set already, unless the file was overwritten."""
_NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)"


def _json_table(columns: str, parameter: str) -> str:
    """A table whose rows are one parameter: a JSON array of arrays."""
    names = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(columns.split(",")))
    return f"(SELECT {names} FROM json_each({parameter}))"


SYNTAX = {
    "identity": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "clustered": " WITHOUT ROWID",
    "bytes": "BLOB",
    "skip_locked": "",
    "lock_row": "",
    "share_row": "",
    "now_ms": _NOW_MS,
}

_KEYS = _json_table("account_id,imei", ":keys")
_POOL = columns(Pool)
_UNAVAILABLE = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.ReadOnlyError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.NotADBError,
    apsw.CorruptError,
    apsw.PermissionsError,
    apsw.NoMemError,
    apsw.ProtocolError,
    apsw.SchemaChangeError,
)


class SqliteConnection:
    """See fotapool.store.db.connection.Connection."""

    syntax = SYNTAX

    def __init__(self, path: str, synchronous: str, create: bool, cache_kib: int, timeout_s: float) -> None:
        self._path = path
        self._timeout_ms = round(timeout_s * 1000)
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        try:
            self._db = apsw.Connection(path, flags)
            _use_write_ahead_log(self._db, timeout_s if create else REOPEN_S)
            self._db.set_busy_timeout(self._timeout_ms)
            self._db.execute(f"PRAGMA synchronous = {synchronous}")
            self._db.execute(f"PRAGMA cache_size = -{cache_kib}")
            self._db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            self._db.execute("PRAGMA temp_store = MEMORY")
            self._file = self._identity()
        except _UNAVAILABLE as error:
            if isinstance(error, apsw.CantOpenError | apsw.NotADBError | apsw.ReadOnlyError):
                raise StoreUnavailable(_why_not_opened(path, error)) from error
            raise _unavailable(error) from error

    def _identity(self) -> tuple[int, int]:
        """Identifies the file at the path, since writes to a file that was moved away would be lost."""
        try:
            found = os.stat(self._path)
        except OSError as error:
            raise StoreUnavailable(f"the database file is gone: {self._path}") from error
        return found.st_dev, found.st_ino

    def check(self) -> None:
        if self._identity() != self._file:
            raise ConnectionLost(f"another file is at {self._path} now")

    def begin(self) -> None:
        self.check()
        self.execute("BEGIN IMMEDIATE")

    def begin_at_once(self) -> bool:
        self.check()
        self._db.set_busy_timeout(0)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            return True
        except apsw.BusyError:
            return False
        except _UNAVAILABLE as error:
            raise _unavailable(error) from error
        finally:
            self._db.set_busy_timeout(self._timeout_ms)

    def begin_snapshot(self) -> None:
        self.execute("BEGIN")

    def begin_exclusive(self) -> None:
        self.execute("BEGIN EXCLUSIVE")

    def lock_setup(self) -> None:
        """No-op: a transaction that may write locks the whole file."""

    def commit(self) -> None:
        self.execute("COMMIT")

    def start_marking(self, writer: str) -> None:
        """No-op, like the marks."""

    def mark_commit(self, writer: str, batch: int, allowed_s: float) -> None:
        """No-op: the database is in this process."""

    def settle_commit(self, writer: str, batch: int) -> bool | None:
        return None

    def rollback(self) -> None:
        if not self._db.get_autocommit():
            with contextlib.suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    def execute(self, sql: str, params: Params = NO_PARAMS) -> None:
        self.fetch(sql, params)

    def fetch(self, sql: str, params: Params | Row = NO_PARAMS) -> list[Row]:
        try:
            return self._db.execute(sql, params).fetchall()
        except apsw.ConstraintError as error:
            raise ConstraintViolated(str(error)) from error
        except _UNAVAILABLE as error:
            raise _unavailable(error) from error

    def fetch_together(self, queries: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        self.begin_snapshot()
        try:
            return [self.fetch(sql, params) for sql, params in queries]
        finally:
            self.rollback()

    def fetch_rows(self, sql: str, columns: str, rows: Sequence[Row]) -> list[Row]:
        if len(rows) > MAX_VALUES:
            return self.fetch(sql.replace("{rows}", _json_table(columns, "?")), (json.dumps(rows),))
        return self.fetch(_with_rows(sql, columns, len(rows)), tuple(value for row in rows for value in row))

    def fetch_keys(self, sql: str, keys: Sequence[Key], params: Params = NO_PARAMS) -> list[Row]:
        return self.fetch(_with_keys(sql), {**params, "keys": json.dumps(keys)})

    def insert(self, table: str, columns: str, rows: Iterable[Row], on_conflict: str = "") -> None:
        marks = ",".join("?" * (columns.count(",") + 1))
        self._repeat(f"INSERT INTO {table} ({columns}) VALUES ({marks}) {on_conflict}", rows)

    def delete_keys(self, table: str, keys: Sequence[Key], where: str = "") -> None:
        self._repeat(f"DELETE FROM {table} WHERE account_id = ? AND imei = ?{_and(where)}", keys)

    def update_keys(self, table: str, assignment: str, keys: Sequence[Key], params: Params, where: str = "") -> None:
        sql = f"UPDATE {table} SET {assignment} WHERE account_id = :account_id AND imei = :imei{_and(where)}"
        self._repeat(sql, ({**params, "account_id": account_id, "imei": imei} for account_id, imei in keys))

    def _repeat(self, sql: str, rows: Iterable[Row | Params]) -> None:
        try:
            self._db.executemany(sql, rows)
        except apsw.ConstraintError as error:
            raise ConstraintViolated(str(error)) from error
        except _UNAVAILABLE as error:
            raise _unavailable(error) from error

    def update_rows(self, table: str, key: str, columns: str, rows: Sequence[Row]) -> None:
        names = [key, *(name.strip() for name in columns.split(","))]
        assignments = ", ".join(f"{name} = ?{place}" for place, name in enumerate(names[1:], start=2))
        self._repeat(f"UPDATE {table} SET {assignments} WHERE {key} = ?1", rows)

    def lock_pools(self, account_ids: Sequence[int]) -> tuple[int, list[Row]]:
        # BEGIN IMMEDIATE has locked the whole file.
        auth_epoch: int = self.fetch("SELECT number FROM auth_epoch")[0][0]
        pools = self.fetch(
            f"SELECT {_POOL} FROM license_pool"
            " WHERE account_id IN (SELECT value FROM json_each(:ids)) ORDER BY account_id",
            {"ids": json.dumps(account_ids)},
        )
        return auth_epoch, pools

    def pipelined(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    def has_table(self, name: str) -> bool:
        return bool(self.fetch("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = :name", {"name": name}))

    def read_last_ids(self, tables: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = dict(self.fetch("SELECT name, seq FROM sqlite_sequence"))
        return {table: found.get(table, 0) for table in tables}

    def record_last_ids(self, last_ids: Mapping[str, int]) -> None:
        for table, last in last_ids.items():
            self.execute("DELETE FROM sqlite_sequence WHERE name = :table", {"table": table})
            self.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)", {"table": table, "last": last}
            )

    def maintain(self) -> None:
        self.execute(f"PRAGMA analysis_limit = {ANALYZED_ROWS}")
        self.execute(f"PRAGMA optimize = {OPTIMIZE}")
        if self.has_table("sqlite_stat1"):
            large = f"SELECT tbl FROM sqlite_stat1 WHERE CAST(stat AS INTEGER) >= {SMALL_ROWS}"
            self.execute(f"DELETE FROM sqlite_stat1 WHERE tbl NOT IN ({large})")
            self.execute("ANALYZE sqlite_schema")  # reads what is left

    def backup_to(self, path: str) -> None:
        """Copies a consistent state of the database into a new file; writers are not blocked."""
        try:
            target = apsw.Connection(path)
            with target.backup("main", self._db, "main") as backup:
                while not backup.done:
                    backup.step(10_000)
            target.close()
        except _UNAVAILABLE as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        self._db.close()


def _unavailable(error: apsw.Error) -> StoreUnavailable:
    return StoreFull(str(error)) if isinstance(error, apsw.FullError) else StoreUnavailable(str(error))


def _why_not_opened(path: str, error: apsw.Error) -> str:
    if isinstance(error, apsw.NotADBError):
        return f"{path} is not a SQLite database: name another file"
    if os.path.isfile(path) and not (os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)):
        return f"{path} is read-only, or its directory: make both writable, or copy it with its -wal file elsewhere"
    return missing_directory(path) or f"cannot open the database {path}: {error}"


def missing_directory(path: str) -> str:
    """What to do if the directory of a database file does not exist; empty if it does."""
    directory = os.path.dirname(path)
    return (
        "" if os.path.isdir(directory) else f"cannot open the database {path}: create the directory {directory} first"
    )


def _use_write_ahead_log(db: apsw.Connection, within_s: float) -> None:
    """Retries on conflict: SQLite's busy timeout does not apply when processes set the mode of a new file at once."""
    until_s = time.monotonic() + within_s
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except apsw.BusyError:
            if time.monotonic() >= until_s:
                raise
            time.sleep(WAL_WAIT_S)


@lru_cache(maxsize=64)
def _with_keys(sql: str) -> str:
    return sql.replace("{keys}", _KEYS)


@lru_cache(maxsize=512)
def _with_rows(sql: str, columns: str, count: int) -> str:
    names = columns.split(",")
    aliases = ", ".join(f"column{place} AS {name}" for place, name in enumerate(names, start=1))
    row = f"({','.join('?' * len(names))})"
    return sql.replace("{rows}", f"(SELECT {aliases} FROM (VALUES {','.join([row] * count)}))")


def _and(where: str) -> str:
    return f" AND {where}" if where else ""


class SqliteDatabase:
    """A SQLite file; without a path, a private file that is deleted with the process."""

    reads_inline = True
    marks_commits = False
    kind = "sqlite"

    def __init__(self, path: str | None, durable: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._private = None if path else tempfile.mkdtemp(prefix="fotapool-")
        self._connected = False
        self.path = os.path.abspath(path) if path else os.path.join(self._private or "", "memory.db")
        self.commits_inline = not durable
        self._synchronous = "FULL" if durable else "NORMAL" if path else "OFF"

    @property
    def is_private(self) -> bool:
        """Whether no other process can have it."""
        return self._private is not None

    def connect(self, writes: bool = False) -> SqliteConnection:
        """Opens a connection. Only the first one creates the file; later, a missing file raises StoreUnavailable.

        A new file in its place would make SQLite discard the write-ahead log of the old one.
        """
        cache_kib = WRITER_CACHE_KIB if writes else PAGE_CACHE_KIB
        connection = SqliteConnection(
            self.path,
            synchronous=self._synchronous,
            create=not self._connected,
            cache_kib=cache_kib,
            timeout_s=self._timeout_s,
        )
        if self._connected and not connection.has_table("alembic_version"):
            connection.close()
            raise StoreUnavailable(f"{self.path} is not the database any more")
        if not self._connected:
            for ending in ("", "-wal", "-shm"):
                make_private(self.path + ending)
        self._connected = True
        return connection

    def dispose(self) -> None:
        if self._private:
            shutil.rmtree(self._private, ignore_errors=True)
