"""The cancellation candidate list of an account, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import Connection


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
    """Makes `after` the list. Only what lies between the common beginning and the common end is written anew."""
    first = _common(before, after)
    kept = _common(before[first:][::-1], after[first:][::-1])
    old, new = len(before) - first - kept, after[first : len(after) - kept]
    if kept and len(new) > old:  # no list grows in the middle but one that is another
        old, new = len(before) - first, after[first:]
    places = _places(connection, pool.account_id, first, max(old, 1))
    free = places[-1] + 1 if places else _next_place(connection, pool.account_id)
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
    """How many devices both lists begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _places(connection: Connection, account_id: int, first: int, limit: int) -> list[int]:
    """The places of candidates, from number `first` (0) on."""
    rows = connection.fetch(
        "SELECT place FROM candidate WHERE account_id = :account_id ORDER BY place LIMIT :limit OFFSET :first",
        {"account_id": account_id, "limit": limit, "first": first},
    )
    return [row[0] for row in rows]


def _next_place(connection: Connection, account_id: int) -> int:
    rows = connection.fetch(
        "SELECT coalesce(max(place) + 1, 0) FROM candidate WHERE account_id = :account_id", {"account_id": account_id}
    )
    place: int = rows[0][0]
    return place
