"""Deletes and counts what is older than its retention, in bounded steps.

What statements need stays: charged upgrades, upgrades that prolonged a notice, the ledger, and subscription periods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.accounts.retention import Kind
from fotapool.store.audit_log import delete_old_audit_entries
from fotapool.store.callbacks.deliveries import delete_ended_deliveries
from fotapool.store.callbacks.listener_health import delete_delivery_hours
from fotapool.store.campaigns.upgrades import HAS_CAMPAIGN
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_int
from fotapool.store.licenses.lost_licenses import delete_oldest_lost

ALL_LOOKED_AT = 10**15
"""The cursor of a campaign whose upgrades were all looked at: above every IMEI."""
_OLD_CAMPAIGN = f"ended_ms IS NOT NULL AND ended_ms < :before AND purge_cursor < {ALL_LOOKED_AT}"
_DELETABLE = """u.ended_ms < :before AND u.charged_ms IS NULL AND NOT EXISTS (SELECT 1 FROM notice_period n
    WHERE n.account_id = u.account_id AND n.imei = u.imei AND u.started_ms <= n.until_ms AND u.ended_ms > n.until_ms)"""


class Step(NamedTuple):
    """How many rows a step has deleted, and whether another step may find more."""

    deleted: int
    more: bool


def _delete(table: str, key: str, where: str, order: str) -> Callable[[Connection, int, int], int]:
    old = f"SELECT {key} FROM {table} WHERE {where} ORDER BY {order} LIMIT :limit"
    sql = f"DELETE FROM {table} WHERE ({key}) IN ({old}) RETURNING 1"

    def delete(connection: Connection, before_ms: int, limit: int) -> int:
        params = {"before": before_ms, "limit": limit}
        return len(connection.fetch(sql, params))

    return delete


def _delete_rejections(connection: Connection, before_ms: int, limit: int) -> int:
    by_day = _delete("rejection_day", "account_id, day, reason", "day < :before", "day")
    return by_day(connection, before_ms // DAY_MS, limit)


def _delete_upgrades(connection: Connection, before_ms: int, limit: int) -> Step:
    """Looks at up to `limit` upgrades of the campaign that ended first, and deletes the old ones among them."""
    found = connection.fetch(
        f"SELECT id, purge_cursor FROM campaign WHERE {_OLD_CAMPAIGN} ORDER BY ended_ms, id LIMIT 1"
        f" {connection.syntax['skip_locked']}",
        {"before": before_ms},
    )
    if not found:
        return Step(0, False)
    campaign_id, cursor = found[0]
    params = {"campaign_id": campaign_id, "cursor": cursor, "limit": limit}
    of_campaign = f"campaign_id = :campaign_id AND {HAS_CAMPAIGN} AND imei > :cursor ORDER BY imei LIMIT :limit"
    imeis = [row[0] for row in connection.fetch(f"SELECT imei FROM upgrade WHERE {of_campaign}", params)]
    deleted = 0
    if imeis:
        sql = f"""DELETE FROM upgrade WHERE id IN (SELECT u.id FROM upgrade u WHERE u.campaign_id = :campaign_id
            AND u.{HAS_CAMPAIGN} AND u.imei > :cursor AND u.imei <= :last AND {_DELETABLE}) RETURNING 1"""
        given = {"campaign_id": campaign_id, "cursor": cursor, "last": imeis[-1], "before": before_ms}
        deleted = len(connection.fetch(sql, given))
    connection.execute(
        "UPDATE campaign SET purged = purged + :deleted, purge_cursor = :cursor WHERE id = :id",
        {"deleted": deleted, "cursor": imeis[-1] if len(imeis) == limit else ALL_LOOKED_AT, "id": campaign_id},
    )
    return Step(deleted, True)


def _delete_callbacks(connection: Connection, before_ms: int, limit: int) -> int:
    delete_delivery_hours(connection, before_ms, limit)
    return delete_ended_deliveries(connection, before_ms, limit)


_SIMPLE: Mapping[Kind, Callable[[Connection, int, int], int]] = {
    Kind.CHECK_INS: _delete("check_in", "id", "at_ms < :before", "at_ms"),
    Kind.DEVICE_LOGS: _delete("device_log", "id", "at_ms < :before", "at_ms"),
    Kind.CALLBACKS: _delete_callbacks,
    Kind.AUDIT_LOG: delete_old_audit_entries,
    Kind.REJECTIONS: _delete_rejections,
    Kind.UNDO: delete_oldest_lost,
}
_COUNTED: Mapping[Kind, str] = {
    Kind.CHECK_INS: "check_in WHERE at_ms < :before",
    Kind.DEVICE_LOGS: "device_log WHERE at_ms < :before",
    Kind.CALLBACKS: "delivery WHERE ended_ms IS NOT NULL AND ended_ms < :before",
    Kind.AUDIT_LOG: "audit_log WHERE at_ms < :before",
    Kind.UPGRADES: f"""(SELECT id, purge_cursor FROM campaign WHERE {_OLD_CAMPAIGN}) c JOIN upgrade u
        ON u.campaign_id = c.id AND u.{HAS_CAMPAIGN} AND u.imei > c.purge_cursor WHERE {_DELETABLE}""",
    Kind.REJECTIONS: f"rejection_day WHERE day < CAST(:before AS BIGINT) / {DAY_MS}",
    Kind.UNDO: """lost_license l JOIN pool_change c ON c.account_id = l.account_id AND c.number = l.change_number
        WHERE c.at_ms < :before""",
}


def delete_old_rows(connection: Connection, kind: Kind, before_ms: int, limit: int) -> Step:
    """Deletes rows of the kind from before the timestamp: one step, of up to `limit` rows."""
    if kind is Kind.UPGRADES:
        return _delete_upgrades(connection, before_ms, limit)
    deleted = _SIMPLE[kind](connection, before_ms, limit)
    return Step(deleted, deleted >= limit)


def count_old_rows(connection: Connection, kind: Kind, before_ms: int, most: int) -> int:
    """The number of rows that would be deleted, up to `most`."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {_COUNTED[kind]} LIMIT :most) old"
    return fetch_int(connection, sql, before=before_ms, most=most) or 0
