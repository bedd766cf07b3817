"""The records of one device: its ledger entries, its notices, and the artifacts of its campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, fetch_all, fetch_int, fetch_one


class DeviceEntry(NamedTuple):
    """A ledger entry of the device, with its change; `detail` is JSON."""

    number: int
    change_number: int
    kind: int
    at_ms: int
    actor: str
    request_id: str
    verb: str
    detail: str


class Installing(NamedTuple):
    """A campaign and its artifact; a configuration file has no versions."""

    id: int
    uuid: str
    name: str
    artifact: str
    from_version: str | None
    to_version: str | None


def read_device_entries(connection: Connection, account_id: int, imei: int, limit: int) -> list[DeviceEntry]:
    """The device's last ledger entries, newest first.

    The subquery reads their numbers from the index by device; other plans walk the account's whole ledger.
    """
    sql = f"""SELECT {columns(DeviceEntry, "c", number="e.number", change_number="e.change_number", kind="e.kind")} FROM
            (SELECT account_id, number FROM ledger_entry WHERE account_id = :account_id AND imei = :imei
            ORDER BY number + 0 DESC LIMIT :limit) k
        CROSS JOIN ledger_entry e CROSS JOIN pool_change c WHERE e.account_id = k.account_id AND e.number = k.number
        AND c.account_id = e.account_id AND c.number = e.change_number ORDER BY e.number DESC"""
    return fetch_all(connection, DeviceEntry, sql, account_id=account_id, imei=imei, limit=limit)


def read_place(connection: Connection, account_id: int, entry: DeviceEntry) -> int:
    """The position of the entry within its change, from 1.

    Entries are numbered in the order of their changes, so a binary search finds the change's first entry.
    """
    low, high = 0, entry.number  # low < number of the first entry <= high
    while high - low > 1:
        middle = (low + high) // 2
        found = connection.fetch(
            "SELECT change_number FROM ledger_entry WHERE account_id = :account_id AND number = :number",
            {"account_id": account_id, "number": middle},
        )
        if found and found[0][0] >= entry.change_number:
            high = middle
        else:
            low = middle
    return entry.number - high + 1


def read_device_notices(connection: Connection, account_id: int, imei: int, limit: int) -> dict[int, int]:
    """The ends of the device's notices by their start, in ms."""
    rows = connection.fetch(
        "SELECT given_ms, until_ms FROM notice_period WHERE account_id = :account_id AND imei = :imei"
        " ORDER BY given_ms DESC LIMIT :limit",
        {"account_id": account_id, "imei": imei, "limit": limit},
    )
    return {row[0]: row[1] for row in rows}


def read_license_place(connection: Connection, account_id: int, imei: int) -> tuple[int, int] | None:
    """The number of the ledger entry that assigned the device's current license, and the assignment time (ms)."""
    sql = "SELECT place, assigned_ms FROM license WHERE account_id = :account_id AND imei = :imei"
    return fetch_one(connection, lambda place, at_ms: (place, at_ms), sql, account_id=account_id, imei=imei)


def read_candidate_place(connection: Connection, account_id: int, imei: int) -> int | None:
    """The device's position on the candidate list, from 1; None if it is not on it."""
    sql = """SELECT (SELECT count(*) FROM candidate b WHERE b.account_id = c.account_id AND b.place <= c.place)
        FROM candidate c WHERE c.account_id = :account_id AND c.imei = :imei"""
    return fetch_int(connection, sql, account_id=account_id, imei=imei)


def read_installing(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, Installing]:
    """The campaigns with their artifacts, by id."""
    if not campaign_ids:
        return {}
    rows = connection.fetch_rows(
        "SELECT c.id, c.uuid, c.name, coalesce((SELECT p.name FROM package p WHERE p.id = c.package_id),"
        " (SELECT f.name FROM configuration_file f WHERE f.id = c.file_id)),"
        " (SELECT p.from_version FROM package p WHERE p.id = c.package_id),"
        " (SELECT p.to_version FROM package p WHERE p.id = c.package_id) FROM {rows} k JOIN campaign c ON c.id = k.id",
        "id",
        [(campaign_id,) for campaign_id in campaign_ids],
    )
    return {row[0]: Installing(*row) for row in rows}
