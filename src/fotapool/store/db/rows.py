"""Queries whose rows become objects: columns are named after the fields of the class, so that their order agrees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from enum import IntEnum
from operator import attrgetter
from typing import Any, TypeVar

from fotapool.store.db.connection import Connection, Params, Row

T = TypeVar("T")


def field_names(row_type: Any) -> tuple[str, ...]:
    """The fields of a msgspec.Struct, NamedTuple or dataclass, in order."""
    names: tuple[str, ...] | None = getattr(row_type, "__struct_fields__", None) or getattr(row_type, "_fields", None)
    return names or tuple(field.name for field in dataclasses.fields(row_type))


def columns(row_type: Any, table: str = "", **expressions: str) -> str:
    """The fields as a list of columns of the table or alias; `expressions` are SQL for fields that are no column."""
    prefix = f"{table}." if table else ""
    return ", ".join(expressions.get(name, prefix + name) for name in field_names(row_type))


def row_of(row_type: Any) -> Callable[[Any], Row]:
    """A function that returns the fields of an object in the order of `columns`."""
    return attrgetter(*field_names(row_type))


def converting(row_type: Callable[..., T], **converters: Callable[[Any], Any]) -> Callable[..., T]:
    """A function that builds the row type from a row in the order of `columns`, and converts some of its values."""
    names = field_names(row_type)
    places = [(names.index(name), convert) for name, convert in converters.items()]

    def build(*values: Any) -> T:
        converted = list(values)
        for place, convert in places:
            converted[place] = convert(converted[place])
        return row_type(*converted)

    return build


def numbers(members: Iterable[IntEnum]) -> str:
    """The numbers of the members for an IN clause, as `1, 6`."""
    return ", ".join(f"{member:d}" for member in sorted(members))


def fetch_all(connection: Connection, build: Callable[..., T], sql: str, /, **params: Any) -> list[T]:
    """All rows, each as `build(*row)`."""
    return [build(*row) for row in connection.fetch(sql, params)]


def fetch_one(connection: Connection, build: Callable[..., T], sql: str, /, **params: Any) -> T | None:
    """The first row as `build(*row)`, or None if there is none."""
    rows = connection.fetch(sql, params)
    return build(*rows[0]) if rows else None


def fetch_value(connection: Connection, sql: str, /, **params: Any) -> Any:
    """The first column of the first row, or None if there is none."""
    rows = connection.fetch(sql, params)
    return rows[0][0] if rows else None


def fetch_int(connection: Connection, sql: str, /, **params: Any) -> int | None:
    """The integer in the first column of the first row, or None."""
    number: int | None = fetch_value(connection, sql, **params)
    return number


def fetch_text(connection: Connection, sql: str, /, **params: Any) -> str | None:
    """The text in the first column of the first row, or None."""
    text: str | None = fetch_value(connection, sql, **params)
    return text


def fetch_values(connection: Connection, sql: str, /, **params: Any) -> list[Any]:
    """The first column of all rows."""
    return [row[0] for row in connection.fetch(sql, params)]


def exists(connection: Connection, sql: str, /, **params: Any) -> bool:
    """Whether the query returns a row."""
    return bool(connection.fetch(sql, params))


def fetch_devices(
    connection: Connection, build: Callable[..., T], sql: str, devices: tuple[int, Iterable[int]], /, **params: Any
) -> list[T]:
    """All rows of SQL that reads `{keys}`, which are `devices` (account id, IMEIs), each as `build(*row)`."""
    account_id, imeis = devices
    keys = [(account_id, imei) for imei in imeis]
    return [build(*row) for row in connection.fetch_keys(sql, keys, params)]


KNOWN_DEVICE = "SELECT 1 FROM device WHERE account_id = :account_id AND imei = :cursor"
KNOWN_CURSOR = (
    f"{KNOWN_DEVICE} UNION ALL SELECT 1 FROM departed_device WHERE account_id = :account_id AND imei = :cursor"
)
"""A page may have ended with a device that has left since, or whose license or upgrade stays on record."""


def fetch_page(
    connection: Connection, build: Callable[..., T], sql: str, params: Params, known: str = KNOWN_CURSOR
) -> tuple[bool, list[T]]:
    """Whether `:cursor` is or was a device of `:account_id`, and all rows, on one state of the database."""
    found, rows = connection.fetch_together([(known, params), (sql, params)])
    return bool(found), [build(*row) for row in rows]


def like_pattern(text: str) -> str:
    """The text for LIKE … ESCAPE '!', with its wildcards escaped."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
