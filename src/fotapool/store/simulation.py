"""The simulated devices of an account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from fotapool.domain.simulation import MAX_FLEETS, Behavior, Fleet, OfflineWindow
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, fetch_all


def read_fleets(connection: Connection, account_id: int) -> list[Fleet]:
    """The account's fleets, by IMEI."""
    sql = f"SELECT {columns(Fleet)} FROM fleet WHERE account_id = :id ORDER BY first_imei LIMIT {MAX_FLEETS}"
    return fetch_all(connection, converting(Fleet, behavior=parse_behavior), sql, id=account_id)


def parse_behavior(text: str) -> Behavior:
    """The behavior of a stored text."""
    parts = json.loads(text)
    parts["offline"] = tuple(OfflineWindow(**window) for window in parts["offline"])
    return Behavior(**parts)


def record_fleets(connection: Connection, account_id: int, fleets: Sequence[Fleet]) -> None:
    rows = [(account_id, fleet.first_imei, fleet.last_imei, behavior_text(fleet.behavior)) for fleet in fleets]
    connection.insert("fleet", "account_id, first_imei, last_imei, behavior", rows)


def record_fleets_replaced(connection: Connection, account_id: int, fleets: Sequence[Fleet]) -> None:
    """Replaces all fleets of the account."""
    connection.execute("DELETE FROM fleet WHERE account_id = :id", {"id": account_id})
    record_fleets(connection, account_id, fleets)


def behavior_text(behavior: Behavior) -> str:
    """The text that is stored for a behavior."""
    return json.dumps(asdict(behavior))
