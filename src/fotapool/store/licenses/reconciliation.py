"""The licenses of an account by IMEI, and what is on record about devices that only one side has as licensed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.db.connection import Connection, Row


class DeviceRecord(NamedTuple):
    """The account that a device belongs to, and its last ledger entry; None where there is none."""

    account: str | None
    kind: EntryKind | None
    at_ms: int | None
    actor: str | None
    request_id: str | None


def read_licenses_after(connection: Connection, account_id: int, after: int, limit: int) -> list[Row]:
    """Licenses by IMEI, greater than `after`, as (IMEI, assigned in ms)."""
    return connection.fetch(
        "SELECT imei, assigned_ms FROM license WHERE account_id = :account_id AND imei > :after"
        " ORDER BY imei LIMIT :limit",
        {"account_id": account_id, "after": after, "limit": limit},
    )


def read_device_records(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, DeviceRecord]:
    """What is on record about each device; the ledger entry is the last one of this account."""
    keys = [(account_id, device) for device in devices]
    owners = connection.fetch_keys(
        "SELECT k.imei, (SELECT o.name FROM device d JOIN account o ON o.id = d.account_id WHERE d.imei = k.imei"
        " AND d.namespace = (SELECT a.namespace FROM account a WHERE a.id = k.account_id)) FROM {keys} k",
        keys,
    )
    entries = connection.fetch_keys(
        "SELECT m.imei, e.kind, c.at_ms, c.actor, c.request_id FROM (SELECT k.account_id, k.imei,"
        " (SELECT max(l.number) FROM ledger_entry l WHERE l.account_id = k.account_id AND l.imei = k.imei) AS number"
        " FROM {keys} k) m CROSS JOIN ledger_entry e CROSS JOIN pool_change c"
        " WHERE e.account_id = m.account_id AND e.number = m.number"
        " AND c.account_id = e.account_id AND c.number = e.change_number",
        keys,
    )
    last = {imei: (EntryKind(kind), *change) for imei, kind, *change in entries}
    nothing = (None, None, None, None)
    return {imei: DeviceRecord(owner, *last.get(imei, nothing)) for imei, owner in owners}
