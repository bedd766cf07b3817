"""Reading the ledger."""

from __future__ import annotations

from fotapool.store.database import Connection, Row


def read_ledger(connection: Connection, account_id: int, device: int | None, after: int, limit: int) -> list[Row]:
    """Entries by number: (number, at_ms, actor, request_id, verb, detail, imei, kind, used_after)."""
    only = "AND e.imei = :device" if device is not None else ""
    return connection.fetch(
        "SELECT e.number, c.at_ms, c.actor, c.request_id, c.verb, c.detail, e.imei, e.kind, e.used_after"
        " FROM ledger_entry e JOIN pool_change c ON c.account_id = e.account_id AND c.number = e.change_number"
        f" WHERE e.account_id = :account_id AND e.number > :after {only} ORDER BY e.number LIMIT :limit",
        {"account_id": account_id, "after": after, "limit": limit} | ({} if device is None else {"device": device}),
    )
