"""What is on record of one device: its entries of the ledger, its notices, and what its campaigns install."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection


class DeviceEntry(NamedTuple):
    """An entry of the ledger about the device, with its change; `detail` is JSON."""

    number: int
    change_number: int
    kind: int
    at_ms: int
    actor: str
    request_id: str
    verb: str
    detail: str


class Installing(NamedTuple):
    """A campaign, and what it installs; no versions for a configuration file."""

    id: int
    uuid: str
    name: str
    subject: str
    from_version: str | None
    to_version: str | None


def read_device_entries(connection: Connection, account_id: int, imei: int, limit: int) -> list[DeviceEntry]:
    """The last entries about the device, newest first.

    Their numbers come first, which the index by device has: a plan for more would walk the account's whole ledger.
    """
    rows = connection.fetch(
        "SELECT e.number, e.change_number, e.kind, c.at_ms, c.actor, c.request_id, c.verb, c.detail FROM"
        " (SELECT account_id, number FROM ledger_entry WHERE account_id = :account_id AND imei = :imei"
        " ORDER BY number + 0 DESC LIMIT :limit) k"
        " CROSS JOIN ledger_entry e CROSS JOIN pool_change c WHERE e.account_id = k.account_id AND e.number = k.number"
        " AND c.account_id = e.account_id AND c.number = e.change_number ORDER BY e.number DESC",
        {"account_id": account_id, "imei": imei, "limit": limit},
    )
    return [DeviceEntry(*row) for row in rows]


def read_place(connection: Connection, account_id: int, entry: DeviceEntry) -> int:
    """As which entry of its change the entry stands in the ledger, from 1.

    Entries and their changes are numbered in the same order: the change's first entry is found by halving.
    """
    low, high = 0, entry.number  # the first entry is after the one and not after the other
    while high - low > 1:
        middle = (low + high) // 2
        found = connection.fetch(
            "SELECT change_number FROM ledger_entry WHERE account_id = :account_id AND number = :number",
            {"account_id": account_id, "number": middle},
        )
        if found and found[0][0] >= entry.change_number:
            high = middle
        else:
            low = middle
    return entry.number - high + 1


def read_device_notices(connection: Connection, account_id: int, imei: int, limit: int) -> dict[int, int]:
    """Until when (ms) the device's license was to be kept, by when (ms) its notices were given."""
    rows = connection.fetch(
        "SELECT given_ms, until_ms FROM notice_period WHERE account_id = :account_id AND imei = :imei"
        " ORDER BY given_ms DESC LIMIT :limit",
        {"account_id": account_id, "imei": imei, "limit": limit},
    )
    return {row[0]: row[1] for row in rows}


def read_license_place(connection: Connection, account_id: int, imei: int) -> tuple[int, int] | None:
    """The number of the ledger's entry by which the device got the license that it holds, and since when (ms)."""
    rows = connection.fetch(
        "SELECT place, assigned_ms FROM license WHERE account_id = :account_id AND imei = :imei",
        {"account_id": account_id, "imei": imei},
    )
    return (rows[0][0], rows[0][1]) if rows else None


def read_candidate_place(connection: Connection, account_id: int, imei: int) -> int | None:
    """The device's place on the candidate list, from 1; None if it is not on it."""
    rows = connection.fetch(
        "SELECT (SELECT count(*) FROM candidate b WHERE b.account_id = c.account_id AND b.place <= c.place)"
        " FROM candidate c WHERE c.account_id = :account_id AND c.imei = :imei",
        {"account_id": account_id, "imei": imei},
    )
    return rows[0][0] if rows else None


def read_installing(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, Installing]:
    """The campaigns by id, with what they install."""
    if not campaign_ids:
        return {}
    rows = connection.fetch_rows(
        "SELECT c.id, c.uuid, c.name, coalesce((SELECT p.name FROM package p WHERE p.id = c.package_id),"
        " (SELECT f.name FROM configuration_file f WHERE f.id = c.file_id)),"
        " (SELECT p.from_version FROM package p WHERE p.id = c.package_id),"
        " (SELECT p.to_version FROM package p WHERE p.id = c.package_id) FROM {rows} k JOIN campaign c ON c.id = k.id",
        "id",
        [(campaign_id,) for campaign_id in campaign_ids],
    )
    return {row[0]: Installing(*row) for row in rows}
