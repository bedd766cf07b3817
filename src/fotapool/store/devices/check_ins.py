"""What a batch of check-ins reads and writes of devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection, Key


class CheckingIn(NamedTuple):
    """A device that checks in: its firmware on record, the report that it is asked for, and if it has an upgrade."""

    firmware: str
    report_request: str | None
    has_upgrade: bool


def read_checking_in(connection: Connection, keys: Sequence[Key]) -> dict[Key, CheckingIn]:
    """What is on record of each of the devices that there is."""
    rows = connection.fetch_keys(
        "SELECT k.account_id, k.imei, d.firmware, (SELECT r.uuid FROM report_request r"
        " WHERE r.account_id = k.account_id AND r.imei = k.imei AND r.answered_ms IS NULL LIMIT 1),"
        " (SELECT 1 FROM upgrade u WHERE u.account_id = k.account_id AND u.imei = k.imei AND u.status <= 2)"
        " FROM {keys} k JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei",
        keys,
    )
    return {(row[0], row[1]): CheckingIn(row[2], row[3], row[4] is not None) for row in rows}


def record_seen(
    connection: Connection, seen: Sequence[Key], firmware: Mapping[str, Sequence[Key]], now_ms: int
) -> None:
    """The devices were in contact now; `firmware` has those that report another version than the one on record."""
    connection.update_keys("device", "seen_ms = :now", seen, {"now": now_ms})
    for version, keys in firmware.items():
        params = {"firmware": version, "now": now_ms}
        connection.update_keys("device", "firmware = :firmware, updated_ms = :now", keys, params)
