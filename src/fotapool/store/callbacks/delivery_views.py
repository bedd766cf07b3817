"""What people see of the outbox of callbacks: the latest deliveries, of all accounts or of one."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.store.callbacks.deliveries import DeliveryState
from fotapool.store.db.connection import Connection


class DeliveryRow(NamedTuple):
    """A delivery without its body. Times in ms."""

    id: int
    account_name: str
    style: str
    event: str
    state: int
    attempts: int
    created_ms: int
    due_ms: int | None
    ended_ms: int | None


def read_latest_deliveries(
    connection: Connection,
    account_id: int | None,
    state: DeliveryState | None,
    style: str,
    kind: str,
    before: int,
    looked: int,
    limit: int,
) -> tuple[list[DeliveryRow], int | None]:
    """Deliveries with ids below `before`, newest first, of the next `looked`; and the id before which to go on.

    `style` and `kind` (of the event) are empty for any. None as the id: that was the end.
    """
    params: dict[str, object] = {"before": before, "looked": looked, "limit": limit + 1}
    of_account = ""
    if account_id is not None:
        of_account = "account_id = :account_id AND "
        params["account_id"] = account_id
    next_ones = f"FROM delivery WHERE {of_account}id < :before ORDER BY id DESC"
    only = ["1 = 1"]
    for column, test, value in (("state", "=", state and int(state)), ("style", "=", style), ("event", "LIKE", kind)):
        if value:
            only.append(f"d.{column} {test} :{column}")
            params[column] = f'{{"kind":"{value}"%' if column == "event" else value
    rows = connection.fetch(
        "SELECT d.id, (SELECT a.name FROM account a WHERE a.id = d.account_id), d.style, d.event, d.state, d.attempts,"
        " d.created_ms, d.due_ms, d.ended_ms FROM"
        f" (SELECT id, account_id, style, event, state, attempts, created_ms, due_ms, ended_ms {next_ones}"
        f" LIMIT :looked) d WHERE {' AND '.join(only)} ORDER BY d.id DESC LIMIT :limit",
        params,
    )
    found = [DeliveryRow(*row) for row in rows[:limit]]
    if len(rows) > limit:
        return found, found[-1].id
    last = connection.fetch(f"SELECT id {next_ones} LIMIT 1 OFFSET :skipped", params | {"skipped": looked - 1})
    return found, last[0][0] if last else None
