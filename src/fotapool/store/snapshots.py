"""Reading and restoring the rows of a snapshot, one whole table at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec

from fotapool.domain.errors import Invalid
from fotapool.store.db.connection import Connection, ConstraintViolated, Row
from fotapool.store.db.schema import SERVER_TABLES, TABLE_NAMES
from fotapool.store.db.tables import TABLES
from fotapool.store.identity.sessions import record_auth_epoch

Rows = Mapping[str, Sequence[Row]]
"""The rows of each table, with the columns of SHAPES, in the order of the primary key."""

ROWS_AN_INSERT = 20_000
_LEASE = "leased_until_ms"
"""The expiry of a row's lease by the database's clock; restored rows are not leased."""
LEFT_OUT = SERVER_TABLES
"""Restoring a snapshot never locks operators out."""


class Column(NamedTuple):
    """A column: its name, the Python type of its values, and whether it may be NULL."""

    name: str
    type: type
    optional: bool


class Shape(msgspec.Struct, frozen=True):
    """A table in a snapshot: columns without leases, primary key, and whether the database numbers its rows."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    numbered: bool
    leased: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


_TYPES = {"BIGINT": int, "TEXT": str, "{bytes}": bytes, "{identity}": int}


def _read_shapes() -> dict[str, Shape]:
    """The shapes of all tables, parsed from the schema, so that snapshots always include new columns."""
    shapes: dict[str, Shape] = {}
    for statement in TABLES.split(";\n"):
        lines = [line.strip().rstrip(",") for line in statement.strip().splitlines()]
        if lines and lines[0].startswith("CREATE TABLE"):
            shapes[lines[0].split()[2]] = _shape(lines[1:])
    return shapes


def _shape(lines: Sequence[str]) -> Shape:
    columns, key, numbered = [], [], False
    for line in lines:
        parts = line.split()
        if line.startswith("PRIMARY KEY"):
            key = line.partition("(")[2].partition(")")[0].split(", ")
        elif len(parts) > 1 and parts[0].islower() and parts[1] in _TYPES:
            in_key = "PRIMARY KEY" in line or parts[1] == "{identity}"
            columns.append(Column(parts[0], _TYPES[parts[1]], not in_key and "NOT NULL" not in line))
            key += [parts[0]] if in_key else []
            numbered = numbered or parts[1] == "{identity}"
    stored = tuple(column for column in columns if column.name != _LEASE)
    return Shape(stored, tuple(key), numbered, len(stored) < len(columns))


SHAPES = {table: shape for table, shape in _read_shapes().items() if table not in LEFT_OUT}
NUMBERED = tuple(table for table, shape in SHAPES.items() if shape.numbered)


def count_rows(connection: Connection, limit: int) -> int:
    """The number of rows of a snapshot; each table is counted up to one more than the limit."""
    counts = (
        connection.fetch(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT :limit) t", {"limit": limit + 1})[0][0]
        for table in SHAPES
    )
    return sum(int(count) for count in counts)


def read_rows(connection: Connection) -> dict[str, list[Row]]:
    """All rows of all tables, within the caller's snapshot transaction."""
    return {table: _read_table(connection, table, shape) for table, shape in SHAPES.items()}


def _read_table(connection: Connection, table: str, shape: Shape) -> list[Row]:
    rows = connection.fetch(f"SELECT {', '.join(shape.names)} FROM {table}")
    # The databases differ in the order of texts.
    rows.sort(key=itemgetter(*(shape.names.index(name) for name in shape.key)))
    return rows


def read_last_ids(connection: Connection) -> dict[str, int]:
    """The last id of each table whose rows are numbered, including deleted rows."""
    return connection.read_last_ids(NUMBERED)


def replace_rows(connection: Connection, rows: Rows) -> None:
    """Replaces all rows, and makes every server check its sign-ins again.

    Raises Invalid for rows that violate a constraint of the schema; the caller must roll back the transaction.
    """
    for table in TABLE_NAMES:
        if table not in LEFT_OUT:
            connection.execute(f"DELETE FROM {table}")
    for table, shape in SHAPES.items():
        try:
            _insert(connection, table, shape, rows.get(table, ()))
        except ConstraintViolated as error:
            why = str(error).partition("\n")[0]
            raise Invalid(f"the rows of {table} contradict each other or those of other tables: {why}") from error
    record_auth_epoch(connection)


def _insert(connection: Connection, table: str, shape: Shape, rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = list(shape.names)
    # Columns without any value are omitted: PostgreSQL could not infer their type.
    filled = [place for place in range(len(names)) if any(row[place] is not None for row in rows)]
    columns = ", ".join([names[place] for place in filled] + [_LEASE] * shape.leased)
    lease = (0,) * shape.leased
    some = itemgetter(*filled, filled[0])  # with one name, itemgetter would not return a tuple
    every = iter(rows)
    while batch := [(*some(row)[:-1], *lease) for row in itertools.islice(every, ROWS_AN_INSERT)]:
        connection.insert(table, columns, batch)
    connection.fetch("SELECT 1")  # raises a violated constraint here and not at the next statement
