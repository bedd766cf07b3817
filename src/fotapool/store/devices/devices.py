"""Devices of an account: what is recorded of them, pages of them, what was installed on them, and their reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fotapool.domain.callbacks import FirmwareReported
from fotapool.domain.devices.devices import Device
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.db.connection import Connection, Row

_COLUMNS = "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms, realm"
_UPSERT = (
    "ON CONFLICT (account_id, imei) DO UPDATE SET make = excluded.make, model = excluded.model,"
    " firmware = excluded.firmware, protocol = excluded.protocol, mdn = excluded.mdn, status = excluded.status,"
    " updated_ms = excluded.updated_ms"
)


class DeviceRow(NamedTuple):
    """A device as the lists of the API show it; times in ms, None where something never happened."""

    imei: int
    make: str
    model: str
    firmware: str
    protocol: str
    mdn: str
    status: str
    created_ms: int
    updated_ms: int
    upgraded_ms: int | None
    refreshed_ms: int | None
    seen_ms: int | None
    licensed_ms: int | None
    """Since when it has held its license, or None without one."""


class OperatorDeviceRow(NamedTuple):
    """A device as the operator sees it, with its license's state and the status of its open upgrade."""

    imei: int
    make: str
    model: str
    firmware: str
    protocol: str
    mdn: str
    status: str
    created_ms: int
    upgraded_ms: int | None
    seen_ms: int | None
    licensed_ms: int | None
    license_state: int | None
    notice_until_ms: int | None
    open_upgrade: int | None


class Installed(NamedTuple):
    """A package or file that an upgrade has put on a device."""

    imei: int
    is_file: bool
    name: str
    version: str
    at_ms: int


_LICENSE = "FROM license l WHERE l.account_id = d.account_id AND l.imei = d.imei"
_ROW = (
    "d.imei, d.make, d.model, d.firmware, d.protocol, d.mdn, d.status, d.created_ms, d.updated_ms, d.upgraded_ms,"
    " d.refreshed_ms, d.seen_ms,"
    f" (SELECT l.assigned_ms {_LICENSE})"
)
OPERATOR_ROW = (
    "d.imei, d.make, d.model, d.firmware, d.protocol, d.mdn, d.status, d.created_ms, d.upgraded_ms,"
    f" d.seen_ms, (SELECT l.assigned_ms {_LICENSE}), (SELECT l.state {_LICENSE}),"
    f" (SELECT l.notice_until_ms {_LICENSE}),"
    " (SELECT u.status FROM upgrade u WHERE u.account_id = d.account_id AND u.imei = d.imei AND u.status <= 2)"
)
"""The columns of an OperatorDeviceRow, of the device d."""


