"""The outbox of callbacks as people see it: the latest deliveries of one account or of all."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.domain.callbacks import DeliveryState
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns


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
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> tuple[list[DeliveryRow], int | None]:
    """Matching deliveries among the next `looked` ones below id `before`, newest first, and the next `before`.

    An empty `style` or `kind` (of the event) matches any. The next `before` is None at the end. `since_ms` and
    `until_ms` are when a delivery was created.
    """
    params: dict[str, object] = {"before": before}
    of_account = ""
    if account_id is not None:
        of_account = "account_id = :account_id AND "
        params["account_id"] = account_id
    walk = f"FROM delivery WHERE {of_account}id < :before ORDER BY id DESC"
    where, given = ["1 = 1"], dict(params)
    for column, test, value in (("state", "=", state and int(state)), ("style", "=", style), ("event", "LIKE", kind)):
        if value:
            where.append(f"d.{column} {test} :{column}")
            given[column] = f'{{"kind":"{value}"%' if column == "event" else value
    for test, time_ms in ((">= :since", since_ms), ("< :until", until_ms)):
        if time_ms is not None:
            where.append(f"d.created_ms {test}")
            given[test.rpartition(":")[2]] = time_ms
    names = columns(
        DeliveryRow, "d", account_name="coalesce((SELECT a.name FROM account a WHERE a.id = d.account_id), '')"
    )
    rows = connection.fetch(
        f"SELECT {names} FROM (SELECT {columns(DeliveryRow, account_name='account_id')} {walk} LIMIT :looked) d"
        f" WHERE {' AND '.join(where)} ORDER BY d.id DESC LIMIT :limit",
        {**given, "looked": looked, "limit": limit + 1},
    )
    found = [DeliveryRow(*row) for row in rows[:limit]]
    if len(rows) > limit:
        return found, found[-1].id
    last = connection.fetch(f"SELECT id, created_ms {walk} LIMIT 1 OFFSET :skipped", {**params, "skipped": looked - 1})
    is_end = not last or (since_ms is not None and last[0][1] < since_ms)  # ids rise with time
    return found, None if is_end else last[0][0]
