"""The rows of the tables as a snapshot holds them, whole tables at a time, and putting them back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from fotapool.domain.errors import Invalid
from fotapool.store.db.connection import Connection, ConstraintViolated, Row
from fotapool.store.db.schema import TABLE_NAMES
from fotapool.store.db.tables import TABLES
from fotapool.store.identity.sessions import record_auth_epoch

Rows = Mapping[str, Sequence[Row]]
"""The rows of each table, with the columns that SHAPES says, in the order of the primary key."""

ROWS_AN_INSERT = 20_000
_LEASE = "leased_until_ms"
"""Until when a server works on a row, by the database's own clock: nobody works on what was just put back."""
LEFT_OUT = ("auth_epoch", "operator_key", "server_secret")
"""What belongs to the server and not to its accounts: nobody who puts a snapshot back locks the operators out."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, the Python type of its values, and whether it may be empty."""

    name: str
    type: type
    optional: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """What a snapshot holds of a table: its columns without leases, its primary key, whether it numbers its rows."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    numbered: bool
    leased: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


_TYPES = {"BIGINT": int, "TEXT": str, "{bytes}": bytes, "{identity}": int}


def _read_shapes() -> dict[str, Shape]:
    """The shapes of all tables, from the text of the schema: what is added there is in snapshots too."""
    shapes: dict[str, Shape] = {}
    for statement in TABLES.split(";\n"):
        lines = [line.strip().rstrip(",") for line in statement.strip().splitlines()]
        if lines and lines[0].startswith("CREATE TABLE"):
            shapes[lines[0].split()[2]] = _shape(lines[1:])
    return shapes


def _shape(lines: Sequence[str]) -> Shape:
    columns, key, numbered = [], [], False
    for line in lines:
        words = line.split()
        if line.startswith("PRIMARY KEY"):
            key = line.partition("(")[2].partition(")")[0].split(", ")
        elif len(words) > 1 and words[0].islower() and words[1] in _TYPES:
            in_key = "PRIMARY KEY" in line or words[1] == "{identity}"
            columns.append(Column(words[0], _TYPES[words[1]], not in_key and "NOT NULL" not in line))
            key += [words[0]] if in_key else []
            numbered = numbered or words[1] == "{identity}"
    kept = tuple(column for column in columns if column.name != _LEASE)
    return Shape(kept, tuple(key), numbered, len(kept) < len(columns))


SHAPES = {table: shape for table, shape in _read_shapes().items() if table not in LEFT_OUT}
NUMBERED = tuple(table for table, shape in SHAPES.items() if shape.numbered)


def count_rows(connection: Connection, limit: int) -> int:
    """How many rows a snapshot would have; it stops counting a table beyond the limit."""
    counts = (
        connection.fetch(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT :limit) t", {"limit": limit + 1})[0][0]
        for table in SHAPES
    )
    return sum(int(count) for count in counts)


def read_rows(connection: Connection) -> dict[str, list[Row]]:
    """All rows of all tables, on one state of the database (the caller's snapshot)."""
    return {table: _read_table(connection, table, shape) for table, shape in SHAPES.items()}


def _read_table(connection: Connection, table: str, shape: Shape) -> list[Row]:
    rows = connection.fetch(f"SELECT {', '.join(shape.names)} FROM {table}")
    # The databases do not agree on the order of texts.
    rows.sort(key=itemgetter(*(shape.names.index(name) for name in shape.key)))
    return rows


def read_last_ids(connection: Connection) -> dict[str, int]:
    """The last number that each table which numbers its rows has given, also to a row that is gone."""
    return connection.read_last_ids(NUMBERED)


def replace_rows(connection: Connection, rows: Rows) -> None:
    """Puts the rows in place of all there are, and has every server look up its sign-ins again.

    Raises Invalid for rows that a constraint of the schema refuses; the transaction must be rolled back then.
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
    # Where no row has a value PostgreSQL could not tell the type of the column's values.
    filled = [place for place in range(len(names)) if any(row[place] is not None for row in rows)]
    columns = ", ".join([names[place] for place in filled] + [_LEASE] * shape.leased)
    lease = (0,) * shape.leased
    some = itemgetter(*filled, filled[0])  # of a single one it would not give a tuple
    every = iter(rows)
    while batch := [(*some(row)[:-1], *lease) for row in itertools.islice(every, ROWS_AN_INSERT)]:
        connection.insert(table, columns, batch)
    connection.fetch("SELECT 1")  # so that a constraint that fired is told here, and not by the next statement
