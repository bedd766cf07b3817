"""The ledger: entries in order, or the latest entries or changes, filtered, of a bounded number of examined rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, fetch_int, numbers

LAST = 2**62


class ChangeRow(NamedTuple):
    """One request's change: timestamp (ms), actor, request, operation, and its JSON."""

    number: int
    at_ms: int
    actor: str
    request_id: str
    verb: str
    detail: str


class EntryRow(NamedTuple):
    """A ledger entry with its change."""

    number: int
    imei: int
    kind: int
    used_after: int
    change: ChangeRow


class LedgerFilter(msgspec.Struct, frozen=True):
    """The wanted entries: empty texts, None and no kinds match all. From `since_ms` to before `until_ms`."""

    device: int | None = None
    kinds: Collection[EntryKind] = ()
    actor: str = ""
    request_id: str = ""
    since_ms: int | None = None
    until_ms: int | None = None

    def of_change(self, column: str) -> tuple[list[str], dict[str, Any]]:
        """The conditions on the change, and their parameters; `column` is SQL with `{column}`."""
        given = {"actor": self.actor, "request_id": self.request_id}
        params: dict[str, Any] = {name: value for name, value in given.items() if value}
        return ["1 = 1", *(f"{column.format(column=name)} = :{name}" for name in params)], params


_OF_CHANGE = "(SELECT c.{column} FROM pool_change c WHERE c.account_id = :account_id AND c.number = e.change_number)"
_TIMES = {
    "ledger_entry": f"SELECT {_OF_CHANGE.format(column='at_ms')} FROM ledger_entry e"
    " WHERE e.account_id = :account_id AND e.number = :number",
    "pool_change": "SELECT at_ms FROM pool_change WHERE account_id = :account_id AND number = :number",
}
"""The time of an entry or change with a number."""
_CHANGE = columns(ChangeRow)


def read_ledger(connection: Connection, account_id: int, device: int | None, after: int, limit: int) -> list[Row]:
    """Entries by number, as (number, change, at_ms, actor, request_id, verb, detail, imei, kind, used_after)."""
    # For a device, the subquery takes the numbers from the index by device. `number + 0` prevents a plan that walks the
    # whole ledger by primary key.
    numbers = "number > :after ORDER BY number"
    params: dict[str, object] = {"account_id": account_id, "after": after, "limit": limit}
    if device is not None:
        numbers = "imei = :device AND number + 0 > :after ORDER BY number + 0"
        params["device"] = device
    return connection.fetch(
        "SELECT e.number, e.change_number, c.at_ms, c.actor, c.request_id, c.verb, c.detail, e.imei, e.kind,"
        " e.used_after FROM"
        f" (SELECT account_id, number FROM ledger_entry WHERE account_id = :account_id AND {numbers} LIMIT :limit) k"
        " CROSS JOIN ledger_entry e CROSS JOIN pool_change c WHERE e.account_id = k.account_id AND e.number = k.number"
        " AND c.account_id = e.account_id AND c.number = e.change_number ORDER BY e.number",
        params,
    )


def read_request_times(connection: Connection, account_id: int, request_id: str) -> tuple[int, int] | None:
    """The first and last time (ms) of the changes that the request made to the account; None if it made none."""
    rows = connection.fetch(
        "SELECT min(at_ms), max(at_ms) FROM pool_change"
        " WHERE request_id = :request_id AND account_id + 0 = :account_id",
        {"request_id": request_id, "account_id": account_id},
    )
    return None if rows[0][0] is None else (rows[0][0], rows[0][1])


