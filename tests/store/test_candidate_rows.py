"""Writing a candidate list: whatever the list was and is to be, the rows are the list afterwards, in its order."""

from __future__ import annotations

import random

from fotapool.domain.licenses.candidates import CandidateMove, move_candidate
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.db.connection import Connection
from fotapool.store.licenses.candidates import read_candidates, record_candidates


def changed(chance: random.Random, current: list[int]) -> list[int]:
    """The list moved, shortened, extended, shuffled in part, replaced or emptied."""
    kind = chance.randrange(7)
    some = chance.sample(range(1, 60), chance.randrange(1, 12))
    if kind == 0:
        return list(dict.fromkeys([*current, *some]))
    if kind == 1:
        return some
    if kind == 2:
        return []
    if kind == 3:
        return [device for device in current if device not in some]
    if kind == 4 and current:
        return move_candidate(current, chance.choice(current), chance.choice(list(CandidateMove)))
    if kind == 5:
        return list(dict.fromkeys([*current[:3], *some, *current[3:]]))
    middle = current[2:6]
    chance.shuffle(middle)
    return [*current[:2], *middle, *current[6:]]


def written_at(connection: Connection) -> dict[int, int]:
    return dict(connection.fetch("SELECT imei, place FROM candidate ORDER BY place"))


def test_any_list_becomes_any_other(connection: Connection) -> None:
    chance = random.Random(7)
    pool = Pool(
        account_id=1,
        total=0,
        used=0,
        notice=0,
        entries=0,
        changes=0,
        candidates=0,
        candidates_updated_ms=0,
        subscription_updated_ms=0,
    )
    current: list[int] = []
    for number in range(300):
        after = changed(chance, current)
        connection.begin()
        record_candidates(connection, pool=pool, before=current, after=after, now_ms=number)
        connection.commit()
        assert read_candidates(connection, 1) == after
        assert (pool.candidates, pool.candidates_updated_ms) == (len(after), number)
        current = after


def test_what_does_not_move_is_not_written_anew(connection: Connection) -> None:
    pool = Pool(
        account_id=1,
        total=0,
        used=0,
        notice=0,
        entries=0,
        changes=0,
        candidates=0,
        candidates_updated_ms=0,
        subscription_updated_ms=0,
    )
    record_candidates(connection, pool=pool, before=[], after=[1, 2, 3, 4, 5, 6], now_ms=1)
    record_candidates(connection, pool=pool, before=[1, 2, 3, 4, 5, 6], after=[1, 3, 2, 5, 6], now_ms=2)
    assert written_at(connection) == {1: 0, 3: 1, 2: 2, 5: 4, 6: 5}
    record_candidates(connection, pool=pool, before=[1, 3, 2, 5, 6], after=[1, 3, 2, 5, 6, 7], now_ms=3)
    assert written_at(connection) == {1: 0, 3: 1, 2: 2, 5: 4, 6: 5, 7: 6}
