"""Devices of a batch of check-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fotapool.store.campaigns.upgrades import open_upgrade
from fotapool.store.db.connection import Connection, Key
from fotapool.store.db.rows import converting


class CheckingIn(NamedTuple):
    """A device that checks in: its recorded firmware, the open report request, and whether it has an open upgrade."""

    firmware: str
    report_request: str | None
    has_upgrade: bool


_checking_in = converting(CheckingIn, has_upgrade=bool)


def read_checking_in(connection: Connection, keys: Sequence[Key]) -> dict[Key, CheckingIn]:
    """The recorded facts by device; unknown devices are missing."""
    rows = connection.fetch_keys(
        "SELECT k.account_id, k.imei, d.firmware, (SELECT r.uuid FROM report_request r"
        " WHERE r.account_id = k.account_id AND r.imei = k.imei AND r.answered_ms IS NULL LIMIT 1),"
        f" {open_upgrade('id', 'k')}"
        " FROM {keys} k JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei",
        keys,
    )
    return {(row[0], row[1]): _checking_in(*row[2:]) for row in rows}


def record_seen(
    connection: Connection, seen: Sequence[Key], firmware: Mapping[str, Sequence[Key]], now_ms: int
) -> None:
    """Records the contact of the devices; `firmware` has the devices that report a new version, by version."""
    connection.update_keys("device", "seen_ms = :now", seen, {"now": now_ms})
    for version, keys in firmware.items():
        params = {"firmware": version, "now": now_ms}
        connection.update_keys("device", "firmware = :firmware, updated_ms = :now", keys, params)
