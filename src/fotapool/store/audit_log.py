"""The audit log: adding entries, counting refused attempts, reading the latest entries, deleting old ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, exists, fetch_int

MAX_REFUSED_A_MINUTE = 50
"""Maximum number of entries about refused attempts for each operator and minute; unknown keys are one operator."""
OTHERS = "others"
"""The action of the entry that counts the refused attempts beyond MAX_REFUSED_A_MINUTE."""


class AuditEntry(NamedTuple):
    """What an operator did or was refused; `attempts` of it from `at_ms` to `last_ms`.

    `before_json` and `after_json` are JSON objects with the changed members, or None. `status` and `refused_minute`
    are None for what was done; else the HTTP status, and the minute since 1970 of the first attempt.
    """

    at_ms: int
    operator: str
    role: str
    via: str
    address: str
    request_id: str
    action: str
    account: str
    target_kind: str
    target: str
    before_json: str | None
    after_json: str | None
    status: int | None
    reason: str
    refused_minute: int | None
    attempts: int
    last_ms: int


class AuditRow(NamedTuple):
    """An entry with its id."""

    id: int
    entry: AuditEntry


class AuditFilter(msgspec.Struct, frozen=True):
    """The wanted entries: empty texts and None match all. From `since_ms` to before `until_ms`."""

    operator: str = ""
    action: str = ""
    account: str = ""
    target: str = ""
    request_id: str = ""
    refused: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None


_COLUMNS = columns(AuditEntry)
INSERT_ENTRY = f"INSERT INTO audit_log ({_COLUMNS}) VALUES ({', '.join(f':{name}' for name in AuditEntry._fields)})"
"""Adds the entry with these parameters."""
_ONCE = "(refused_minute, operator, via, address, action, status) WHERE refused_minute IS NOT NULL"
_REFUSED = {True: "refused_minute IS NOT NULL", False: "refused_minute IS NULL"}
_EQUAL = ("request_id", "target", "account", "action", "operator")
"""The columns that filters compare, the most selective first."""
_AS_OTHERS: dict[str, Any] = {
    "action": OTHERS,
    "via": "operator-api",
    "status": 0,
    "reason": "further attempts in the same minute",
    **dict.fromkeys(("address", "request_id", "account", "target_kind", "target"), ""),
}
_LAST_MS = 2**62


def record_entry(connection: Connection, entry: AuditEntry) -> int:
    """Adds the entry; returns its id."""
    return int(connection.fetch(f"{INSERT_ENTRY} RETURNING id", entry._asdict())[0][0])


def record_entry_extended(connection: Connection, entry_id: int, entry: AuditEntry) -> None:
    """Replaces what an entry says about the change, after a further transaction of the same operation."""
    sql = "UPDATE audit_log SET before_json = :before_json, after_json = :after_json, last_ms = :last_ms WHERE id = :id"
    changed = {name: getattr(entry, name) for name in ("before_json", "after_json", "last_ms")}
    connection.execute(sql, {**changed, "id": entry_id})


def record_refused_attempt(connection: Connection, entry: AuditEntry) -> None:
    """Adds a refused attempt, or counts it in the entry of the same operator, address, action, status and minute."""
    same = "SELECT 1 FROM audit_log WHERE refused_minute = :refused_minute AND operator = :operator"
    values = entry._asdict()
    key = {name: values[name] for name in ("refused_minute", "operator")}
    rest = {name: values[name] for name in ("via", "address", "action", "status")}
    of_rest = "".join(f" AND {name} = :{name}" for name in rest)
    if not exists(connection, same + of_rest, **key, **rest):
        count = fetch_int(
            connection, f"SELECT count(*) FROM ({same} LIMIT :limit) s", **key, limit=MAX_REFUSED_A_MINUTE
        )
        if count == MAX_REFUSED_A_MINUTE:
            entry = entry._replace(**_AS_OTHERS)
    connection.execute(
        f"{INSERT_ENTRY} ON CONFLICT {_ONCE}"
        " DO UPDATE SET attempts = audit_log.attempts + excluded.attempts, last_ms = excluded.last_ms",
        entry._asdict(),
    )


def read_latest_audit_entries(
    connection: Connection, wanted: AuditFilter, before: int | None, looked: int, limit: int
) -> tuple[list[AuditRow], int | None]:
    """Matching entries among the next `looked` ones before the entry `before`, newest first, and the next `before`.

    The next `before` is None at the end. Walks the index of the most selective condition; the other conditions are
    applied to the entries that it names.
    """
    since_ms, until_ms = wanted.since_ms or 0, _LAST_MS if wanted.until_ms is None else wanted.until_ms
    params: dict[str, Any] = {"since": since_ms, "until": until_ms}
    walked, checked = _conditions(wanted, params)
    needed = ", ".join(["id", "at_ms", *checked])  # not more, so that an index can have all of it
    if before is not None:
        at_ms = fetch_int(connection, "SELECT at_ms FROM audit_log WHERE id = :id", id=before)
        if at_ms is None:  # it was deleted for its age, as all that follow it
            return [], None
        walked.append("at_ms <= :before_ms AND (at_ms < :before_ms OR id < :before)")
        params |= {"before": before, "before_ms": at_ms}
    walk = f"FROM audit_log WHERE {' AND '.join(walked)} ORDER BY at_ms DESC, id DESC"
    ids = [
        row[0]
        for row in connection.fetch(
            f"SELECT id FROM (SELECT {needed} {walk} LIMIT :looked) a"
            f" WHERE {' AND '.join(['1 = 1', *checked.values()])} ORDER BY at_ms DESC, id DESC LIMIT :limit",
            {**params, "looked": looked, "limit": limit + 1},
        )
    ]
    rows = _read_entries(connection, ids[:limit])
    if len(ids) > limit:
        return rows, ids[limit - 1]
    return rows, fetch_int(connection, f"SELECT id {walk} LIMIT 1 OFFSET :skipped", **params, skipped=looked - 1)


def _conditions(wanted: AuditFilter, params: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The conditions of the walk along an index, and those on the entries found by column; adds their parameters."""
    given = {name: f"{name} = :{name}" for name in _EQUAL if getattr(wanted, name)}
    params |= {name: getattr(wanted, name) for name in given}
    if wanted.refused is not None:
        given["refused_minute"] = _REFUSED[wanted.refused]
    of_index = next(iter(given), "refused_minute")
    if wanted.refused and of_index in ("action", "operator"):
        of_index = "refused_minute"  # refused attempts have an index of their own, and are few
    walked = ["at_ms >= :since", "at_ms < :until"]
    if of_index in given and (of_index != "refused_minute" or wanted.refused):
        walked.append(given.pop(of_index))
    return walked, given


def _read_entries(connection: Connection, ids: list[int]) -> list[AuditRow]:
    if not ids:
        return []
    rows = connection.fetch_rows(
        f"SELECT a.id, {columns(AuditEntry, 'a')} FROM {{rows}} k CROSS JOIN audit_log a WHERE a.id = k.id",
        "id",
        [(entry_id,) for entry_id in ids],
    )
    found = {entry_id: AuditRow(entry_id, AuditEntry(*values)) for entry_id, *values in rows}
    return [found[entry_id] for entry_id in ids]


def delete_old_audit_entries(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes up to `limit` entries from before the timestamp, the oldest first; returns how many."""
    oldest = "SELECT id FROM audit_log WHERE at_ms < :before ORDER BY at_ms, id LIMIT :limit"
    sql = f"DELETE FROM audit_log WHERE id IN ({oldest}) RETURNING id"
    return len(connection.fetch(sql, {"before": before_ms, "limit": limit}))
