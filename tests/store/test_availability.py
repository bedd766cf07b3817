"""The log says when the database went down and up, once each, also if single commits succeed meanwhile."""

from __future__ import annotations

import pytest

from fotapool.core.logs.events import LogEvent
from fotapool.store.db.availability import SETTLED_S, Availability
from fotapool.store.db.connection import StoreUnavailable
from support.log_lines import LogLines

FULL = StoreUnavailable("database or disk is full")


def test_down_and_up_are_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    lines, now_s = LogLines(caplog), 100.0
    database = Availability("changes", lambda: now_s)
    database.answered()
    for _ in range(10):
        database.failed(FULL)
    now_s = 112.5
    database.answered()
    assert lines.of(LogEvent.DATABASE_UP) == []  # perhaps only for once
    now_s += SETTLED_S
    database.answered()
    database.answered()
    assert [(line["use"], line["reason"]) for line in lines.of(LogEvent.DATABASE_DOWN)] == [("changes", str(FULL))]
    assert [(line["use"], line["seconds"]) for line in lines.of(LogEvent.DATABASE_UP)] == [("changes", 12.5)]
    database.failed(FULL)
    assert len(lines.of(LogEvent.DATABASE_DOWN)) == 2


def test_commits_without_changes_do_not_end_the_outage(caplog: pytest.LogCaptureFixture) -> None:
    lines, now_s = LogLines(caplog), 100.0
    database = Availability("changes", lambda: now_s)
    for _ in range(60):
        database.failed(FULL)
        now_s += SETTLED_S / 2
        database.answered()
        now_s += SETTLED_S / 4
    assert len(lines.of(LogEvent.DATABASE_DOWN)) == 1
    assert lines.of(LogEvent.DATABASE_UP) == []
