"""Device keys, stored as hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, fetch_all, fetch_one


class DeviceKey(NamedTuple):
    """A key as the operator sees it; `imei` is None for a key of all devices of the account. Times in ms.

    `created_ms` is of the first key of this name and `issued_ms` of this key. `expires_ms` is None unless it was
    replaced.
    """

    name: str
    imei: int | None
    created_ms: int
    prefix: str
    issued_ms: int
    used_ms: int | None = None
    expires_ms: int | None = None


class KeyHolder(NamedTuple):
    """The account and device of a key. `known`: the device that used the key is one of the account."""

    account_id: int
    account_name: str
    imei: int | None
    known: bool


_VALID = "(k.expires_ms IS NULL OR k.expires_ms > :now)"
_OF_NAME = "account_id = :account_id AND name = :name"


def read_key_holder(connection: Connection, key_hash: bytes, imei: int, now_ms: int) -> KeyHolder | None:
    """The holder of the key, which device `imei` used; None if there is no such valid key."""
    sql = f"""SELECT k.account_id, a.name, k.imei,
            (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = :imei)
        FROM device_key k JOIN account a ON a.id = k.account_id WHERE k.key_hash = :key_hash AND {_VALID}"""
    build = converting(KeyHolder, known=bool)
    return fetch_one(connection, build, sql, key_hash=key_hash, imei=imei, now=now_ms)


def read_held_keys(
    connection: Connection, key_hashes: Sequence[bytes], now_ms: int
) -> dict[bytes, tuple[int, int | None]]:
    """(account id, IMEI or None) of each valid key, by its hash."""
    rows = connection.fetch_rows(
        "SELECT k.key_hash, k.account_id, k.imei, k.expires_ms FROM {rows} r"
        " JOIN device_key k ON k.key_hash = r.key_hash",
        "key_hash",
        [(key_hash,) for key_hash in key_hashes],
    )
    return {bytes(row[0]): (row[1], row[2]) for row in rows if row[3] is None or row[3] > now_ms}


def read_device_keys(connection: Connection, account_id: int, after: str, limit: int) -> list[DeviceKey]:
    """The account's present keys by name, after the given name."""
    sql = f"""SELECT {columns(DeviceKey)} FROM device_key
        WHERE account_id = :account_id AND name > :after AND expires_ms IS NULL ORDER BY name LIMIT :limit"""
    return fetch_all(connection, DeviceKey, sql, account_id=account_id, after=after, limit=limit)


def read_replaced_keys(
    connection: Connection, account_id: int, names: Sequence[str], now_ms: int
) -> dict[str, DeviceKey]:
    """The replaced keys with these names that are still valid, by name."""
    rows = connection.fetch_rows(
        f"SELECT {columns(DeviceKey, 'k')} FROM {{rows}} r JOIN device_key k ON k.account_id = r.account_id"
        " AND k.name = r.name WHERE k.expires_ms IS NOT NULL",
        "account_id, name",
        [(account_id, name) for name in names],
    )
    found = [DeviceKey(*row) for row in rows]
    return {key.name: key for key in found if (key.expires_ms or 0) > now_ms}


def read_device_key(connection: Connection, account_id: int, name: str) -> DeviceKey | None:
    """The present key with this name."""
    sql = f"SELECT {columns(DeviceKey)} FROM device_key WHERE {_OF_NAME} AND expires_ms IS NULL"
    return fetch_one(connection, DeviceKey, sql, account_id=account_id, name=name)


def record_device_key(connection: Connection, key_hash: bytes, account_id: int, key: DeviceKey) -> None:
    connection.insert("device_key", f"key_hash, account_id, {columns(DeviceKey)}", [(key_hash, account_id, *key)])


def record_device_key_replaced(
    connection: Connection, key_hash: bytes, account_id: int, new: DeviceKey, expires_ms: int | None
) -> None:
    """Replaces the key: the old one expires, or is deleted (None). One that was replaced before is deleted."""
    params = {"account_id": account_id, "name": new.name}
    connection.execute(f"DELETE FROM device_key WHERE {_OF_NAME} AND expires_ms IS NOT NULL", params)
    if expires_ms is None:
        connection.execute(f"DELETE FROM device_key WHERE {_OF_NAME}", params)
    else:
        sql = f"UPDATE device_key SET expires_ms = :expires WHERE {_OF_NAME}"
        connection.execute(sql, {**params, "expires": expires_ms})
    record_device_key(connection, key_hash, account_id, new)


def record_device_key_deleted(connection: Connection, account_id: int, name: str) -> None:
    connection.execute(
        "DELETE FROM device_key WHERE account_id = :account_id AND name = :name",
        {"account_id": account_id, "name": name},
    )
