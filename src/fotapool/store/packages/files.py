"""Configuration files of an account."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.packages.contents import Content

_COLUMNS = "name, version, make, model, target_path, protocol, platform, release_note, launched_ms"


class ConfigurationFile(NamedTuple):
    """A file as its account sees it; `launched_ms` is when it was uploaded."""

    name: str
    version: str
    make: str
    model: str
    target_path: str
    protocol: str
    platform: str
    release_note: str
    launched_ms: int


def read_files(connection: Connection, account_id: int, protocol: str, limit: int) -> list[ConfigurationFile]:
    """The account's files for devices of the protocol, by name and version."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM configuration_file WHERE account_id = :account_id AND protocol = :protocol"
        " ORDER BY name, version LIMIT :limit",
        {"account_id": account_id, "protocol": protocol, "limit": limit},
    )
    return [ConfigurationFile(*row) for row in rows]


def has_file(connection: Connection, account_id: int, name: str, version: str) -> bool:
    return bool(
        connection.fetch(
            "SELECT 1 FROM configuration_file WHERE account_id = :account_id AND name = :name AND version = :version",
            {"account_id": account_id, "name": name, "version": version},
        )
    )


def count_files(connection: Connection, account_id: int, limit: int) -> int:
    """How many files the account has, counted up to the limit."""
    rows = connection.fetch(
        "SELECT count(*) FROM (SELECT 1 FROM configuration_file WHERE account_id = :account_id LIMIT :limit) f",
        {"account_id": account_id, "limit": limit},
    )
    count: int = rows[0][0]
    return count


def record_file(connection: Connection, account_id: int, file: ConfigurationFile, content: Content) -> None:
    values = ", ".join(f":{name}" for name in file._fields)
    connection.execute(
        f"INSERT INTO configuration_file (account_id, {_COLUMNS}, succeeded, failed, content_key, content_size,"
        f" content_sha256) VALUES (:account_id, {values}, 0, 0, :key, :size, :sum)",
        {"account_id": account_id, **file._asdict(), "key": content.key, "size": content.size, "sum": content.sha256},
    )
