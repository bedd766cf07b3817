"""Keys by which devices identify themselves; what is stored is their hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection


class DeviceKey(NamedTuple):
    """A key as the operator sees it; `imei` is None for one that is good for all devices of the account."""

    name: str
    imei: int | None
    created_ms: int


class KeyHolder(NamedTuple):
    """What a key stands for, and whether the device that showed it is one of the account."""

    account_id: int
    account_name: str
    imei: int | None
    known: bool


def read_key_holder(connection: Connection, key_hash: bytes, imei: int) -> KeyHolder | None:
    """The holder of a key, if there is such a key; `known` is about the device."""
    rows = connection.fetch(
        "SELECT k.account_id, a.name, k.imei,"
        " (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = :imei)"
        " FROM device_key k JOIN account a ON a.id = k.account_id WHERE k.key_hash = :key_hash",
        {"key_hash": key_hash, "imei": imei},
    )
    for account_id, name, of_imei, known in rows:
        return KeyHolder(account_id, name, of_imei, known is not None)
    return None


def read_held_keys(connection: Connection, key_hashes: Sequence[bytes]) -> dict[bytes, tuple[int, int | None]]:
    """Of each key that there is, its account's id and the one device that it is for, if it is for one."""
    rows = connection.fetch_rows(
        "SELECT k.key_hash, k.account_id, k.imei FROM {rows} r JOIN device_key k ON k.key_hash = r.key_hash",
        "key_hash",
        [(key_hash,) for key_hash in key_hashes],
    )
    return {bytes(row[0]): (row[1], row[2]) for row in rows}


def read_device_keys(connection: Connection, account_id: int, after: str, limit: int) -> list[DeviceKey]:
    """The account's keys by name, after the given one."""
    rows = connection.fetch(
        "SELECT name, imei, created_ms FROM device_key WHERE account_id = :account_id AND name > :after"
        " ORDER BY name LIMIT :limit",
        {"account_id": account_id, "after": after, "limit": limit},
    )
    return [DeviceKey(*row) for row in rows]


def has_device_key(connection: Connection, account_id: int, name: str) -> bool:
    return bool(
        connection.fetch(
            "SELECT 1 FROM device_key WHERE account_id = :account_id AND name = :name",
            {"account_id": account_id, "name": name},
        )
    )


def record_device_key(connection: Connection, key_hash: bytes, account_id: int, key: DeviceKey) -> None:
    row = (key_hash, account_id, key.imei, key.name, key.created_ms)
    connection.insert("device_key", "key_hash, account_id, imei, name, created_ms", [row])


def record_device_key_deleted(connection: Connection, account_id: int, name: str) -> None:
    connection.execute(
        "DELETE FROM device_key WHERE account_id = :account_id AND name = :name",
        {"account_id": account_id, "name": name},
    )
