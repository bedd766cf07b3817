"""Backing up and restoring the file of a SQLite database, and the lock by which a restore finds servers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fotapool.core.files import flush_to_disk
from fotapool.store.audit_log import AuditEntry, record_entry
from fotapool.store.db.connection import Connection, Database, StoreMismatch, StoreUnavailable
from fotapool.store.db.schema import VERSION, mismatch, missing_tables, read_version
from fotapool.store.db.sqlite import SqliteConnection, SqliteDatabase

MAX_PROBLEMS = 20
"""How many problems of a malformed database are named."""
LOCK_SUFFIX = "-server"
"""Servers hold a shared lock on the file beside the database with this suffix; a restore needs an exclusive one."""
LOG_SUFFIXES = ("-wal", "-shm", "-journal")
_LOCK_BYTES = 0x4000_0000
"""Where SQLite locks a database file, by its file format: one pending, one reserved and 510 shared bytes."""
_LOCK_LENGTH = 512


def find_problems(connection: Connection) -> list[str]:
    """What is wrong with the database itself: malformed pages of a SQLite file, tables that are not there."""
    return _find_malformed(connection) or [f"there is no table {name}" for name in missing_tables(connection)]


def _find_malformed(connection: Connection) -> list[str]:
    if not isinstance(connection, SqliteConnection):
        return []
    found = [str(row[0]) for row in connection.fetch(f"PRAGMA integrity_check({MAX_PROBLEMS})")]
    return [] if found == ["ok"] else found


@contextlib.contextmanager
def hold(database: Database) -> Iterator[None]:
    """Holds the lock of a server on a SQLite file; waits while a backup is restored. No-op for other databases."""
    if not isinstance(database, SqliteDatabase) or database.is_private:
        yield
        return
    descriptor = -1
    with contextlib.suppress(OSError):  # where files cannot be locked, the server runs without
        descriptor = _open_lock(Path(database.path))
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def back_up(connection: SqliteConnection, target: Path) -> None:
    """Copies the database to the file, whatever its schema; only its owner can read it. Writers are not blocked.

    An existing file is replaced at the end, so that a failed backup leaves the one before. A link stays one. Raises
    StoreUnavailable if the file is a database in use, or no file, such as a device.
    """
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_file():
        raise StoreUnavailable(f"{target} is not a file: choose another name for the backup")
    if Path(f"{target}-wal").exists():
        raise StoreUnavailable(f"{target} is a database in use: choose another name for the backup")
    part = target.with_name(f"{target.name}.part")
    try:
        _make_private(part)
        connection.backup_to(str(part))
        flush_to_disk(part)
        part.replace(target)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {target}: {error.strerror}") from error
    finally:
        _remove(part)


def restore(backup: Path, database: SqliteDatabase, entry: AuditEntry | None = None) -> str:
    """Puts the backup in the place of the database, at once. Returns the version of its schema.

    The entry is added to the audit log of the restored database, unless its schema is an older one.

    Raises StoreMismatch if it is not a backup that this program can use, and StoreUnavailable if it is malformed or a
    server has the database. Nothing has changed then.
    """
    path = Path(os.path.realpath(database.path))  # a link to the database stays one
    part = path.with_name(f"{path.name}.restore")
    try:
        if path.exists() and backup.samefile(path):
            raise StoreMismatch(f"{backup} is the database itself")
        version = _copy_checked(backup, part, entry)
        with _excluding_servers(path):
            _settle(path)
            with _excluding_connections(path):
                _own_as(part, path)
                for suffix in LOG_SUFFIXES:  # they belong to the database that goes
                    _remove(Path(f"{path}{suffix}"))
                part.replace(path)
                flush_to_disk(path.parent)
    except OSError as error:
        raise StoreUnavailable(f"cannot restore {path}: {error.strerror}") from error
    finally:
        for name in (part, *(Path(f"{part}{suffix}") for suffix in LOG_SUFFIXES)):
            _remove(name)
    return version


def _copy_checked(backup: Path, part: Path, entry: AuditEntry | None) -> str:
    """Copies the backup, with the log that a plain copy of a database may have; checks the copy."""
    for suffix in ("", *LOG_SUFFIXES):
        _remove(Path(f"{part}{suffix}"))
    for suffix in ("", "-wal"):
        source, target = Path(f"{backup}{suffix}"), Path(f"{part}{suffix}")
        if suffix and not source.exists():
            continue
        _make_private(target)
        with source.open("rb") as read, target.open("wb") as written:
            shutil.copyfileobj(read, written, 1024 * 1024)
    try:
        with contextlib.closing(SqliteDatabase(str(part), durable=True).connect()) as connection:
            version = _checked_version(connection, backup)
            if entry is not None and version == VERSION:
                connection.begin()
                record_entry(connection, entry)
                connection.commit()
            connection.fetch("PRAGMA wal_checkpoint(TRUNCATE)")
    except StoreUnavailable as error:
        said = str(error).replace(str(part), str(backup))
        raise StoreUnavailable(f"{backup} cannot be restored: {said}") from error
    flush_to_disk(part)
    return version


def _checked_version(connection: SqliteConnection, backup: Path) -> str:
    version = read_version(connection)
    if version is None:
        raise StoreMismatch(f"{backup} is not a backup of fotapool")
    if version > VERSION:
        raise StoreMismatch(mismatch(version).replace("the database has", f"{backup} has"))
    problems = find_problems(connection) if version == VERSION else _find_malformed(connection)
    if problems:
        raise StoreUnavailable("; ".join(problems))
    return version


def _settle(path: Path) -> None:
    """Writes the log of the database into its file if it can be read, so that a crash now loses nothing."""
    if path.exists():
        with contextlib.suppress(StoreUnavailable):
            connection = SqliteDatabase(str(path), durable=True).connect()
            with contextlib.closing(connection):
                connection.fetch("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _excluding_servers(path: Path) -> Iterator[None]:
    descriptor = _open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StoreUnavailable(f"a server has {path}: stop all servers first") from error
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _excluding_connections(path: Path) -> Iterator[None]:
    """Locks what every SQLite connection to the file locks, as long as it is open."""
    if not path.exists():
        yield
        return
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_LENGTH, _LOCK_BYTES)
        except (BlockingIOError, PermissionError) as error:
            raise StoreUnavailable(f"another process has {path} open: stop it first") from error
        yield


def _open_lock(path: Path) -> int:
    lock = Path(f"{os.path.realpath(path)}{LOCK_SUFFIX}")
    made = not lock.exists()
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    if made and path.exists():
        _own_as(lock, path)
    return descriptor


def _make_private(path: Path) -> None:
    """Makes an empty file that only its owner can read, whatever the umask."""
    _remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _own_as(path: Path, reference: Path) -> None:
    """Gives the file to the reference's owner, when root restores the database of a service."""
    if os.geteuid() == 0 and reference.exists():
        owner = reference.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
