"""Logging by devices: for which of them it is on, what they logged, and when they checked in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection, Row

MAX_BINARY_LISTED_BYTES = 16 * 1024 * 1024
"""How much binary content one list of logs has at most."""
FORGOTTEN_ROWS = 10_000
"""How many rows of a table one step of housekeeping deletes."""


class CheckIn(NamedTuple):
    """One contact of a device: `result` and `failure` are the words that the API shows, `failure` empty if none."""

    account_id: int
    imei: int
    at_ms: int
    client_type: str
    result: str
    failure: str


class Log(NamedTuple):
    """One entry of a device's log; without a binary file its name and content are empty."""

    account_id: int
    imei: int
    at_ms: int
    type: str
    event: str
    binary_name: str
    binary_content: bytes


def read_logging(connection: Connection, account_id: int, now_ms: int) -> list[Row]:
    """Devices for which logging is on, by IMEI: (imei, when it goes off in ms)."""
    return connection.fetch(
        "SELECT imei, expires_ms FROM device_logging WHERE account_id = :account_id AND expires_ms > :now"
        " ORDER BY imei",
        {"account_id": account_id, "now": now_ms},
    )


def is_logging(connection: Connection, account_id: int, imei: int, now_ms: int) -> bool:
    return bool(
        connection.fetch(
            "SELECT 1 FROM device_logging WHERE account_id = :account_id AND imei = :imei AND expires_ms > :now",
            {"account_id": account_id, "imei": imei, "now": now_ms},
        )
    )


def record_logging(
    connection: Connection, account_id: int, devices: Sequence[int], now_ms: int, expires_ms: int
) -> None:
    """Turns logging on for the devices, and forgets the account's devices for which it has gone off by itself."""
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
    connection.insert("check_in", "account_id, imei, at_ms, client_type, result, failure", check_ins)


def record_logs(connection: Connection, logs: Iterable[Log]) -> None:
    connection.insert("device_log", "account_id, imei, at_ms, type, event, binary_name, binary_content", logs)


def read_check_ins(connection: Connection, account_id: int, imei: int, since_ms: int, limit: int) -> list[CheckIn]:
    """The device's check-ins since then, newest first."""
    rows = connection.fetch(
        "SELECT account_id, imei, at_ms, client_type, result, failure FROM check_in"
        " WHERE account_id = :account_id AND imei = :imei AND at_ms >= :since ORDER BY id DESC LIMIT :limit",
        {"account_id": account_id, "imei": imei, "since": since_ms, "limit": limit},
    )
    return [CheckIn(*row) for row in rows]


def read_logs(connection: Connection, account_id: int, imei: int, since_ms: int, limit: int) -> list[Log]:
    """The device's logs since then, newest first, as many as have MAX_BINARY_LISTED_BYTES together."""
    rows = connection.fetch(
        "SELECT l.account_id, l.imei, l.at_ms, l.type, l.event, l.binary_name, l.binary_content FROM"
        " (SELECT n.id AS id, sum(n.size) OVER (ORDER BY n.id DESC) AS size FROM"
        " (SELECT id, length(binary_content) AS size FROM device_log"
        " WHERE account_id = :account_id AND imei = :imei AND at_ms >= :since ORDER BY id DESC LIMIT :limit) n) s"
        " JOIN device_log l ON l.id = s.id WHERE s.size <= :most ORDER BY l.id DESC",
        {"account_id": account_id, "imei": imei, "since": since_ms, "limit": limit, "most": MAX_BINARY_LISTED_BYTES},
    )
    return [Log(*row) for row in rows]


def purge_logs(connection: Connection, before_ms: int) -> bool:
    """Deletes the oldest logs and check-ins from before that moment, up to FORGOTTEN_ROWS of each; whether more are."""
    for table in ("check_in", "device_log"):
        connection.execute(
            f"DELETE FROM {table} WHERE id IN"
            f" (SELECT id FROM {table} WHERE at_ms < :before ORDER BY at_ms LIMIT :limit)",
            {"before": before_ms, "limit": FORGOTTEN_ROWS},
        )
    return bool(
        connection.fetch(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM check_in WHERE at_ms < :before)"
            " OR EXISTS (SELECT 1 FROM device_log WHERE at_ms < :before)",
            {"before": before_ms},
        )
    )
