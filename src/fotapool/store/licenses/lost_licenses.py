"""The licenses that reductions took, by change, so that a reduction can be undone."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.licenses.undo import LostLicense
from fotapool.store.db.connection import Connection, Key
from fotapool.store.db.rows import fetch_all, fetch_value

_LOST = "account_id, change_number, imei, assigned_ms, place, state"


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
    """Those of the changes that took licenses and were not undone, each with the number of licenses."""
    if not changes:
        return {}
    sql = """SELECT k.number, (SELECT count(*) FROM lost_license l WHERE l.account_id = k.account_id
        AND l.change_number = k.number AND l.undone_by IS NULL) FROM {rows} k"""
    rows = connection.fetch_rows(sql, "account_id, number", [(account_id, change) for change in changes])
    return {number: count for number, count in rows if count}
