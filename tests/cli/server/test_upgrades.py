"""`fotapool database`: which database it takes, the documented upgrade, and what is wrong with a database."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from fotapool.cli.main import main
from fotapool.store.db import backups, migrations, schema
from fotapool.store.db.connection import StoreMismatch
from fotapool.store.db.factory import open_database
from support.servers import set_up, with_database

CLI = [sys.executable, "-m", "fotapool.cli"]
SECOND = """
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE TABLE added (number BIGINT)")
"""


def database(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["database", *arguments], env=environment)


def version_of(url: str) -> str | None:
    with closing(open_database(url, durable=True).connect()) as connection:
        return schema.read_version(connection)


@pytest.fixture
def newer_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From now on the program is one with a second migration."""
    scripts = tmp_path / "scripts"
    shutil.copytree(migrations.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "m0002_second.py").write_text(SECOND)
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    monkeypatch.setattr(schema, "VERSION", "0002")
    monkeypatch.setattr(backups, "VERSION", "0002")


def test_the_documented_upgrade_backs_up_the_older_schema_and_migrates_it(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> None:
    set_up(database_url, "a")
    request.getfixturevalue("newer_program")
    with pytest.raises(StoreMismatch, match=r"schema 0001, this program needs 0002.*fotapool database migrate"):
        set_up(database_url)
    copy = tmp_path / "before-upgrade.db"
    done = database("backup", str(copy), "--database", database_url)
    if database_url.startswith("sqlite"):
        assert (done.exit_code, done.output) == (0, f"copied to {copy}\n")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    done = database("migrate", "--database", database_url)
    assert (done.exit_code, done.output) == (0, "schema 0001 -> 0002\n")
    assert database("migrate", "--database", database_url).output == "schema 0002, unchanged\n"
    set_up(database_url)
    if database_url.startswith("sqlite"):
        done = database("restore", str(copy), "--database", database_url)
        assert done.exit_code == 0
        assert "its schema is 0001: run `fotapool database migrate`" in done.output
        assert version_of(database_url) == "0001"


@pytest.mark.parametrize("command", ["migrate", "verify"])
def test_a_database_of_a_newer_program_is_refused_with_the_right_advice(database_url: str, command: str) -> None:
    set_up(database_url)
    with closing(open_database(database_url, durable=True).connect()) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = database(command, "--database", database_url)
    assert (done.exit_code, done.output) == (
        1,
        f"Error: the database has schema 9999, this program knows schemas up to {schema.VERSION}: use a newer fotapool"
        "\n",
    )


def test_the_database_is_that_of_the_servers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/ours.db"
    set_up(url, "a")
    config = tmp_path / "fotapool.toml"
    config.write_text(f'database = "{url}"\nport = 8085\nworkers = 2\n')
    for settings in (
        lambda *command: database(*command, "--config", str(config)),
        lambda *command: database(*command, FOTAPOOL_CONFIG=str(config)),
        lambda *command: database(*command, FOTAPOOL_DATABASE=url),
    ):
        assert settings("migrate").output == f"schema {schema.VERSION}, unchanged\n"
        assert settings("backup", "copy.db").exit_code == 0
        assert settings("restore", "copy.db").output == f"restored copy.db to {tmp_path}/ours.db\n"
        assert settings("verify").exit_code == 0
    assert not (tmp_path / "fotapool.db").exists()


def test_a_config_file_that_is_not_one_is_refused_in_words(tmp_path: Path) -> None:
    config = tmp_path / "fotapool.toml"
    for content, words in (
        (b"a = ", "Invalid"),
        (b"pagesize = 1", "unknown setting 'pagesize'"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ):
        config.write_bytes(content)
        done = database("verify", "--config", str(config))
        assert done.exit_code == 2
        assert words in done.output


@pytest.mark.parametrize("command", [("migrate",), ("verify",), ("backup", "copy.db")])
def test_no_command_makes_the_default_database(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = database(*command)
    assert done.exit_code == 1
    assert f"there is no database {tmp_path}/fotapool.db" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("migrate",), ("verify",), ("backup", "copy.db"), ("restore", __file__)])
def test_a_database_in_memory_is_none_for_these_commands(command: tuple[str, ...]) -> None:
    done = database(*command, "--database", "sqlite://")
    assert done.exit_code == 1
    assert "in the memory of a server" in done.output


def malformed(path: Path) -> None:
    set_up(f"sqlite:///{path}", *(f"a{number}" for number in range(200)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    path.write_bytes(content)


def without_a_table(path: Path) -> None:
    set_up(f"sqlite:///{path}")
    with closing(open_database(f"sqlite:///{path}", durable=True).connect()) as connection:
        connection.execute("DROP TABLE candidate")


def without_a_column(path: Path) -> None:
    set_up(f"sqlite:///{path}", "a")
    with closing(open_database(f"sqlite:///{path}", durable=True).connect()) as connection:
        connection.execute("ALTER TABLE account DROP COLUMN notes")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.write_bytes(b"not a database " * 1000), "is not a SQLite database"),
        (malformed, "malformed"),
        (without_a_table, "there is no table candidate"),
        (without_a_column, "the database refused a statement: no such column: notes"),
    ],
    ids=["empty", "another file", "malformed", "a table is gone", "a column is gone"],
)
def test_verify_tells_a_database_that_is_none(make: object, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    make(path)  # type: ignore[operator]
    done = database("verify", "--database", f"sqlite:///{path}")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert words in done.output


def test_a_schema_from_which_no_migration_leads_is_not_sent_to_the_migration_again(database_url: str) -> None:
    set_up(database_url)
    with closing(open_database(database_url, durable=True).connect()) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    done = database("migrate", "--database", database_url)
    assert (done.exit_code, done.output) == (
        1,
        "Error: no migration begins at the database's schema, 0000: restore a backup\n",
    )


def test_verify_says_that_there_was_nothing_to_verify(database_url: str) -> None:
    set_up(database_url)
    done = database("verify", "--database", database_url)
    assert done.exit_code == 0
    assert "no account, so nothing was verified" in done.output


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    name = "fotapool_migrated_together"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield with_database(postgres_url, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_three_migrations_at_once_on_an_empty_postgresql_end_well(empty_postgres: str) -> None:
    command = [*CLI, "database", "migrate", "--database", empty_postgres]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    done = [(*process.communicate(timeout=120), process.returncode) for process in started]
    first, second = f"schema empty -> {schema.VERSION}\n", f"schema {schema.VERSION}, unchanged\n"
    assert sorted(done) == sorted([(first, "", 0), (second, "", 0), (second, "", 0)])
    with closing(open_database(empty_postgres, durable=True).connect()) as connection:
        assert connection.fetch("SELECT action, via FROM audit_log") == [("migrateDatabase", "command")]


def test_a_url_with_several_hosts_is_migrated_too(empty_postgres: str) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(empty_postgres)
    host = str(parts["host"]).replace("/", "%2F")
    hosts = f"127.0.0.1:1,{host}:{parts.get('port', 5432)}"
    url = f"postgresql://{parts['user']}@{hosts}/{parts['dbname']}?target_session_attrs=read-write"
    assert database("migrate", "--database", url).output == f"schema empty -> {schema.VERSION}\n"
    assert database("verify", "--database", url).exit_code == 0


def test_a_migration_that_cannot_be_is_told_in_words(empty_postgres: str) -> None:
    with psycopg.connect(empty_postgres, autocommit=True) as admin:
        admin.execute("CREATE TABLE account (another INTEGER)")
    done = database("migrate", "--database", empty_postgres)
    assert done.exit_code == 1
    assert done.output.startswith("Error: the database was not migrated: ")
    assert "account" in done.output
