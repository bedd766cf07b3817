"""Snapshots hold every column of every table: what is added to the schema is in them, or left out on purpose."""

from __future__ import annotations

import pytest

from fotapool.services.snapshots.document_from_rows import READABLE, STATE_TABLES
from fotapool.store.db.connection import Connection
from fotapool.store.db.schema import TABLE_NAMES
from fotapool.store.snapshots import LEFT_OUT, NUMBERED, SHAPES, read_last_ids

_POSTGRES = (
    "SELECT column_name, is_nullable = 'YES', is_identity = 'YES' FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = :name ORDER BY ordinal_position"
)
_SQLITE = """SELECT name, "notnull" = 0 AND pk = 0, 0 FROM pragma_table_info(:name)"""


def test_every_table_is_in_a_snapshot_or_left_out_on_purpose() -> None:
    assert {*SHAPES, *LEFT_OUT} == set(TABLE_NAMES)
    assert set(SHAPES) == {*READABLE, *STATE_TABLES}


@pytest.mark.parametrize("table", READABLE)
def test_the_words_are_about_all_columns_of_their_table(table: str) -> None:
    assert tuple(READABLE[table].split(", ")) == SHAPES[table].names


@pytest.mark.parametrize("table", SHAPES)
def test_what_is_read_from_the_schema_s_text_is_what_the_database_has(connection: Connection, table: str) -> None:
    on_postgres = connection.syntax["bytes"] == "BYTEA"
    found = connection.fetch(_POSTGRES if on_postgres else _SQLITE, {"name": table})
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
