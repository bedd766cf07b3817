"""`fotapool database restore`: a backup in the place of the database, and never under a server."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from fotapool.cli.main import main
from fotapool.store.db.backups import hold
from fotapool.store.db.factory import open_database
from support.servers import set_up

KEY = {"Authorization": "Bearer test-operator-key"}


def database(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["database", *arguments])


def accounts(url: str) -> list[str]:
    with closing(open_database(url, durable=True).connect()) as connection:
        return [row[0] for row in connection.fetch("SELECT name FROM account ORDER BY name")]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with the account "old" in its backup, and "new" since."""
    url = f"sqlite:///{tmp_path}/a.db"
    set_up(url, "old")
    assert database("backup", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    set_up(url, "new")
    return url


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_a_restored_database_is_the_backup_and_private(url: str, tmp_path: Path) -> None:
    done = database("restore", str(tmp_path / "backup.db"), "--database", url)
    assert (done.exit_code, done.output) == (0, f"restored {tmp_path}/backup.db to {tmp_path}/a.db\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "a.db-server", "backup.db"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert accounts(url) == ["old"]


def test_the_log_of_the_database_before_is_not_applied_to_the_backup(url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as open_one:
        open_one.execute(
            "INSERT INTO account (name, purchase_type, status, created_ms) VALUES ('log', 'TS-HFOTA-MRC', 'active', 1)"
        )
        open_one.commit()
        log = Path(f"{path}-wal").read_bytes()
    assert log
    path.unlink()
    Path(f"{path}-wal").write_bytes(log)  # what a killed server leaves, beside a file that somebody deleted
    assert database("restore", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    assert accounts(url) == ["old"]
    assert not Path(f"{path}-wal").exists()


def test_a_malformed_database_is_replaced(url: str, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"\xa5" * 100_000)
    assert database("restore", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    assert accounts(url) == ["old"]


def test_what_is_no_backup_is_refused_and_changes_nothing(url: str, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    newer, cut, other = tmp_path / "newer.db", tmp_path / "cut.db", tmp_path / "other.db"
    newer.write_bytes(backup.read_bytes())
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    cut.write_bytes(backup.read_bytes()[:100_000])
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE another (number INTEGER)")
    text = tmp_path / "text.db"
    text.write_text("no database " * 1000)
    for path, words in (
        (newer, "use a newer fotapool"),
        (cut, "cannot be restored"),
        (other, "is not a backup of fotapool"),
        (text, "is not a SQLite database"),
        (tmp_path / "a.db", "is the database itself"),
    ):
        done = database("restore", str(path), "--database", url)
        assert (done.exit_code, done.output.startswith("Error: ")) == (1, True)
        assert (words in done.output, str(path) in done.output) == (True, True)
    assert accounts(url) == ["new", "old"]
    assert not list(tmp_path.glob("*.restore*"))


def test_a_database_that_a_server_has_is_not_replaced(
    url: str, tmp_path: Path, server_process: Callable[..., Any]
) -> None:
    options = ("--operator-key", "test-operator-key", "--drain-s", "0")
    with server_process("serve", "--database", url, *options) as (address, process):
        done = database("restore", str(tmp_path / "backup.db"), "--database", url)
        assert (done.exit_code, done.output) == (1, f"Error: a server has {tmp_path}/a.db: stop all servers first\n")
        process.terminate()
        assert process.wait(timeout=120) == 0
    assert accounts(url) == ["new", "old"]
    assert database("restore", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    with server_process("serve", "--database", url, *options) as (address, _):
        assert httpx.get(f"{address}/health/ready").json()["ready"] is True
        assert httpx.get(f"{address}/control/v1/accounts", headers=KEY).status_code == 200


def test_a_server_without_a_connection_has_its_database_too(url: str, tmp_path: Path) -> None:
    with hold(open_database(url, durable=True)):
        assert "a server has" in database("restore", str(tmp_path / "backup.db"), "--database", url).output
    assert database("restore", str(tmp_path / "backup.db"), "--database", url).exit_code == 0


def test_a_backup_replaces_the_one_before_and_never_a_database_in_use(url: str, tmp_path: Path) -> None:
    assert database("backup", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    assert accounts(f"sqlite:///{tmp_path}/backup.db") == ["new", "old"]
    with closing(open_database(url, durable=True).connect()) as connection:
        connection.execute("UPDATE account SET name = 'renamed' WHERE name = 'new'")
        done = database("backup", str(tmp_path / "a.db"), "--database", url)
        assert (done.exit_code, "is a database in use" in done.output) == (1, True)
    assert accounts(url) == ["old", "renamed"]


def test_a_link_to_a_database_or_to_a_backup_stays_one(url: str, tmp_path: Path) -> None:
    for name in ("a.db", "backup.db"):
        (tmp_path / "disk").mkdir(exist_ok=True)
        (tmp_path / name).rename(tmp_path / "disk" / name)
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    with hold(open_database(f"sqlite:///{tmp_path}/disk/a.db", durable=True)):
        assert "a server has" in database("restore", str(tmp_path / "backup.db"), "--database", url).output
    assert database("restore", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    assert accounts(f"sqlite:///{tmp_path}/disk/a.db") == ["old"]
    set_up(url, "newest")
    assert database("backup", str(tmp_path / "backup.db"), "--database", url).exit_code == 0
    assert accounts(f"sqlite:///{tmp_path}/disk/backup.db") == ["newest", "old"]
    assert all((tmp_path / name).is_symlink() for name in ("a.db", "backup.db"))


def test_a_backup_does_not_replace_what_is_no_file(url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = database("backup", str(tmp_path / "pipe"), "--database", url)
    assert (done.exit_code, done.output) == (
        1,
        f"Error: {tmp_path}/pipe is not a file: choose another name for the backup\n",
    )
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_postgresql_is_restored_with_its_own_tools(postgres_url: str, url: str, tmp_path: Path) -> None:
    done = database("restore", str(tmp_path / "backup.db"), "--database", postgres_url)
    assert done.exit_code == 1
    assert "pg_restore --clean" in done.output