def read_owners(connection: Connection, account_id: int, devices: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """The account of the realm that each known device belongs to, and which of them hold a license of this account."""
    rows = connection.fetch_keys(
        "SELECT k.imei, (SELECT d.account_id FROM device d WHERE"
        " d.realm = (SELECT a.realm FROM account a WHERE a.id = k.account_id) AND d.imei = k.imei),"
        " (SELECT 1 FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei) FROM {keys} k",
        [(account_id, device) for device in devices],
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}, {row[0] for row in rows if row[2]}


def record_devices(connection: Connection, account_id: int, devices: Iterable[Device], now_ms: int) -> None:
    """Creates the devices, or updates what is said of them; of two lines for a device the last one counts."""
    last = {line.device: line for line in devices}
    realm = connection.fetch("SELECT realm FROM account WHERE id = :id", {"id": account_id})[0][0]
    connection.insert("device", _COLUMNS, [_row(account_id, line, now_ms, realm) for line in last.values()], _UPSERT)


def _row(account_id: int, line: Device, now_ms: int, realm: int) -> Row:
    return (
        account_id,
        line.device,
        line.make,
        line.model,
        line.firmware,
        line.protocol,
        line.mdn,
        line.status,
        now_ms,
        now_ms,
        realm,
    )


def read_operator_devices(connection: Connection, account_id: int, after: int, limit: int) -> list[OperatorDeviceRow]:
    """Devices by IMEI, from the first one greater than `after`."""
    rows = connection.fetch(
        f"SELECT {OPERATOR_ROW} FROM device d WHERE d.account_id = :account_id AND d.imei > :after"
        " ORDER BY d.imei LIMIT :limit",
        {"account_id": account_id, "after": after, "limit": limit},
    )
    return [OperatorDeviceRow(*row) for row in rows]


def read_device_page(
    connection: Connection, account_id: int, protocol: str | None, cursor: int, limit: int
) -> tuple[bool, list[DeviceRow]]:
    """Whether the cursor is a device of the account, and devices with greater IMEIs, of one protocol or of all."""
    of_protocol = "" if protocol is None else " AND d.protocol = :protocol"
    params: dict[str, object] = {"account_id": account_id, "cursor": cursor}
    known, rows = connection.fetch_together(
        [
            ("SELECT 1 FROM device WHERE account_id = :account_id AND imei = :cursor", params),
            (
                f"SELECT {_ROW} FROM device d WHERE d.account_id = :account_id AND d.imei > :cursor{of_protocol}"
                " ORDER BY d.imei LIMIT :limit",
                params | {"limit": limit} | ({} if protocol is None else {"protocol": protocol}),
            ),
        ]
    )
    return bool(known), [DeviceRow(*row) for row in rows]


def read_devices_named(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, DeviceRow]:
    """Those of the devices that the account has."""
    keys = [(account_id, device) for device in sorted(set(devices))]
    rows = connection.fetch_keys(
        f"SELECT {_ROW} FROM {{keys}} k JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei", keys
    )
    return {row[0]: DeviceRow(*row) for row in rows}


def read_known_devices(connection: Connection, account_id: int, devices: Sequence[int]) -> set[int]:
    """Which of the devices the account has."""
    rows = connection.fetch_keys(
        "SELECT k.imei FROM {keys} k WHERE"
        " (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei) IS NOT NULL",
        [(account_id, device) for device in devices],
    )
    return {row[0] for row in rows}


def read_installed(connection: Connection, account_id: int, devices: Sequence[int]) -> list[Installed]:
    """What completed upgrades of campaigns have put on the devices: each package or file once, the latest first."""
    if not devices:
        return []
    rows = connection.fetch_keys(
        "SELECT i.imei, i.is_file, CASE WHEN i.is_file = 1 THEN"
        " (SELECT f.name FROM configuration_file f WHERE f.id = i.subject_id)"
        " ELSE (SELECT p.name FROM package p WHERE p.id = i.subject_id) END,"
        " CASE WHEN i.is_file = 1 THEN (SELECT f.version FROM configuration_file f WHERE f.id = i.subject_id)"
        " ELSE (SELECT p.to_version FROM package p WHERE p.id = i.subject_id) END, i.at_ms FROM"
        " (SELECT u.imei AS imei, CASE WHEN c.file_id IS NULL THEN 0 ELSE 1 END AS is_file,"
        " coalesce(c.file_id, c.package_id) AS subject_id, max(u.ended_ms) AS at_ms FROM {keys} k"
        " JOIN upgrade u ON u.account_id = k.account_id AND u.imei = k.imei JOIN campaign c ON c.id = u.campaign_id"
        " WHERE u.status = 3 AND u.campaign_id > 0 GROUP BY u.imei, c.file_id, c.package_id) i"
        " ORDER BY i.imei, i.at_ms DESC",
        [(account_id, device) for device in devices],
    )
    return [Installed(row[0], bool(row[1]), *row[2:]) for row in rows]


def record_refreshed(connection: Connection, account_id: int, devices: Iterable[int], now_ms: int) -> None:
    """The account has been told the devices' firmware as it is now."""
    connection.update_keys("device", "refreshed_ms = :now", [(account_id, imei) for imei in devices], {"now": now_ms})


def read_open_report_request(connection: Connection, account_id: int, imei: int) -> str | None:
    """The id of the request to report that the device has not answered yet."""
    rows = connection.fetch(
        "SELECT uuid FROM report_request WHERE account_id = :account_id AND imei = :imei AND answered_ms IS NULL"
        " LIMIT 1",
        {"account_id": account_id, "imei": imei},
    )
    return rows[0][0] if rows else None


def record_report_request(
    connection: Connection, uuid: str, account_id: int, imei: int, now_ms: int, due_ms: int | None
) -> None:
    """Asks the device for a report; it answers when it next checks in, a simulated one at `due_ms`."""
    row = uuid, account_id, imei, now_ms, due_ms
    connection.insert("report_request", "uuid, account_id, imei, asked_ms, due_ms", [row])


def read_due_report(connection: Connection, now_ms: int) -> tuple[int, int] | None:
    """A simulated device (account id, IMEI) that answers a request to report now, the earliest first."""
    rows = connection.fetch(
        "SELECT account_id, imei FROM report_request WHERE due_ms <= :now ORDER BY due_ms, uuid LIMIT 1",
        {"now": now_ms},
    )
    return (rows[0][0], rows[0][1]) if rows else None


def read_next_report_due(connection: Connection, after_ms: int) -> int | None:
    """The first moment after `after_ms` at which a simulated device answers such a request."""
    rows = connection.fetch("SELECT min(due_ms) FROM report_request WHERE due_ms > :after", {"after": after_ms})
    due_ms: int | None = rows[0][0]
    return due_ms


def answer_report_request(connection: Connection, account_id: int, imei: int, now_ms: int) -> str | None:
    """The device reports: its open request is answered, listeners are told, and the request's id is given back.

    None if nobody had asked. What the device reports must be recorded already, under the lock of the account's pool.
    """
    uuid = read_open_report_request(connection, account_id, imei)
    if uuid is None:
        return None
    connection.execute(
        "UPDATE report_request SET answered_ms = :now, due_ms = NULL WHERE uuid = :uuid", {"now": now_ms, "uuid": uuid}
    )
    record_refreshed(connection, account_id, [imei], now_ms)
    rows = connection.fetch(
        "SELECT a.name, d.firmware FROM device d JOIN account a ON a.id = d.account_id"
        " WHERE d.account_id = :account_id AND d.imei = :imei",
        {"account_id": account_id, "imei": imei},
    )
    events = [
        FirmwareReported(account_name=name, imei=imei, firmware=firmware, request_id=uuid, at_ms=now_ms)
        for name, firmware in rows
    ]
    record_events(connection, account_id, events, now_ms)
    return uuid
