"""The number of each campaign's devices by state, kept in the transaction of each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.store.db.connection import Connection

_COUNTED = {
    UpgradeStatus.IN_PROGRESS: "in_progress",
    UpgradeStatus.COMPLETED: "completed",
    UpgradeStatus.FAILED: "failed",
    UpgradeStatus.CANCELED: "canceled",
    UpgradeStatus.REJECTED: "rejected",
}
_NAMES = ", ".join(_COUNTED.values())


class Tally(NamedTuple):
    """A campaign's devices by state; all others of its devices are waiting."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    canceled: int = 0
    rejected: int = 0

    @property
    def finished(self) -> int:
        """The number of devices that were upgraded, or tried in vain."""
        return self.completed + self.failed

    @property
    def ended(self) -> int:
        return self.finished + self.canceled + self.rejected


def record_moves(connection: Connection, moves: Iterable[tuple[int, int | None, int]]) -> None:
    """Counts devices that changed their state, as (campaign id, state before or None for a new one, state now)."""
    changes: dict[int, Counter[int]] = {}
    for campaign_id, before, after in moves:
        change = changes.setdefault(campaign_id, Counter())
        if before is not None:
            change[before] -= 1
        change[after] += 1
    rows = [
        (campaign_id, *(change[status] for status in _COUNTED))
        for campaign_id, change in sorted(changes.items())
        if campaign_id > 0 and any(change[status] for status in _COUNTED)
    ]
    # The first statement makes the row: a constraint would refuse a negative difference as a new row.
    connection.insert(
        "campaign_tally",
        f"campaign_id, {_NAMES}",
        [(row[0], 0, 0, 0, 0, 0) for row in rows],
        "ON CONFLICT (campaign_id) DO NOTHING",
    )
    for row in rows:
        added = ", ".join(
            f"{name} = {name} + ({delta:d})" for name, delta in zip(_COUNTED.values(), row[1:], strict=True)
        )
        connection.execute(f"UPDATE campaign_tally SET {added} WHERE campaign_id = :id", {"id": row[0]})


def read_tallies(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, Tally]:
    """The campaigns' tallies by id."""
    if not campaign_ids:
        return {}
    rows = connection.fetch_rows(
        f"SELECT t.campaign_id, {_NAMES} FROM {{rows}} k CROSS JOIN campaign_tally t WHERE t.campaign_id = k.id",
        "id",
        [(one,) for one in campaign_ids],
    )
    return {campaign_id: Tally(*counts) for campaign_id, *counts in rows}
