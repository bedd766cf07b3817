"""Device keys, stored as hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, exists, fetch_all, fetch_one


class DeviceKey(NamedTuple):
    """A key as the operator sees it; `imei` is None for a key of all devices of the account."""

    name: str
    imei: int | None
    created_ms: int


class KeyHolder(NamedTuple):
    """The account and device of a key. `known`: the device that used the key is one of the account."""

    account_id: int
    account_name: str
    imei: int | None
    known: bool


def read_key_holder(connection: Connection, key_hash: bytes, imei: int) -> KeyHolder | None:
    """The holder of the key, which device `imei` used; None if there is no such key."""
    sql = """SELECT k.account_id, a.name, k.imei,
            (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = :imei)
        FROM device_key k JOIN account a ON a.id = k.account_id WHERE k.key_hash = :key_hash"""
    return fetch_one(connection, converting(KeyHolder, known=bool), sql, key_hash=key_hash, imei=imei)


def read_held_keys(connection: Connection, key_hashes: Sequence[bytes]) -> dict[bytes, tuple[int, int | None]]:
    """(account id, IMEI or None) of each existing key, by its hash."""
    rows = connection.fetch_rows(
        "SELECT k.key_hash, k.account_id, k.imei FROM {rows} r JOIN device_key k ON k.key_hash = r.key_hash",
        "key_hash",
        [(key_hash,) for key_hash in key_hashes],
    )
    return {bytes(row[0]): (row[1], row[2]) for row in rows}


def read_device_keys(connection: Connection, account_id: int, after: str, limit: int) -> list[DeviceKey]:
    """The account's keys by name, after the given name."""
    sql = f"""SELECT {columns(DeviceKey)} FROM device_key WHERE account_id = :account_id AND name > :after
        ORDER BY name LIMIT :limit"""
    return fetch_all(connection, DeviceKey, sql, account_id=account_id, after=after, limit=limit)


def has_device_key(connection: Connection, account_id: int, name: str) -> bool:
    sql = "SELECT 1 FROM device_key WHERE account_id = :account_id AND name = :name"
    return exists(connection, sql, account_id=account_id, name=name)


def record_device_key(connection: Connection, key_hash: bytes, account_id: int, key: DeviceKey) -> None:
    row = (key_hash, account_id, key.imei, key.name, key.created_ms)
    connection.insert("device_key", "key_hash, account_id, imei, name, created_ms", [row])


def record_device_key_deleted(connection: Connection, account_id: int, name: str) -> None:
    connection.execute(
        "DELETE FROM device_key WHERE account_id = :account_id AND name = :name",
        {"account_id": account_id, "name": name},
    )
