"""What people see of the ledger: the latest entries, or changes, with filters, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.db.connection import Connection, Row

LAST = 2**62


class ChangeRow(NamedTuple):
    """What one request did: when (ms), who, by which request, which operation, and its JSON."""

    number: int
    at_ms: int
    actor: str
    request_id: str
    verb: str
    detail: str


class EntryRow(NamedTuple):
    """One line about one license, with the change that it is part of."""

    number: int
    imei: int
    kind: int
    used_after: int
    change: ChangeRow


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """What is looked for: empty texts, None and no kinds stand for all. `since_ms` counts, `until_ms` does not."""

    device: int | None = None
    kinds: Collection[EntryKind] = ()
    actor: str = ""
    request_id: str = ""
    since_ms: int | None = None
    until_ms: int | None = None


_OF_CHANGE = "(SELECT c.{column} FROM pool_change c WHERE c.account_id = :account_id AND c.number = e.change_number)"
_AT = f"SELECT {_OF_CHANGE.format(column='at_ms')} FROM ledger_entry e WHERE e.account_id = :account_id AND"
_CHANGE = "number, at_ms, actor, request_id, verb, detail"


def read_latest_entries(
    connection: Connection, account_id: int, wanted: LedgerFilter, before: int, looked: int, limit: int
) -> tuple[list[EntryRow], int | None]:
    """Entries numbered below `before`, newest first, of the next `looked`; and the number before which to go on.

    None as the number: that was the end. Walks the account's entries, or the device's, from the newest.
    """
    first, last = _period(connection, account_id, wanted, "ledger_entry")
    params: dict[str, object] = {
        "account_id": account_id,
        "first": first,
        "before": min(before, last),
        "looked": looked,
        "limit": limit + 1,
    }
    span, order = "e.account_id = :account_id AND e.number < :before AND e.number >= :first", "e.number"
    if wanted.device is not None:
        span, order = f"{span} AND e.imei = :device", "e.number + 0"  # so that the index on devices is walked
        params["device"] = wanted.device
    only = ["1 = 1"]
    if wanted.kinds:
        only.append(f"e.kind IN ({', '.join(str(int(kind)) for kind in sorted(wanted.kinds))})")
    for column, value in (("actor", wanted.actor), ("request_id", wanted.request_id)):
        if value:
            only.append(f"{_OF_CHANGE.format(column=column)} = :{column}")
            params[column] = value
    next_ones = f"FROM ledger_entry e WHERE {span} ORDER BY {order} DESC"
    rows = connection.fetch(
        f"SELECT e.number, e.imei, e.kind, e.used_after, e.change_number FROM (SELECT e.* {next_ones} LIMIT :looked) e"
        f" WHERE {' AND '.join(only)} ORDER BY e.number DESC LIMIT :limit",
        params,
    )
    changes = _read_changes(connection, account_id, sorted({row[4] for row in rows}))
    found = [
        EntryRow(number=number, imei=imei, kind=kind, used_after=used_after, change=changes[change_number])
        for number, imei, kind, used_after, change_number in rows[:limit]
    ]
    if len(rows) > limit:
        return found, found[-1].number
    last_looked = connection.fetch(
        f"SELECT e.number {next_ones} LIMIT 1 OFFSET :skipped", params | {"skipped": looked - 1}
    )
    return found, last_looked[0][0] if last_looked else None


def _read_changes(connection: Connection, account_id: int, numbers: list[int]) -> dict[int, ChangeRow]:
    if not numbers:
        return {}
    rows = connection.fetch_rows(
        f"SELECT {', '.join('c.' + name for name in _CHANGE.split(', '))} FROM {{rows}} k"
        " CROSS JOIN pool_change c WHERE c.account_id = k.account_id AND c.number = k.change_number",
        "account_id, change_number",
        [(account_id, number) for number in numbers],
    )
    return {row[0]: ChangeRow(*row) for row in rows}


def read_latest_changes(
    connection: Connection, account_id: int, wanted: LedgerFilter, before: int, looked: int, limit: int
) -> tuple[list[ChangeRow], int | None]:
    """The same for changes, those too that touched no license; of the filter, who, by which request and when count."""
    first, last = _period(connection, account_id, wanted, "pool_change")
    params: dict[str, object] = {
        "account_id": account_id,
        "first": first,
        "before": min(before, last),
        "looked": looked,
        "limit": limit + 1,
    }
    only = ["1 = 1"]
    for column, value in (("actor", wanted.actor), ("request_id", wanted.request_id)):
        if value:
            only.append(f"c.{column} = :{column}")
            params[column] = value
    next_ones = (
        "FROM pool_change WHERE account_id = :account_id AND number < :before AND number >= :first ORDER BY number DESC"
    )
    rows: list[Row] = connection.fetch(
        f"SELECT {_CHANGE} FROM (SELECT {_CHANGE} {next_ones} LIMIT :looked) c WHERE {' AND '.join(only)}"
        " ORDER BY number DESC LIMIT :limit",
        params,
    )
    found = [ChangeRow(*row) for row in rows[:limit]]
    if len(rows) > limit:
        return found, found[-1].number
    last_looked = connection.fetch(
        f"SELECT number {next_ones} LIMIT 1 OFFSET :skipped", params | {"skipped": looked - 1}
    )
    return found, last_looked[0][0] if last_looked else None


def _period(connection: Connection, account_id: int, wanted: LedgerFilter, table: str) -> tuple[int, int]:
    """The first number that lies in the period, and the first after it: numbers rise with time."""
    first = 0 if wanted.since_ms is None else _first_from(connection, account_id, table, wanted.since_ms)
    last = LAST if wanted.until_ms is None else _first_from(connection, account_id, table, wanted.until_ms)
    return first, last


def _first_from(connection: Connection, account_id: int, table: str, timestamp_ms: int) -> int:
    """The first number whose change was at the moment or later: found by halving, some 20 looks among a million."""
    column = "entries" if table == "ledger_entry" else "changes"
    rows = connection.fetch(f"SELECT {column} FROM license_pool WHERE account_id = :id", {"id": account_id})
    low, high = 1, (rows[0][0] if rows else 0) + 1
    at = f"{_AT} e.number = :number"
    if table == "pool_change":
        at = "SELECT at_ms FROM pool_change WHERE account_id = :account_id AND number = :number"
    while low < high:
        middle = (low + high) // 2
        found = connection.fetch(at, {"account_id": account_id, "number": middle})
        if found and found[0][0] >= timestamp_ms:
            high = middle
        else:
            low = middle + 1
    return low