def read_latest_entries(
    connection: Connection, account_id: int, wanted: LedgerFilter, before: int, looked: int, limit: int
) -> tuple[list[EntryRow], int | None]:
    """Matching entries among the next `looked` ones below `before`, newest first, and the next `before`.

    The next `before` is None at the end. The account's entries, or the device's, are walked from the newest.
    """
    where, params = wanted.of_change(_OF_CHANGE)
    params |= _span(connection, account_id=account_id, wanted=wanted, table="ledger_entry", before=before)
    span, order = "e.account_id = :account_id AND e.number < :before AND e.number >= :first", "e.number"
    if wanted.device is not None:
        span, order = f"{span} AND e.imei = :device", "e.number + 0"  # makes the plan use the index by device
        params["device"] = wanted.device
    if wanted.kinds:
        where.append(f"e.kind IN ({numbers(wanted.kinds)})")
    walk = f"FROM ledger_entry e WHERE {span} ORDER BY {order} DESC"
    rows = connection.fetch(
        f"SELECT e.number, e.imei, e.kind, e.used_after, e.change_number FROM (SELECT e.* {walk} LIMIT :looked) e"
        f" WHERE {' AND '.join(where)} ORDER BY e.number DESC LIMIT :limit",
        {**params, "looked": looked, "limit": limit + 1},
    )
    changes = _read_changes(connection, account_id, sorted({row[4] for row in rows}))
    found = [EntryRow._make((*row, changes[change_number])) for *row, change_number in rows[:limit]]
    if len(rows) > limit:
        return found, found[-1].number
    return found, fetch_int(connection, f"SELECT e.number {walk} LIMIT 1 OFFSET :skipped", **params, skipped=looked - 1)


def _read_changes(connection: Connection, account_id: int, change_numbers: list[int]) -> dict[int, ChangeRow]:
    if not change_numbers:
        return {}
    rows = connection.fetch_rows(
        f"SELECT {columns(ChangeRow, 'c')} FROM {{rows}} k"
        " CROSS JOIN pool_change c WHERE c.account_id = k.account_id AND c.number = k.change_number",
        "account_id, change_number",
        [(account_id, number) for number in change_numbers],
    )
    return {row[0]: ChangeRow(*row) for row in rows}


def read_latest_changes(
    connection: Connection, account_id: int, wanted: LedgerFilter, before: int, looked: int, limit: int
) -> tuple[list[ChangeRow], int | None]:
    """Like `read_latest_entries` for changes, including those without entries; ignores device and kinds."""
    where, params = wanted.of_change("c.{column}")
    params |= _span(connection, account_id=account_id, wanted=wanted, table="pool_change", before=before)
    walk = (
        "FROM pool_change WHERE account_id = :account_id AND number < :before AND number >= :first ORDER BY number DESC"
    )
    rows: list[Row] = connection.fetch(
        f"SELECT {_CHANGE} FROM (SELECT {_CHANGE} {walk} LIMIT :looked) c WHERE {' AND '.join(where)}"
        " ORDER BY number DESC LIMIT :limit",
        {**params, "looked": looked, "limit": limit + 1},
    )
    found = [ChangeRow(*row) for row in rows[:limit]]
    if len(rows) > limit:
        return found, found[-1].number
    return found, fetch_int(connection, f"SELECT number {walk} LIMIT 1 OFFSET :skipped", **params, skipped=looked - 1)


def _span(connection: Connection, account_id: int, wanted: LedgerFilter, table: str, before: int) -> dict[str, int]:
    """The numbers to walk, from `first` to below `before`: numbers rise with time."""
    first = 0 if wanted.since_ms is None else _first_from(connection, account_id, table, wanted.since_ms)
    last = LAST if wanted.until_ms is None else _first_from(connection, account_id, table, wanted.until_ms)
    return {"account_id": account_id, "first": first, "before": min(before, last)}


def _first_from(connection: Connection, account_id: int, table: str, timestamp_ms: int) -> int:
    """The first number whose change is not before the timestamp, by binary search."""
    column = "entries" if table == "ledger_entry" else "changes"
    rows = connection.fetch(f"SELECT {column} FROM license_pool WHERE account_id = :id", {"id": account_id})
    low, high = 1, (rows[0][0] if rows else 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.fetch(_TIMES[table], {"account_id": account_id, "number": middle})
        if found and found[0][0] >= timestamp_ms:
            high = middle
        else:
            low = middle + 1
    return low
