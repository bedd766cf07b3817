"""Erases the personal data of devices wherever the database has them."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.devices.erasures import Erased
from fotapool.store.db.connection import Connection, Key
from fotapool.store.db.rows import fetch_value

_OF_KEY = "t.account_id = k.account_id AND t.imei = k.imei"
_OF_JOBS = "job IN (SELECT uuid FROM bulk_job WHERE account_id = :id) AND (value <> '' OR original IS NOT NULL)"


def read_present(connection: Connection, keys: Sequence[Key]) -> set[int]:
    """The devices among these that the account has, or has had."""
    sql = """SELECT k.imei FROM {keys} k
        WHERE (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei) IS NOT NULL
        OR (SELECT 1 FROM departed_device g WHERE g.account_id = k.account_id AND g.imei = k.imei) IS NOT NULL"""
    return {row[0] for row in connection.fetch_keys(sql, keys)}


def record_erased(connection: Connection, account_id: int, devices: Sequence[int]) -> Erased:
    """Erases what the account has of the devices, and what was not readable in its bulk lists. Returns the numbers."""
    keys = [(account_id, device) for device in devices]
    erased = Erased(
        mdns=_count(connection, "device", keys, "t.mdn <> ''"),
        logs=_count(connection, "device_log", keys),
        failure_messages=_count(connection, "upgrade", keys, "t.message IS NOT NULL"),
        list_lines=int(fetch_value(connection, f"SELECT count(*) FROM bulk_left_out WHERE {_OF_JOBS}", id=account_id)),
    )
    if erased.mdns:
        connection.update_keys("device", "mdn = ''", keys, {}, where="mdn <> ''")
    if erased.logs:
        connection.delete_keys("device_log", keys)
    if erased.failure_messages:
        connection.update_keys("upgrade", "message = NULL", keys, {}, where="message IS NOT NULL")
    if erased.list_lines:
        connection.execute(f"UPDATE bulk_left_out SET value = '', original = NULL WHERE {_OF_JOBS}", {"id": account_id})
    return erased


def _count(connection: Connection, table: str, keys: Sequence[Key], where: str = "1 = 1") -> int:
    sql = f"SELECT count(*) FROM {{keys}} k CROSS JOIN {table} t WHERE {_OF_KEY} AND {where}"
    return int(connection.fetch_keys(sql, keys)[0][0])
