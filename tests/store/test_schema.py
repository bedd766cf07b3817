"""Setting up, recognizing and migrating a database, and what its constraints refuse.

Snapshots hold every column of every table: what is added to the schema is in them, or left out on purpose.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from fotapool.domain.callbacks import DeliveryState
from fotapool.domain.campaigns.campaigns import CampaignStatus, Flow
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.services.snapshots.document_from_rows import READABLE, STATE_TABLES
from fotapool.store.callbacks.listeners import IS_WAITING
from fotapool.store.campaigns.upgrades import IS_OPEN
from fotapool.store.db.connection import Connection, StoreMismatch
from fotapool.store.db.factory import open_database
from fotapool.store.db.migrations import migrate_to_head
from fotapool.store.db.schema import TABLE_NAMES, VERSION, delete_everything, prepare
from fotapool.store.db.tables import TABLES
from fotapool.store.snapshots import LEFT_OUT, NUMBERED, SHAPES, read_last_ids

Introspected = list[tuple[Any, ...]]

_SQLITE_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_SQLITE_SQL = (
    "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'alembic_version'"
    " ORDER BY type, name"
)
_POSTGRES = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity"
    " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
    "SELECT tablename, replace(indexdef, 'alembic_version_pkc', 'alembic_version_pkey') FROM pg_indexes"
    " WHERE schemaname = 'public' ORDER BY 1, 2",
    "SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
)


@pytest.fixture
def empty_urls(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[list[str]]:
    """Two databases without a schema."""
    if database_url.startswith("sqlite"):
        yield [f"sqlite:///{tmp_path}/{name}.db" for name in ("a", "b")]
        return
    names = [f"{make_url(database_url).database}_{place}" for place in "ab"]
    with psycopg.connect(request.getfixturevalue("postgres_url"), autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield [make_url(database_url).set(database=name).render_as_string(hide_password=False) for name in names]
        for name in names:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def connected(url: str) -> Connection:
    return open_database(url, durable=True).connect()


def introspect(url: str) -> list[Introspected]:
    connection = connected(url)
    kind = open_database(url, durable=True).kind
    queries = (_SQLITE_TABLES, _SQLITE_SQL) if kind == "sqlite" else _POSTGRES
    found = [[_unspaced(row) for row in connection.fetch(query)] for query in queries]
    rows = [connection.fetch(f"SELECT * FROM {table}") for table in (*TABLE_NAMES, "alembic_version")]
    connection.close()
    return found + rows


def _unspaced(row: Introspected) -> Introspected:
    """SQLite keeps the text of a table; a column that was added stands in it without a line of its own."""
    return [
        re.sub(r"\s*([(),])\s*|\s+", lambda found: found[1] or " ", cell) if isinstance(cell, str) else cell
        for cell in row
    ]


def test_migrating_an_empty_database_gives_what_a_server_sets_up(empty_urls: list[str]) -> None:
    prepared, migrated = empty_urls
    connection = connected(prepared)
    prepare(connection)
    connection.close()
    assert migrate_to_head(migrated) == (None, VERSION)
    assert introspect(migrated) == introspect(prepared)
    connection = connected(migrated)
    prepare(connection)
    connection.close()
    assert migrate_to_head(prepared) == (VERSION, VERSION)


def test_servers_that_start_together_set_up_one_schema(empty_urls: list[str]) -> None:
    url = empty_urls[0]
    program = (
        "import sys; from fotapool.store.db.factory import open_database; from fotapool.store.db.schema import"
        " prepare\n"
        "print('up', flush=True); sys.stdin.readline(); c = open_database(sys.argv[1], True).connect()\n"
        "prepare(c); c.close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    done = [(process.communicate(timeout=300)[1], process.returncode) for process in processes]
    assert done == [("", 0)] * 4
    connection = connected(url)
    assert connection.fetch("SELECT version_num FROM alembic_version") == [(VERSION,)]
    connection.close()


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0000", f"schema 0000.*needs {VERSION}.*fotapool database migrate"),
        (None, "does not say which schema it has: restore a backup"),
    ],
)
def test_another_schema_is_refused_with_the_command_that_helps(
    database_url: str, version: str | None, words: str
) -> None:
    connection = connected(database_url)
    prepare(connection)
    connection.execute("DELETE FROM alembic_version")
    if version:
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (:version)", {"version": version})
    with pytest.raises(StoreMismatch, match=words):
        prepare(connection)
    connection.close()


def test_forgetting_everything_leaves_a_database_that_works(connection: Connection) -> None:
    connection.execute("INSERT INTO api_client (client_key, secret_hash, created_ms) VALUES ('key', 'hash', 1)")
    delete_everything(connection)
    assert connection.fetch("SELECT * FROM api_client") == []
    prepare(connection)


@pytest.mark.parametrize(
    "text",
    [
        f"status BIGINT NOT NULL CHECK (status BETWEEN {min(UpgradeStatus):d} AND {max(UpgradeStatus):d})",
        f"status BIGINT NOT NULL CHECK (status BETWEEN {min(CampaignStatus):d} AND {max(CampaignStatus):d})",
        f"flow BIGINT NOT NULL CHECK (flow BETWEEN {min(Flow):d} AND {max(Flow):d})",
        f"kind BIGINT NOT NULL CHECK (kind BETWEEN {min(EntryKind):d} AND {max(EntryKind):d})",
        f"state BIGINT NOT NULL CHECK (state BETWEEN {min(DeliveryState):d} AND {max(DeliveryState):d})",
        f"CHECK ((state >= {LicenseState.NOTICE:d}) = (notice_until_ms IS NOT NULL))",
        f"CHECK ((state = {DeliveryState.WAITING:d}) = (ended_ms IS NULL))",
        f"ON upgrade (account_id, imei) WHERE {IS_OPEN};",
        f"ON upgrade (campaign_id, status, imei) WHERE {IS_OPEN};",
        f"ON delivery (account_id, style, id) WHERE {IS_WAITING};",
    ],
)
def test_the_numbers_in_the_schema_are_those_of_the_enums(text: str) -> None:
    assert text in TABLES


_POSTGRES_COLUMNS = (
    "SELECT column_name, is_nullable = 'YES', is_identity = 'YES' FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = :name ORDER BY ordinal_position"
)
_SQLITE_COLUMNS = """SELECT name, "notnull" = 0 AND pk = 0, 0 FROM pragma_table_info(:name)"""


def test_every_table_is_in_a_snapshot_or_left_out_on_purpose() -> None:
    assert {*SHAPES, *LEFT_OUT} == set(TABLE_NAMES)
    assert set(SHAPES) == {*READABLE, *STATE_TABLES}


@pytest.mark.parametrize("table", READABLE)
def test_the_columns_that_people_read_are_all_columns_of_their_table(table: str) -> None:
    assert tuple(READABLE[table].split(", ")) == SHAPES[table].names


@pytest.mark.parametrize("table", SHAPES)
def test_what_is_read_from_the_schema_s_text_is_what_the_database_has(connection: Connection, table: str) -> None:
    on_postgres = connection.syntax["bytes"] == "BYTEA"
    found = connection.fetch(_POSTGRES_COLUMNS if on_postgres else _SQLITE_COLUMNS, {"name": table})
    columns = [(name, bool(optional)) for name, optional, _ in found if name != "leased_until_ms"]
    assert columns == [(column.name, column.optional) for column in SHAPES[table].columns]
    assert SHAPES[table].leased == (len(columns) < len(found))
    assert SHAPES[table].key
    if on_postgres:
        assert SHAPES[table].numbered == any(numbered for _, _, numbered in found)


def test_numbers_go_on_after_the_last_that_was_put_back(connection: Connection) -> None:
    assert set(read_last_ids(connection).values()) == {0}
    connection.record_last_ids(dict.fromkeys(NUMBERED, 41))
    insert = (
        "INSERT INTO check_in (account_id, imei, at_ms, client_type, result, failure) VALUES (1, 1, 1, '', '', '')"
        " RETURNING id"
    )
    assert connection.fetch(insert) == [(42,)]
    assert read_last_ids(connection) == {**dict.fromkeys(NUMBERED, 41), "check_in": 42}
    connection.execute("DELETE FROM check_in")
    connection.record_last_ids({"check_in": 0})
    assert connection.fetch(insert) == [(1,)]
