"""Devices of an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fotapool.domain.devices import Device
from fotapool.store.database import Connection, Row

_COLUMNS = "account_id, imei, make, model, firmware, protocol, mdn, created_ms, updated_ms"
_UPSERT = (
    "ON CONFLICT (account_id, imei) DO UPDATE SET make = excluded.make, model = excluded.model,"
    " firmware = excluded.firmware, protocol = excluded.protocol, mdn = excluded.mdn,"
    " updated_ms = excluded.updated_ms"
)


def read_owners(connection: Connection, account_id: int, devices: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """The account that each known device belongs to, and which of the devices hold a license of this account."""
    rows = connection.fetch_keys(
        "SELECT k.imei, (SELECT d.account_id FROM device d WHERE d.imei = k.imei),"
        " (SELECT 1 FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei) FROM {keys} k",
        [(account_id, device) for device in devices],
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}, {row[0] for row in rows if row[2]}


def record_devices(connection: Connection, account_id: int, devices: Iterable[Device], now_ms: int) -> None:
    """Creates the devices, or updates what is said of them; of two lines for a device the last one counts."""
    last = {line.device: line for line in devices}
    connection.insert("device", _COLUMNS, [_row(account_id, line, now_ms) for line in last.values()], _UPSERT)


def _row(account_id: int, line: Device, now_ms: int) -> Row:
    return (
        account_id, line.device, line.make, line.model, line.firmware, line.protocol, line.mdn, now_ms, now_ms,
    )  # fmt: skip


def read_devices(connection: Connection, account_id: int, after: int, limit: int) -> list[Row]:
    """Devices by IMEI: (imei, make, model, firmware, protocol, mdn, assigned_ms or None, state, open upgrade)."""
    return connection.fetch(
        "SELECT d.imei, d.make, d.model, d.firmware, d.protocol, d.mdn, l.assigned_ms, l.state, l.notice_until_ms,"
        " (SELECT u.status FROM upgrade u WHERE u.account_id = d.account_id AND u.imei = d.imei AND u.status <= 2)"
        " FROM device d LEFT JOIN license l ON l.account_id = d.account_id AND l.imei = d.imei"
        " WHERE d.account_id = :account_id AND d.imei > :after ORDER BY d.imei LIMIT :limit",
        {"account_id": account_id, "after": after, "limit": limit},
    )
