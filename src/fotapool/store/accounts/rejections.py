"""Rejected requests and devices of an account, counted by day and reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection


class RejectionCount(NamedTuple):
    """`reason` is the name of a member of ErrorCode or Outcome; days are counted from 1970-01-01."""

    account_name: str
    day: int
    reason: str
    rejected: int


def record_rejections(connection: Connection, counts: Sequence[RejectionCount]) -> None:
    """Adds the counts to the stored ones; accounts that do not exist are ignored."""
    if not counts:
        return
    rows = connection.fetch_rows(
        "SELECT a.id, k.day, k.reason, k.rejected FROM {rows} k JOIN account a ON a.name = k.name"
        " ORDER BY a.id, k.day, k.reason",
        "name,day,reason,rejected",
        counts,
    )
    connection.insert(
        "rejection_day",
        "account_id, day, reason, rejected",
        rows,
        "ON CONFLICT (account_id, day, reason) DO UPDATE SET rejected = rejection_day.rejected + excluded.rejected",
    )


def read_rejections(connection: Connection, account_id: int, first_day: int, limit: int) -> list[tuple[str, int]]:
    """(reason, count) since the day."""
    rows = connection.fetch(
        "SELECT reason, sum(rejected) FROM rejection_day WHERE account_id = :account_id AND day >= :first_day"
        " GROUP BY reason ORDER BY reason LIMIT :limit",
        {"account_id": account_id, "first_day": first_day, "limit": limit},
    )
    return [(reason, int(rejected)) for reason, rejected in rows]
