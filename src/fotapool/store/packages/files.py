"""Configuration files of an account."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, exists, fetch_all, fetch_value
from fotapool.store.packages.contents import Content


class ConfigurationFile(NamedTuple):
    """A file of an account, uploaded at `launched_ms`."""

    name: str
    version: str
    make: str
    model: str
    target_path: str
    protocol: str
    platform: str
    release_note: str
    launched_ms: int


_COLUMNS = columns(ConfigurationFile)


def read_files(connection: Connection, account_id: int, protocol: str, limit: int) -> list[ConfigurationFile]:
    """The account's files for devices of the protocol, by name and version."""
    sql = f"""SELECT {_COLUMNS} FROM configuration_file WHERE account_id = :account_id AND protocol = :protocol
        ORDER BY name, version LIMIT :limit"""
    return fetch_all(connection, ConfigurationFile, sql, account_id=account_id, protocol=protocol, limit=limit)


class StoredFile(NamedTuple):
    """A file of an account as operators see it: `size` in bytes, and the results of the pilot rule."""

    id: int
    name: str
    version: str
    make: str
    model: str
    target_path: str
    protocol: str
    release_note: str
    launched_ms: int
    succeeded: int
    failed: int
    content_size: int
    content_sha256: str


def read_files_after(connection: Connection, account_id: int, after: int, limit: int) -> list[StoredFile]:
    """The account's files by name and version, after the file with the id `after`; 0 for the first ones."""
    where = " AND (name, version) > (SELECT name, version FROM configuration_file WHERE id = :after)" if after else ""
    sql = f"""SELECT {columns(StoredFile)} FROM configuration_file WHERE account_id = :account_id{where}
        ORDER BY name, version LIMIT :limit"""
    params = {"after": after} if after else {}
    return fetch_all(connection, StoredFile, sql, account_id=account_id, limit=limit, **params)


def has_file(connection: Connection, account_id: int, name: str, version: str) -> bool:
    sql = "SELECT 1 FROM configuration_file WHERE account_id = :account_id AND name = :name AND version = :version"
    return exists(connection, sql, account_id=account_id, name=name, version=version)


def count_files(connection: Connection, account_id: int, limit: int) -> int:
    """The number of the account's files, counted up to the limit."""
    sql = "SELECT count(*) FROM (SELECT 1 FROM configuration_file WHERE account_id = :account_id LIMIT :limit) f"
    return int(fetch_value(connection, sql, account_id=account_id, limit=limit))


def record_file(connection: Connection, account_id: int, file: ConfigurationFile, content: Content) -> None:
    names = f"account_id, {_COLUMNS}, succeeded, failed, content_key, content_size, content_sha256"
    connection.insert("configuration_file", names, [(account_id, *file, 0, 0, *content)])
