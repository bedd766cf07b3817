"""Devices of an account: rows, pages, installed packages, and firmware reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from fotapool.domain.callbacks import FirmwareReported
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.devices.devices import Device, DeviceIdentifier, IdentifierKind
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.campaigns.upgrades import HAS_CAMPAIGN, open_upgrade
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import (
    columns,
    converting,
    fetch_all,
    fetch_devices,
    fetch_int,
    fetch_page,
    fetch_text,
    fetch_value,
    fetch_values,
)

_COLUMNS = "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms, namespace"
_UPSERT = (
    "ON CONFLICT (account_id, imei) DO UPDATE SET make = excluded.make, model = excluded.model,"
    " firmware = excluded.firmware, protocol = excluded.protocol, mdn = excluded.mdn, status = excluded.status,"
    " updated_ms = excluded.updated_ms"
)


class DeviceRow(NamedTuple):
    """A device as in the lists of the API; times in ms."""

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
    """The assignment time of its license; None without one."""


class OperatorDeviceRow(NamedTuple):
    """A device as the operator sees it, with LicenseState and the UpgradeStatus of its open upgrade; times in ms."""

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
    failure_message: str | None
    """What the device said about the failure of its last upgrade."""


class Installed(NamedTuple):
    """A package or file that an upgrade installed on a device."""

    imei: int
    is_file: bool
    name: str
    version: str
    at_ms: int


def _of_license(column: str) -> str:
    return f"(SELECT l.{column} FROM license l WHERE l.account_id = d.account_id AND l.imei = d.imei)"


_ROW = columns(DeviceRow, "d", licensed_ms=_of_license("assigned_ms"))
OPERATOR_ROW = columns(
    OperatorDeviceRow,
    "d",
    licensed_ms=_of_license("assigned_ms"),
    license_state=_of_license("state"),
    notice_until_ms=_of_license("notice_until_ms"),
    open_upgrade=open_upgrade("status", "d"),
    failure_message="(SELECT u.message FROM upgrade u WHERE u.account_id = d.account_id AND u.imei = d.imei"
    " ORDER BY u.id DESC LIMIT 1)",
)
"""The columns of an OperatorDeviceRow, of the device d."""


_IDENTIFIED = {
    IdentifierKind.IMEI: "d.imei = :value",
    IdentifierKind.MDN: "d.mdn = :value AND d.mdn <> ''",
}
"""The condition on the device d with an identifier; the second part of that of an MDN makes its index usable."""


def read_owners(connection: Connection, account_id: int, devices: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """The account of each known device of the namespace, and which of the devices hold a license of this account."""
    rows = connection.fetch_keys(
        "SELECT k.imei, (SELECT d.account_id FROM device d WHERE"
        " d.namespace = (SELECT a.namespace FROM account a WHERE a.id = k.account_id) AND d.imei = k.imei),"
        " (SELECT 1 FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei) FROM {keys} k",
        [(account_id, device) for device in devices],
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}, {row[0] for row in rows if row[2]}


def record_devices(connection: Connection, account_id: int, devices: Iterable[Device], now_ms: int) -> None:
    """Creates or updates the devices; of several lines for a device the last one counts."""
    last = {line.device: line for line in devices}
    namespace: int = fetch_value(connection, "SELECT namespace FROM account WHERE id = :id", id=account_id)
    texts = attrgetter("make", "model", "firmware", "protocol", "mdn", "status")
    rows = [(account_id, line.device, *texts(line), now_ms, now_ms, namespace) for line in last.values()]
    connection.insert("device", _COLUMNS, rows, _UPSERT)


def read_operator_devices(connection: Connection, account_id: int, after: int, limit: int) -> list[OperatorDeviceRow]:
    """Devices with IMEIs greater than `after`, by IMEI."""
    sql = f"""SELECT {OPERATOR_ROW} FROM device d WHERE d.account_id = :account_id AND d.imei > :after
        ORDER BY d.imei LIMIT :limit"""
    return fetch_all(connection, OperatorDeviceRow, sql, account_id=account_id, after=after, limit=limit)


def read_device_page(
    connection: Connection, account_id: int, protocol: str | None, cursor: int, limit: int
) -> tuple[bool, list[DeviceRow]]:
    """Whether the cursor is a device of the account, and devices with greater IMEIs, of the protocol (None: any)."""
    of_protocol = "" if protocol is None else " AND d.protocol = :protocol"
    params: dict[str, object] = {"account_id": account_id, "cursor": cursor, "limit": limit}
    params |= {} if protocol is None else {"protocol": protocol}
    sql = f"""SELECT {_ROW} FROM device d WHERE d.account_id = :account_id AND d.imei > :cursor{of_protocol}
        ORDER BY d.imei LIMIT :limit"""
    return fetch_page(connection, DeviceRow, sql, params)


def read_devices_named(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, DeviceRow]:
    """The rows of those devices that the account has, by IMEI."""
    sql = f"SELECT {_ROW} FROM {{keys}} k JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei"
    rows = fetch_devices(connection, DeviceRow, sql, (account_id, sorted(set(devices))))
    return {row.imei: row for row in rows}


def read_devices_identified(
    connection: Connection, account_id: int, identifier: DeviceIdentifier, limit: int
) -> list[DeviceRow]:
    """The account's devices with the identifier, by IMEI: first their IMEIs, by the index, then their rows."""
    sql = f"""SELECT d.imei FROM device d WHERE d.account_id = :account_id AND {_IDENTIFIED[identifier.kind]}
        ORDER BY d.imei LIMIT :limit"""
    found = fetch_values(connection, sql, account_id=account_id, value=identifier.value, limit=limit)
    rows = read_devices_named(connection, account_id, found) if found else {}
    return [rows[imei] for imei in sorted(rows)]


