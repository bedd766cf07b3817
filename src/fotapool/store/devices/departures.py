"""Devices that leave an account: the facts about them, the rows that go with them, and what stays on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.devices.departures import DepartureFacts, UnfinishedUpgrade
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import Connection, Key
from fotapool.store.db.rows import columns, fetch_one, fetch_value, numbers
from fotapool.store.licenses.licenses import read_license_facts

_UNFINISHED = numbers((UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS, UpgradeStatus.PENDING))
_IN_PROGRESS_LAST = f"CASE u.status WHEN {UpgradeStatus.IN_PROGRESS:d} THEN 1 ELSE 0 END"


class DepartedDevice(NamedTuple):
    """A device that has left: when it was added and left (ms), and the account that it moved to, empty if deleted."""

    imei: int
    added_ms: int
    left_ms: int
    moved_to: str


def read_departure_facts(
    connection: Connection, pool: Pool, devices: Sequence[int], target_id: int | None
) -> DepartureFacts:
    """What decides whether the devices may leave the account, to another one if there is a target."""
    keys = [(pool.account_id, device) for device in devices]
    facts = DepartureFacts(read_license_facts(connection, {pool.account_id: pool}, keys)[pool.account_id])
    sql = f"""SELECT u.imei, u.status, (SELECT c.uuid FROM campaign c WHERE c.id = u.campaign_id)
        FROM {{keys}} k CROSS JOIN upgrade u WHERE u.account_id = k.account_id AND u.imei = k.imei
        AND u.status IN ({_UNFINISHED}) ORDER BY {_IN_PROGRESS_LAST}, u.id"""
    for imei, status, campaign in connection.fetch_keys(sql, keys):
        facts.upgrades[imei] = UnfinishedUpgrade(status, campaign)
    if target_id is not None:
        sql = """SELECT d.imei, d.name FROM {keys} k CROSS JOIN device_key d WHERE d.account_id = k.account_id
            AND d.imei = k.imei
            AND EXISTS (SELECT 1 FROM device_key o WHERE o.account_id = :target AND o.name = d.name)"""
        facts.taken_key_names = dict(connection.fetch_keys(sql, keys, {"target": target_id}))
    return facts


def record_departures(connection: Connection, pool: Pool, devices: Sequence[int], moved_to: str, now_ms: int) -> None:
    """Records that the devices have left, and deletes their rows that do not move and are no history.

    `moved_to` is the account that they move to; empty: they are deleted.
    """
    keys = [(pool.account_id, device) for device in devices]
    sql = """SELECT d.account_id, d.imei, d.created_ms FROM {keys} k CROSS JOIN device d
        WHERE d.account_id = k.account_id AND d.imei = k.imei"""
    rows = [(*row, now_ms, moved_to) for row in connection.fetch_keys(sql, keys)]
    update = "added_ms = excluded.added_ms, left_ms = excluded.left_ms, moved_to = excluded.moved_to"
    on_conflict = f"ON CONFLICT (account_id, imei) DO UPDATE SET {update}"
    connection.insert("departed_device", "account_id, imei, added_ms, left_ms, moved_to", rows, on_conflict)
    for table in ("device_logging", "candidate"):
        connection.delete_keys(table, keys)
    connection.delete_keys("report_request", keys, "answered_ms IS NULL")
    _count_candidates(connection, pool, now_ms)


def _count_candidates(connection: Connection, pool: Pool, now_ms: int) -> None:
    sql = "SELECT count(*) FROM candidate WHERE account_id = :id"
    count = fetch_value(connection, sql, id=pool.account_id) if pool.candidates else 0
    if count != pool.candidates:
        pool.candidates, pool.candidates_updated_ms = count, now_ms


def record_deleted(connection: Connection, keys: Sequence[Key]) -> None:
    """Deletes the devices and their keys."""
    connection.delete_keys("device_key", keys)
    connection.delete_keys("device", keys)


def record_moved(connection: Connection, keys: Sequence[Key], target_id: int, now_ms: int) -> None:
    """Gives the devices to another account of the namespace, with their keys."""
    connection.update_keys("device_key", "account_id = :target", keys, {"target": target_id})
    assignment = "account_id = :target, created_ms = :now, updated_ms = :now, refreshed_ms = NULL"
    connection.update_keys("device", assignment, keys, {"target": target_id, "now": now_ms})


def read_departed(connection: Connection, account_id: int, imei: int) -> DepartedDevice | None:
    """The device if it has left the account."""
    sql = f"SELECT {columns(DepartedDevice)} FROM departed_device WHERE account_id = :account_id AND imei = :imei"
    return fetch_one(connection, DepartedDevice, sql, account_id=account_id, imei=imei)


def read_namespace(connection: Connection, account_id: int) -> int:
    """The namespace of the account."""
    return int(fetch_value(connection, "SELECT namespace FROM account WHERE id = :id", id=account_id))
