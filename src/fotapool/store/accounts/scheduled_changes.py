"""Scheduled changes of subscriptions."""

from __future__ import annotations

from typing import Any

from fotapool.domain.accounts.scheduled_changes import FailureCode, ScheduledChange, ScheduledState
from fotapool.domain.names import PurchaseType
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, exists, fetch_all, fetch_int, fetch_one, field_names, row_of

LEASE_MS = 30_000
"""How long a server has to carry out a change before another one tries."""
_NAMES = field_names(ScheduledChange)
_SELECT = f"SELECT {columns(ScheduledChange, 's')} FROM scheduled_change s"
_IS_OPEN = f"state = '{ScheduledState.SCHEDULED.value}'"
_IS_DUE = f"{_IS_OPEN} AND due_ms <= :now"


def _purchase_type(text: str | None) -> PurchaseType | None:
    return None if text is None else PurchaseType(text)


def _failure(text: str | None) -> FailureCode | None:
    return None if text is None else FailureCode(text)


_change = converting(ScheduledChange, purchase_type=_purchase_type, state=ScheduledState, failure=_failure)
_row = row_of(ScheduledChange)


def _values(change: ScheduledChange) -> dict[str, Any]:
    """The change's columns with their values, and an ended lease."""
    values = (getattr(value, "value", value) for value in _row(change))
    return {**dict(zip(_NAMES, values, strict=True)), "leased_until_ms": 0}


def record_new_change(connection: Connection, change: ScheduledChange) -> int:
    """Inserts the change. Returns its id, which `change` does not have yet."""
    values = _values(change)
    del values["id"]
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    sql = f"INSERT INTO scheduled_change ({names}) VALUES ({places}) RETURNING id"
    return int(connection.fetch(sql, values)[0][0])


def record_change(connection: Connection, change: ScheduledChange) -> None:
    """Updates the change, and ends its lease."""
    values = _values(change)
    assignments = ", ".join(f"{name} = :{name}" for name in values if name != "id")
    connection.execute(f"UPDATE scheduled_change SET {assignments} WHERE id = :id", values)


def read_change(connection: Connection, account_id: int, change_id: int) -> ScheduledChange | None:
    sql = f"{_SELECT} WHERE s.account_id = :account_id AND s.id = :id"
    return fetch_one(connection, _change, sql, account_id=account_id, id=change_id)


def read_open_changes(connection: Connection, account_id: int) -> list[ScheduledChange]:
    """The account's changes that are still scheduled, the one that is due next first."""
    sql = f"{_SELECT} WHERE account_id = :account_id AND {_IS_OPEN} ORDER BY due_ms"
    return fetch_all(connection, _change, sql, account_id=account_id)


def read_ended_changes(connection: Connection, account_id: int, limit: int) -> list[ScheduledChange]:
    """The account's changes that have ended, latest id first."""
    sql = f"{_SELECT} WHERE account_id = :account_id AND NOT ({_IS_OPEN}) ORDER BY id DESC LIMIT :limit"
    return fetch_all(connection, _change, sql, account_id=account_id, limit=limit)


def read_changes(
    connection: Connection, account_id: int | None, state: ScheduledState | None, after: int, limit: int
) -> list[tuple[str, ScheduledChange]]:
    """Changes of one account or all, in one state or all, with the names of their accounts; by id after `after`."""
    conditions = ["s.id > :after"]
    if account_id is not None:
        conditions.append("s.account_id = :account_id")
    if state is not None:
        conditions.append("s.state = :state")
    sql = f"""SELECT a.name, {columns(ScheduledChange, "s")} FROM scheduled_change s
        JOIN account a ON a.id = s.account_id WHERE {" AND ".join(conditions)} ORDER BY s.id LIMIT :limit"""
    params = {"after": after, "account_id": account_id, "state": state and state.value, "limit": limit}
    return [(name, _change(*row)) for name, *row in connection.fetch(sql, params)]


def read_is_due(connection: Connection, now_ms: int) -> bool:
    """Whether a change is due."""
    return exists(connection, f"SELECT 1 FROM scheduled_change WHERE {_IS_DUE} LIMIT 1", now=now_ms)


def claim_account_with_due_change(connection: Connection, now_ms: int) -> int | None:
    """Leases the change that has been due longest and that no server holds. Returns its account's id."""
    clock, skip_locked = connection.syntax["now_ms"], connection.syntax["skip_locked"]
    sql = f"""UPDATE scheduled_change SET leased_until_ms = {clock} + {LEASE_MS} WHERE id =
            (SELECT id FROM scheduled_change WHERE {_IS_DUE} AND leased_until_ms <= {clock}
            ORDER BY due_ms, id LIMIT 1 {skip_locked})
        RETURNING account_id"""
    return fetch_int(connection, sql, now=now_ms)


def read_due_change(connection: Connection, account_id: int, now_ms: int) -> ScheduledChange | None:
    """The account's change that has been due longest."""
    sql = f"{_SELECT} WHERE account_id = :account_id AND {_IS_DUE} ORDER BY due_ms LIMIT 1"
    return fetch_one(connection, _change, sql, account_id=account_id, now=now_ms)


def read_next_due(connection: Connection, after_ms: int) -> int | None:
    """The first time (ms) after `after_ms` at which a change is due."""
    sql = f"SELECT min(due_ms) FROM scheduled_change WHERE {_IS_OPEN} AND due_ms > :after"
    return fetch_int(connection, sql, after=after_ms)
