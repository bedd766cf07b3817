"""The cancellation candidate list of an account, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.licenses import Pool
from fotapool.store.database import Connection


def read_candidates(connection: Connection, account_id: int) -> list[int]:
    rows = connection.fetch(
        "SELECT imei FROM candidate WHERE account_id = :account_id ORDER BY place", {"account_id": account_id}
    )
    return [row[0] for row in rows]


def read_candidate_page(connection: Connection, account_id: int, index: int, limit: int) -> tuple[int, int, list[int]]:
    """Count and time (ms) of the last change of the list, and up to `limit` devices from record number `index`."""
    pool, rows = connection.fetch_together(
        [
            (
                "SELECT candidates, candidates_updated_ms FROM license_pool WHERE account_id = :account_id",
                {"account_id": account_id},
            ),
            (
                "SELECT imei FROM candidate WHERE account_id = :account_id ORDER BY place LIMIT :limit OFFSET :index",
                {"account_id": account_id, "index": index, "limit": limit},
            ),
        ]
    )
    count, updated_ms = pool[0]
    return count, updated_ms, [row[0] for row in rows]


def record_candidates(
    connection: Connection, pool: Pool, before: Sequence[int], after: Sequence[int], now_ms: int
) -> None:
    """Makes `after` the list; a list that only grew at its end is not written anew."""
    grown = len(before) if list(after[: len(before)]) == list(before) else 0
    first_place = 0
    if grown:
        rows = connection.fetch(
            "SELECT max(place) + 1 FROM candidate WHERE account_id = :account_id",
            {"account_id": pool.account_id},
        )
        first_place = rows[0][0]
    else:
        connection.execute("DELETE FROM candidate WHERE account_id = :account_id", {"account_id": pool.account_id})
    connection.insert(
        "candidate",
        "account_id, place, imei",
        ((pool.account_id, place, device) for place, device in enumerate(after[grown:], start=first_place)),
    )
    pool.candidates = len(after)
    pool.candidates_updated_ms = now_ms
