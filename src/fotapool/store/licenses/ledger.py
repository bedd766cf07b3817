"""Reading the ledger."""

from __future__ import annotations

from fotapool.store.db.connection import Connection, Row


def read_ledger(connection: Connection, account_id: int, device: int | None, after: int, limit: int) -> list[Row]:
    """Entries by number: (number, at_ms, actor, request_id, verb, detail, imei, kind, used_after)."""
    # Of a device the numbers come first, from the index by device; sums keep the planner from walking the whole ledger.
    numbers = "number > :after ORDER BY number"
    if device is not None:
        numbers = "imei = :device AND number + 0 > :after ORDER BY number + 0"
    return connection.fetch(
        "SELECT e.number, c.at_ms, c.actor, c.request_id, c.verb, c.detail, e.imei, e.kind, e.used_after FROM"
        f" (SELECT account_id, number FROM ledger_entry WHERE account_id = :account_id AND {numbers} LIMIT :limit) k"
        " CROSS JOIN ledger_entry e CROSS JOIN pool_change c WHERE e.account_id = k.account_id AND e.number = k.number"
        " AND c.account_id = e.account_id AND c.number = e.change_number ORDER BY e.number",
        {"account_id": account_id, "after": after, "limit": limit} | ({} if device is None else {"device": device}),
    )
