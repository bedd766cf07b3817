"""The licenses that reductions took, by change, so that a reduction can be undone."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.licenses.undo import LostLicense
from fotapool.store.db.connection import Connection, Key
from fotapool.store.db.rows import fetch_all, fetch_value

_LOST = "account_id, change_number, imei, assigned_ms, place, state"


_LIMIT = "coalesce((SELECT m.change_number FROM undo_limit m WHERE m.account_id = {0}), 0)"
"""SQL of the number of an account's last change whose licenses were deleted for their age, some or all of them."""


def record_lost(connection: Connection, change: int, keys: Sequence[Key]) -> None:
    """Records the licenses of these devices, which the change is about to take."""
    sql = """SELECT l.account_id, l.imei, l.assigned_ms, l.place, l.state FROM {keys} k CROSS JOIN license l
        WHERE l.account_id = k.account_id AND l.imei = k.imei"""
    rows = ((account_id, change, *values) for account_id, *values in connection.fetch_keys(sql, keys))
    connection.insert("lost_license", _LOST, rows)


def read_lost(connection: Connection, account_id: int, change: int) -> list[LostLicense]:
    """The licenses that the change took, first assigned first."""
    sql = """SELECT imei, assigned_ms, state, undone_by FROM lost_license
        WHERE account_id = :account_id AND change_number = :change ORDER BY assigned_ms, place"""
    return fetch_all(connection, LostLicense, sql, account_id=account_id, change=change)


def read_change_exists(connection: Connection, account_id: int, change: int) -> bool:
    sql = "SELECT 1 FROM pool_change WHERE account_id = :account_id AND number = :change"
    return fetch_value(connection, sql, account_id=account_id, change=change) is not None


def record_undone(connection: Connection, account_id: int, change: int, undone_by: int) -> None:
    connection.execute(
        "UPDATE lost_license SET undone_by = :undone_by WHERE account_id = :account_id AND change_number = :change",
        {"undone_by": undone_by, "account_id": account_id, "change": change},
    )


def read_undoable(connection: Connection, account_id: int, changes: Sequence[int]) -> dict[int, int]:
    """The changes among these that took licenses and were not undone, each with the number of licenses."""
    if not changes:
        return {}
    sql = f"""SELECT k.number, (SELECT count(*) FROM lost_license l WHERE l.account_id = k.account_id
        AND l.change_number = k.number AND l.undone_by IS NULL AND l.change_number > {_LIMIT.format("l.account_id")})
        FROM {{rows}} k"""
    rows = connection.fetch_rows(sql, "account_id, number", [(account_id, change) for change in changes])
    return {number: count for number, count in rows if count}


def read_undo_limit(connection: Connection, account_id: int) -> int:
    """The number of the last change whose licenses were deleted for their age; 0 if there is none."""
    return int(fetch_value(connection, f"SELECT {_LIMIT.format(':account_id')}", account_id=account_id))


def delete_oldest_lost(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes up to `limit` licenses of changes from before the timestamp, and records that they cannot be undone.

    Locks the pools of their accounts, in id order: nobody undoes a part of a change.
    """
    deleted = 0
    while deleted < limit:
        found = connection.fetch(
            """SELECT c.account_id, c.number FROM account a JOIN pool_change c ON c.account_id = a.id AND c.number =
                (SELECT min(l.change_number) FROM lost_license l WHERE l.account_id = a.id)
                WHERE c.at_ms < :before ORDER BY c.account_id LIMIT 1""",
            {"before": before_ms},
        )
        if not found:
            break
        account_id, change = found[0]
        connection.lock_pools([account_id])
        connection.insert(
            "undo_limit",
            "account_id, change_number",
            [(account_id, change)],
            "ON CONFLICT (account_id) DO UPDATE SET change_number = excluded.change_number",
        )
        of_change = "account_id = :account_id AND change_number = :change"
        sql = f"""DELETE FROM lost_license WHERE {of_change} AND imei IN (SELECT imei FROM lost_license
            WHERE {of_change} ORDER BY imei LIMIT :limit) RETURNING 1"""
        params = {"account_id": account_id, "change": change, "limit": limit - deleted}
        deleted += len(connection.fetch(sql, params))
    return deleted