def read_accounts_with(
    connection: Connection, username: str, identifier: DeviceIdentifier | None, limit: int
) -> list[str]:
    """The names of the user's accounts, of those with the device if there is an identifier, by id."""
    with_device = ""
    params: dict[str, object] = {"username": username, "limit": limit}
    if identifier is not None:
        with_device = f"""AND EXISTS (SELECT 1 FROM device d WHERE d.account_id = ua.account_id
            AND {_IDENTIFIED[identifier.kind]})"""
        params["value"] = identifier.value
    sql = f"""SELECT a.name FROM user_account ua JOIN account a ON a.id = ua.account_id
        WHERE ua.username = :username {with_device} ORDER BY ua.account_id LIMIT :limit"""
    return fetch_values(connection, sql, **params)


def read_known_devices(connection: Connection, account_id: int, devices: Sequence[int]) -> set[int]:
    """The devices among these that the account has."""
    sql = """SELECT k.imei FROM {keys} k
        WHERE (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei) IS NOT NULL"""
    return set(fetch_devices(connection, int, sql, (account_id, devices)))


def read_installed(connection: Connection, account_id: int, devices: Sequence[int]) -> list[Installed]:
    """What completed upgrades of campaigns installed on the devices: each package or file once, latest first."""
    if not devices:
        return []
    sql = (
        "SELECT i.imei, i.is_file, CASE WHEN i.is_file = 1 THEN"
        " (SELECT f.name FROM configuration_file f WHERE f.id = i.artifact_id)"
        " ELSE (SELECT p.name FROM package p WHERE p.id = i.artifact_id) END,"
        " CASE WHEN i.is_file = 1 THEN (SELECT f.version FROM configuration_file f WHERE f.id = i.artifact_id)"
        " ELSE (SELECT p.to_version FROM package p WHERE p.id = i.artifact_id) END, i.at_ms FROM"
        " (SELECT u.imei AS imei, CASE WHEN c.file_id IS NULL THEN 0 ELSE 1 END AS is_file,"
        " coalesce(c.file_id, c.package_id) AS artifact_id, max(u.ended_ms) AS at_ms FROM {keys} k"
        " JOIN upgrade u ON u.account_id = k.account_id AND u.imei = k.imei JOIN campaign c ON c.id = u.campaign_id"
        f" WHERE u.status = {UpgradeStatus.COMPLETED:d} AND u.{HAS_CAMPAIGN}"
        " GROUP BY u.imei, c.file_id, c.package_id) i"
        " ORDER BY i.imei, i.at_ms DESC"
    )
    return fetch_devices(connection, converting(Installed, is_file=bool), sql, (account_id, devices))


def record_refreshed(connection: Connection, account_id: int, devices: Iterable[int], now_ms: int) -> None:
    """Records that the account was informed of the devices' current firmware."""
    connection.update_keys("device", "refreshed_ms = :now", [(account_id, imei) for imei in devices], {"now": now_ms})


def read_open_report_request(connection: Connection, account_id: int, imei: int) -> str | None:
    """The id of the device's open report request, if there is one."""
    sql = """SELECT uuid FROM report_request
        WHERE account_id = :account_id AND imei = :imei AND answered_ms IS NULL LIMIT 1"""
    return fetch_text(connection, sql, account_id=account_id, imei=imei)


def record_report_request(
    connection: Connection, uuid: str, account_id: int, imei: int, now_ms: int, due_ms: int | None
) -> None:
    """Requests a report, which the device sends at its next check-in; a simulated device at `due_ms`."""
    row = uuid, account_id, imei, now_ms, due_ms
    connection.insert("report_request", "uuid, account_id, imei, asked_ms, due_ms", [row])


def read_due_report(connection: Connection, now_ms: int) -> tuple[int, int] | None:
    """The simulated device (account id, IMEI) with the earliest due report."""
    rows = connection.fetch(
        "SELECT account_id, imei FROM report_request WHERE due_ms <= :now ORDER BY due_ms, uuid LIMIT 1",
        {"now": now_ms},
    )
    return (rows[0][0], rows[0][1]) if rows else None


def read_next_report_due(connection: Connection, after_ms: int) -> int | None:
    """The first due time of a report after `after_ms`."""
    sql = "SELECT min(due_ms) FROM report_request WHERE due_ms > :after"
    return fetch_int(connection, sql, after=after_ms)


def answer_report_request(connection: Connection, account_id: int, imei: int, now_ms: int) -> str | None:
    """Closes the device's open report request and records the event. Returns the request's id, or None without one.

    The reported firmware must be recorded already; the transaction must hold the lock of the account's pool.
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
