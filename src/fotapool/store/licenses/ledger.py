"""Reading the ledger in order."""

from __future__ import annotations

from fotapool.store.db.connection import Connection, Row


def read_ledger(connection: Connection, account_id: int, device: int | None, after: int, limit: int) -> list[Row]:
    """Entries by number, as (number, at_ms, actor, request_id, verb, detail, imei, kind, used_after)."""
    # For a device, the subquery takes the numbers from the index by device. `number + 0` prevents a plan that walks the
    # whole ledger by primary key.
    numbers = "number > :after ORDER BY number"
    params: dict[str, object] = {"account_id": account_id, "after": after, "limit": limit}
    if device is not None:
        numbers = "imei = :device AND number + 0 > :after ORDER BY number + 0"
        params["device"] = device
    return connection.fetch(
        "SELECT e.number, c.at_ms, c.actor, c.request_id, c.verb, c.detail, e.imei, e.kind, e.used_after FROM"
        f" (SELECT account_id, number FROM ledger_entry WHERE account_id = :account_id AND {numbers} LIMIT :limit) k"
        " CROSS JOIN ledger_entry e CROSS JOIN pool_change c WHERE e.account_id = k.account_id AND e.number = k.number"
        " AND c.account_id = e.account_id AND c.number = e.change_number ORDER BY e.number",
        params,
    )
