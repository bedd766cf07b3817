"""Device logs: for which devices logging is enabled, their log entries, and their check-ins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, exists, fetch_all

MAX_BINARY_LISTED_BYTES = 16 * 1024 * 1024
"""Maximum size of the binary contents in one list of logs."""


CHECK_IN_SUCCESS = "CheckInSuccess"
"""The result of every recorded check-in; rejected ones are not recorded."""


class CheckIn(NamedTuple):
    """A contact of a device; `result` and `failure` are as the API shows them, `failure` empty if there was none."""

    account_id: int
    imei: int
    at_ms: int
    client_type: str
    result: str = CHECK_IN_SUCCESS
    failure: str = ""


class Log(NamedTuple):
    """A log entry; the name and content of its binary file are empty without one."""

    account_id: int
    imei: int
    at_ms: int
    type: str
    event: str
    binary_name: str
    binary_content: bytes


def read_logging(connection: Connection, account_id: int, now_ms: int) -> list[Row]:
    """Devices with logging enabled, by IMEI, as (imei, expiry in ms)."""
    return connection.fetch(
        "SELECT imei, expires_ms FROM device_logging WHERE account_id = :account_id AND expires_ms > :now"
        " ORDER BY imei",
        {"account_id": account_id, "now": now_ms},
    )


def is_logging(connection: Connection, account_id: int, imei: int, now_ms: int) -> bool:
    sql = "SELECT 1 FROM device_logging WHERE account_id = :account_id AND imei = :imei AND expires_ms > :now"
    return exists(connection, sql, account_id=account_id, imei=imei, now=now_ms)


def record_logging(
    connection: Connection, account_id: int, devices: Sequence[int], now_ms: int, expires_ms: int
) -> None:
    """Enables logging for the devices, and deletes expired rows of the account."""
    connection.execute(
        "DELETE FROM device_logging WHERE account_id = :account_id AND expires_ms <= :now",
        {"account_id": account_id, "now": now_ms},
    )
    rows = [(account_id, imei, expires_ms) for imei in sorted(set(devices))]
    on_conflict = "ON CONFLICT (account_id, imei) DO UPDATE SET expires_ms = excluded.expires_ms"
    connection.insert("device_logging", "account_id, imei, expires_ms", rows, on_conflict)


def delete_logging(connection: Connection, account_id: int, devices: Sequence[int]) -> None:
    connection.delete_keys("device_logging", [(account_id, imei) for imei in devices])


def record_check_ins(connection: Connection, check_ins: Iterable[CheckIn]) -> None:
    connection.insert("check_in", columns(CheckIn), check_ins)


def record_logs(connection: Connection, logs: Iterable[Log]) -> None:
    connection.insert("device_log", columns(Log), logs)


def read_check_ins(connection: Connection, account_id: int, imei: int, since_ms: int, limit: int) -> list[CheckIn]:
    """The device's check-ins since then, newest first."""
    sql = f"""SELECT {columns(CheckIn)} FROM check_in
        WHERE account_id = :account_id AND imei = :imei AND at_ms >= :since ORDER BY id DESC LIMIT :limit"""
    return fetch_all(connection, CheckIn, sql, account_id=account_id, imei=imei, since=since_ms, limit=limit)


def read_logs(connection: Connection, account_id: int, imei: int, since_ms: int, limit: int) -> list[Log]:
    """The device's logs since then, newest first, up to MAX_BINARY_LISTED_BYTES of binary contents."""
    rows = connection.fetch(
        f"SELECT {columns(Log, 'l')} FROM"
        " (SELECT n.id AS id, sum(n.size) OVER (ORDER BY n.id DESC) AS size FROM"
        " (SELECT id, length(binary_content) AS size FROM device_log"
        " WHERE account_id = :account_id AND imei = :imei AND at_ms >= :since ORDER BY id DESC LIMIT :limit) n) s"
        " JOIN device_log l ON l.id = s.id WHERE s.size <= :most ORDER BY l.id DESC",
        {"account_id": account_id, "imei": imei, "since": since_ms, "limit": limit, "most": MAX_BINARY_LISTED_BYTES},
    )
    return [Log(*row) for row in rows]
