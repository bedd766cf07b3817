"""A pool over time, from its days, its subscription and the ledger's last entries."""

from __future__ import annotations

from datetime import UTC, datetime

from fotapool.domain.accounts.pool_history import LastEntry, Level, levels_of_entries, pool_history
from fotapool.domain.licenses.ledger import EntryKind


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_each_point_has_what_held_then_and_begins_with_what_held_before() -> None:
    levels = [Level(at("2026-01-05"), 3, 0), Level(at("2026-02-10T12:00"), 5, 1)]
    found = pool_history(levels, [(at("2026-01-01"), 10)], at("2026-02-01T01:00"), at("2026-02-20"))
    assert [(point.at_ms, point.used, point.notice, point.total) for point in found] == [
        (at("2026-02-01T01:00"), 3, 0, 10),
        (at("2026-02-10T12:00"), 5, 1, 10),
        (at("2026-02-20"), 5, 1, 10),
    ]


def test_reductions_and_the_ends_of_months_are_marked_and_raises_are_not() -> None:
    periods = [(at("2026-01-01"), 300), (at("2026-01-20"), 200), (at("2026-02-03"), 250)]
    found = pool_history([], periods, at("2026-01-10"), at("2026-02-10"))
    marks = {point.at_ms: point.mark for point in found if point.mark}
    assert marks == {at("2026-01-20"): "reduced to 200", at("2026-02-01"): "statement 2026-01"}


def test_a_reduction_before_the_time_shown_is_not_marked() -> None:
    found = pool_history([], [(at("2026-01-01"), 300), (at("2026-01-02"), 200)], at("2026-01-05"), at("2026-01-06"))
    assert [(point.total, point.mark) for point in found] == [(200, ""), (200, "")]


def test_notices_are_counted_back_through_the_last_entries() -> None:
    newest_first = [
        LastEntry(40, EntryKind.NOTICE_ENDED, 2),
        LastEntry(30, EntryKind.NOTICE_WITHDRAWN, 3),
        LastEntry(20, EntryKind.NOTICE_OLDEST, 3),
        LastEntry(20, EntryKind.NOTICE_CANDIDATE, 3),
        LastEntry(10, EntryKind.ASSIGNED, 3),
    ]
    assert levels_of_entries(newest_first, notice_now=0) == [
        Level(10, 3, 0),
        Level(20, 3, 2),
        Level(30, 3, 1),
        Level(40, 2, 0),
    ]
