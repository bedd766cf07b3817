"""Searching devices of an account, in steps that examine a limited number of rows.

Scalar subqueries instead of joins: see store/licenses/licenses.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_devices, fetch_values, like_pattern
from fotapool.store.devices.devices import OPERATOR_ROW, OperatorDeviceRow

Version = tuple[str, str, str, str]
"""Make, model, firmware and protocol."""

_OF = "l.account_id = k.account_id AND l.imei = k.imei"
_SOURCES = {
    "": ("device", ""),
    "licensed": ("license", ""),
    "unlicensed": ("device", f" AND (SELECT 1 FROM license l WHERE {_OF}) IS NULL"),
    "notice": ("notice_period", " AND k.ended_ms IS NULL"),
    "candidate": ("candidate", ""),
}
"""The table that is walked by IMEI for each license filter, and the condition on its rows."""
_LICENSE_CONDITIONS = {
    "": "",
    "licensed": f" AND (SELECT 1 FROM license l WHERE {_OF}) IS NOT NULL",
    "unlicensed": f" AND (SELECT 1 FROM license l WHERE {_OF}) IS NULL",
    "notice": f" AND (SELECT l.notice_until_ms FROM license l WHERE {_OF}) IS NOT NULL",
    "candidate": f" AND (SELECT 1 FROM candidate l WHERE {_OF}) IS NOT NULL",
}
LICENSE_FILTERS = tuple(_SOURCES)
SEEN = {"since": "seen_ms >= :since", "not since": "(seen_ms IS NULL OR seen_ms < :since)", "never": "seen_ms IS NULL"}


class Conditions(msgspec.Struct, frozen=True):
    """A search: a license filter, parts of texts by column (case-insensitive), and the time of the last contact.

    `seen` is a key of SEEN; its timestamp (ms) is in `params` as `since`.
    """

    license: str = ""
    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    seen: str = ""
    params: Mapping[str, object] = msgspec.field(default_factory=dict)

    def of_device(self, row: str) -> tuple[str, dict[str, object]]:
        """The conditions on a device row as SQL, empty if there are none, and their parameters."""
        parts = [f"lower({row}.{column}) LIKE :{column} ESCAPE '!'" for column in self.texts]
        if self.seen:
            parts.append(SEEN[self.seen].replace("seen_ms", f"{row}.seen_ms"))
        params = {column: f"%{like_pattern(text.lower())}%" for column, text in self.texts.items()}
        return " AND ".join(parts), {**params, **self.params}


def read_scan_end(
    connection: Connection, account_id: int, conditions: Conditions, after: int, last: int, scan: int
) -> int | None:
    """The last IMEI of a step that examines `scan` rows; None if there are no more rows."""
    table, only = _SOURCES[conditions.license]
    only = "" if conditions.license == "unlicensed" else only  # licensed devices are examined too
    rows = connection.fetch(
        f"SELECT k.imei FROM {table} k WHERE k.account_id = :account_id AND k.imei > :after AND k.imei <= :last{only}"
        " ORDER BY k.imei LIMIT 2 OFFSET :scan",
        {"account_id": account_id, "after": after, "last": last, "scan": scan - 1},
    )
    return rows[0][0] if len(rows) == 2 else None


def read_matching(
    connection: Connection, account_id: int, conditions: Conditions, after: int, last: int, limit: int
) -> list[int]:
    """Devices that meet the conditions, with IMEIs above `after` up to `last`, by IMEI."""
    table, only = _SOURCES[conditions.license]
    of_device, params = conditions.of_device("k" if table == "device" else "d")
    if of_device and table == "device":
        only += f" AND {of_device}"
    elif of_device:
        only += f" AND ({_DEVICE} AND {of_device}) IS NOT NULL"
    sql = f"""SELECT k.imei FROM {table} k
        WHERE k.account_id = :account_id AND k.imei > :after AND k.imei <= :last{only} ORDER BY k.imei LIMIT :limit"""
    return fetch_values(connection, sql, account_id=account_id, after=after, last=last, limit=limit, **params)


_DEVICE = "SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei"


def read_matching_of(
    connection: Connection, account_id: int, conditions: Conditions, devices: Sequence[int]
) -> list[int]:
    """The devices among these that meet the conditions, by IMEI."""
    of_device, params = conditions.of_device("d")
    only = f" AND {of_device}" if of_device else ""
    license_condition = _LICENSE_CONDITIONS[conditions.license]
    sql = f"SELECT k.imei FROM {{keys}} k WHERE ({_DEVICE}{only}) IS NOT NULL{license_condition} ORDER BY k.imei"
    return fetch_devices(connection, int, sql, (account_id, devices), **params)


def read_by_mdn(connection: Connection, account_id: int, prefix: str, limit: int) -> list[int]:
    """Devices whose MDN starts with the prefix, by MDN."""
    sql = """SELECT d.imei FROM device d WHERE d.account_id = :account_id AND d.mdn <> '' AND d.mdn >= :first
        AND d.mdn < :end AND d.mdn LIKE :pattern ESCAPE '!' ORDER BY d.mdn LIMIT :limit"""
    end, pattern = prefix[:-1] + chr(ord(prefix[-1]) + 1), f"{like_pattern(prefix)}%"
    return fetch_values(connection, sql, account_id=account_id, first=prefix, end=end, pattern=pattern, limit=limit)


def read_versions(connection: Connection, account_id: int, limit: int) -> list[Version]:
    """The distinct makes, models, firmwares and protocols of the account's devices, in order.

    A recursive query skips along the index from each version to the next, independent of the number of devices.
    """
    nexts = ", ".join(
        f"(SELECT n.imei FROM device n WHERE n.account_id = :account_id{_same(same)} AND n.{column} > d.{column}"
        f" ORDER BY {', '.join(f'n.{later}' for later in _VERSION[place:])} LIMIT 1)"
        for place, column, same in ((place, _VERSION[place], _VERSION[:place]) for place in (3, 2, 1, 0))
    )
    rows = connection.fetch(
        "WITH RECURSIVE v(imei, place) AS (SELECT (SELECT n.imei FROM device n WHERE n.account_id = :account_id"
        " ORDER BY n.make, n.model, n.firmware, n.protocol LIMIT 1), 1"
        f" UNION ALL SELECT coalesce({nexts}), v.place + 1"
        " FROM v CROSS JOIN device d WHERE d.account_id = :account_id AND d.imei = v.imei AND v.place < :limit)"
        " SELECT d.make, d.model, d.firmware, d.protocol FROM v CROSS JOIN device d"
        " WHERE d.account_id = :account_id AND d.imei = v.imei ORDER BY v.place",
        {"account_id": account_id, "limit": limit},
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


_VERSION = ("make", "model", "firmware", "protocol")
_INDEX = "d.make, d.model, d.firmware, d.protocol, d.imei"


def _same(columns: Sequence[str]) -> str:
    return "".join(f" AND n.{column} = d.{column}" for column in columns)


def read_of_versions(
    connection: Connection, account_id: int, versions: Sequence[Version], after: int, last: int, limit: int
) -> list[int]:
    """Devices of these versions with IMEIs above `after` up to `last`, by IMEI.

    The index columns are compared as one row value, since the planner would otherwise walk the account by IMEI.
    """
    params: dict[str, object] = {"account_id": account_id, "after": after, "last": last, "limit": limit}
    parts: list[str] = []
    for place, version in enumerate(versions):
        names = [f"{name}{place}" for name in _VERSION]
        params |= zip(names, version, strict=True)
        given = ", ".join(f":{name}" for name in names)
        parts.append(
            "SELECT * FROM (SELECT d.imei FROM device d WHERE d.account_id = :account_id"
            f" AND ({_INDEX}) > ({given}, :after) AND ({_INDEX}) <= ({given}, :last)"
            f" ORDER BY {_INDEX} LIMIT :limit) w{place}"
        )
    return sorted(row[0] for row in connection.fetch(" UNION ALL ".join(parts), params))[:limit] if parts else []


def read_operator_rows(connection: Connection, account_id: int, devices: Sequence[int]) -> list[OperatorDeviceRow]:
    """The rows of those devices that the account has, by IMEI."""
    sql = f"""SELECT {OPERATOR_ROW} FROM {{keys}} k
        JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei ORDER BY d.imei"""
    return fetch_devices(connection, OperatorDeviceRow, sql, (account_id, devices))


def read_candidates_of(connection: Connection, account_id: int, devices: Sequence[int]) -> set[int]:
    """The devices among these that are on the candidate list."""
    sql = """SELECT k.imei FROM {keys} k
        WHERE (SELECT 1 FROM candidate c WHERE c.account_id = k.account_id AND c.imei = k.imei) IS NOT NULL"""
    return set(fetch_devices(connection, int, sql, (account_id, devices)))
