"""The candidate list and the subscription periods as operators see them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.names import PurchaseType
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import converting, fetch_all
from fotapool.store.licenses.candidates import POOL_CANDIDATES


class CandidateRow(msgspec.Struct, frozen=True):
    """A device of the list, whether the account has it, and the time (ms) and LicenseState of its license, if any."""

    device: int
    known: bool
    assigned_ms: int | None
    state: int | None


_candidate_row = converting(CandidateRow, known=bool)


def read_candidate_rows(
    connection: Connection, account_id: int, first: int, limit: int
) -> tuple[int, int, list[CandidateRow]]:
    """The number of candidates, the time (ms) of the list's last change, and its rows from index `first`."""
    params = {"account_id": account_id, "first": first, "limit": limit}
    sql = """SELECT c.imei, (SELECT 1 FROM device d WHERE d.account_id = c.account_id AND d.imei = c.imei),
            l.assigned_ms, l.state
        FROM (SELECT account_id, imei, place FROM candidate WHERE account_id = :account_id
            ORDER BY place LIMIT :limit OFFSET :first) c
        LEFT JOIN license l ON l.account_id = c.account_id AND l.imei = c.imei ORDER BY c.place"""
    pool, rows = connection.fetch_together([(POOL_CANDIDATES, params), (sql, params)])
    count, updated_ms = pool[0]
    return count, updated_ms, [_candidate_row(*row) for row in rows]


def read_assigned(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, int]:
    """The assignment times (ms) of those devices that hold a license."""
    sql = """SELECT k.imei, (SELECT l.assigned_ms FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei)
        FROM {keys} k"""
    rows = connection.fetch_keys(sql, [(account_id, device) for device in devices])
    return {imei: assigned_ms for imei, assigned_ms in rows if assigned_ms is not None}


class SubscriptionPeriod(msgspec.Struct, frozen=True):
    """A period of a subscription, from `from_ms` on."""

    number: int
    from_ms: int
    total: int
    purchase_type: PurchaseType


_period = converting(SubscriptionPeriod, purchase_type=PurchaseType)


def read_periods(connection: Connection, account_id: int, before: int, limit: int) -> list[SubscriptionPeriod]:
    """The account's periods with numbers below `before`, latest first."""
    sql = """SELECT id, from_ms, total, purchase_type FROM subscription_period
        WHERE account_id = :account_id AND id < :before ORDER BY id DESC LIMIT :limit"""
    return fetch_all(connection, _period, sql, account_id=account_id, before=before, limit=limit)
