"""What operators see of candidates and subscriptions: a list's rows with their licenses, and the periods before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.names import PurchaseType
from fotapool.store.db.connection import Connection


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A device of the list; the license's time (ms) and LicenseState are None where it has none."""

    device: int
    known: bool
    assigned_ms: int | None
    state: int | None


def read_candidate_rows(
    connection: Connection, account_id: int, first: int, limit: int
) -> tuple[int, int, list[CandidateRow]]:
    """How many candidates there are, when the list was last changed (ms), and its rows from number `first` (0) on."""
    pool, rows = connection.fetch_together(
        [
            (
                "SELECT candidates, candidates_updated_ms FROM license_pool WHERE account_id = :account_id",
                {"account_id": account_id},
            ),
            (
                "SELECT c.imei, (SELECT 1 FROM device d WHERE d.account_id = c.account_id AND d.imei = c.imei),"
                " l.assigned_ms, l.state FROM (SELECT account_id, imei, place FROM candidate"
                " WHERE account_id = :account_id ORDER BY place LIMIT :limit OFFSET :first) c"
                " LEFT JOIN license l ON l.account_id = c.account_id AND l.imei = c.imei ORDER BY c.place",
                {"account_id": account_id, "first": first, "limit": limit},
            ),
        ]
    )
    count, updated_ms = pool[0]
    return count, updated_ms, [CandidateRow(row[0], row[1] is not None, *row[2:]) for row in rows]


def read_assigned(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, int]:
    """When (ms) each of the devices that hold a license got it."""
    rows = connection.fetch_keys(
        "SELECT k.imei, (SELECT l.assigned_ms FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei)"
        " FROM {keys} k",
        [(account_id, device) for device in devices],
    )
    return {imei: assigned_ms for imei, assigned_ms in rows if assigned_ms is not None}


@dataclass(frozen=True, slots=True)
class SubscriptionPeriod:
    """What an account had subscribed to, and since when (ms)."""

    number: int
    from_ms: int
    total: int
    purchase_type: PurchaseType


def read_periods(connection: Connection, account_id: int, before: int, limit: int) -> list[SubscriptionPeriod]:
    """The account's periods, latest first, whose number is below `before`."""
    rows = connection.fetch(
        "SELECT id, from_ms, total, purchase_type FROM subscription_period"
        " WHERE account_id = :account_id AND id < :before ORDER BY id DESC LIMIT :limit",
        {"account_id": account_id, "before": before, "limit": limit},
    )
    return [SubscriptionPeriod(row[0], row[1], row[2], PurchaseType(row[3])) for row in rows]
