"""The simulated devices of an account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from fotapool.domain.simulation import MAX_FLEETS, Behavior, Fleet, OfflineWindow
from fotapool.store.db.connection import Connection


def read_fleets(connection: Connection, account_id: int) -> list[Fleet]:
    rows = connection.fetch(
        "SELECT first_imei, last_imei, behavior FROM fleet WHERE account_id = :account_id"
        f" ORDER BY first_imei LIMIT {MAX_FLEETS}",
        {"account_id": account_id},
    )
    return [Fleet(first, last, parse_behavior(text)) for first, last, text in rows]


def parse_behavior(text: str) -> Behavior:
    """The behavior that is stored as this text."""
    parts = json.loads(text)
    parts["offline"] = tuple(OfflineWindow(**window) for window in parts["offline"])
    return Behavior(**parts)


def record_fleets(connection: Connection, account_id: int, fleets: Sequence[Fleet]) -> None:
    rows = [(account_id, fleet.first_imei, fleet.last_imei, behavior_text(fleet.behavior)) for fleet in fleets]
    connection.insert("fleet", "account_id, first_imei, last_imei, behavior", rows)


def behavior_text(behavior: Behavior) -> str:
    """What is stored of a behavior."""
    return json.dumps(asdict(behavior))
