"""The cancellation candidate list of an account."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_value, fetch_values

POOL_CANDIDATES = "SELECT candidates, candidates_updated_ms FROM license_pool WHERE account_id = :account_id"


def read_candidates(connection: Connection, account_id: int) -> list[int]:
    """The devices of the list, in order."""
    return fetch_values(connection, "SELECT imei FROM candidate WHERE account_id = :id ORDER BY place", id=account_id)


def read_candidate_page(connection: Connection, account_id: int, index: int, limit: int) -> tuple[int, int, list[int]]:
    """The number of candidates, the time (ms) of the list's last change, and up to `limit` devices from `index` on."""
    sql = "SELECT imei FROM candidate WHERE account_id = :account_id ORDER BY place LIMIT :limit OFFSET :index"
    params = {"account_id": account_id, "index": index, "limit": limit}
    pool, rows = connection.fetch_together([(POOL_CANDIDATES, params), (sql, params)])
    count, updated_ms = pool[0]
    return count, updated_ms, [row[0] for row in rows]


def record_candidates(
    connection: Connection, pool: Pool, before: Sequence[int], after: Sequence[int], now_ms: int
) -> None:
    """Replaces the list. Only the rows between the common beginning and the common end are written."""
    first = _common(before, after)
    common_end = _common(before[first:][::-1], after[first:][::-1])
    old, new = len(before) - first - common_end, after[first : len(after) - common_end]
    if common_end and len(new) > old:  # there are no free places in between
        old, new = len(before) - first, after[first:]
    sql = "SELECT place FROM candidate WHERE account_id = :id ORDER BY place LIMIT :limit OFFSET :first"
    places = fetch_values(connection, sql, id=pool.account_id, limit=max(old, 1), first=first)
    if places:
        free: int = places[-1] + 1
    else:
        free = fetch_value(
            connection, "SELECT coalesce(max(place) + 1, 0) FROM candidate WHERE account_id = :id", id=pool.account_id
        )
    if old:
        connection.execute(
            "DELETE FROM candidate WHERE account_id = :account_id AND place >= :first AND place < :free",
            {"account_id": pool.account_id, "first": places[0], "free": free},
        )
    places = places[: len(new)] if old else []
    places += range(free, free + len(new) - len(places))
    rows = ((pool.account_id, place, device) for place, device in zip(places, new, strict=True))
    connection.insert("candidate", "account_id, place, imei", rows)
    pool.candidates = len(after)
    pool.candidates_updated_ms = now_ms


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """The length of the common beginning of both lists."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
