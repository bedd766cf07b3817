"""Counts of several processes in shared memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from fotapool.core.telemetry import shared
from fotapool.core.telemetry.definitions import BATCH_COMMANDS, CALLBACKS, DATABASE_ERRORS
from fotapool.core.telemetry.exposition import as_text, counted_metrics
from fotapool.core.telemetry.metrics import Metrics, observe
from fotapool.core.telemetry.shared import SharedCounts
from support.metrics import Scrape


def scraped(metrics: Metrics) -> Scrape:
    return Scrape(as_text(counted_metrics(metrics)).decode())


def test_each_process_shows_the_sums_of_all_at_once(tmp_path: Path) -> None:
    counts = SharedCounts(tmp_path, 0)
    one, two = Metrics(counts.at(0)), Metrics(counts.at(1))
    one.count(DATABASE_ERRORS, "deadlock")
    two.count(DATABASE_ERRORS, "deadlock", by=2)
    two.count(DATABASE_ERRORS, "timeout")
    one.changes_waiting[0] = 3
    two.changes_waiting[0] = 4
    for metrics, size in ((one, 1), (two, 2), (two, 700)):
        observe(metrics.batch_size, BATCH_COMMANDS, size)
    for metrics in (one, two):
        found = scraped(metrics)
        assert found.value("fotapool_database_errors_total", kind="deadlock") == 3
        assert found.value("fotapool_database_errors_total", kind="timeout") == 1
        assert found.value("fotapool_changes_waiting") == 7
        assert found.value("fotapool_writer_batch_commands_sum") == 703
        buckets = [
            found.value("fotapool_writer_batch_commands_bucket", le=le) for le in ("1.0", "2.0", "512.0", "+Inf")
        ]
        assert buckets == [1, 2, 2, 3]


def test_a_process_goes_on_with_the_counts_of_the_one_before_but_not_with_its_gauges(tmp_path: Path) -> None:
    counts = SharedCounts(tmp_path, 0)
    before, other = Metrics(counts.at(0)), Metrics(counts.at(1))
    before.count(CALLBACKS, "given_up", by=5)
    before.changes_waiting[0] = 9
    counts.at(0).clear_gauges()
    assert scraped(other).value("fotapool_changes_waiting") == 0
    after = Metrics(counts.at(0))
    after.count(CALLBACKS, "given_up")
    after.count(DATABASE_ERRORS, "timeout")
    found = scraped(other)
    assert found.value("fotapool_callbacks_total", outcome="given_up") == 6
    assert found.value("fotapool_database_errors_total") == 1
    counts.at(7).clear_gauges()  # of a process that has never counted
    assert len(list(tmp_path.iterdir())) == 4


def test_a_line_that_was_not_written_to_the_end_is_left_out(tmp_path: Path) -> None:
    counts = SharedCounts(tmp_path, 0)
    Metrics(counts.at(0)).count(CALLBACKS, "given_up")
    (entries,) = tmp_path.glob("*.series")
    with entries.open("ab") as file:
        file.write(b'\n["fotapool_database_errors_total",["time')
    after = Metrics(counts.at(0))
    after.count(DATABASE_ERRORS, "timeout", by=2)
    found = scraped(after)
    assert found.value("fotapool_database_errors_total", kind="timeout") == 2
    assert found.value("fotapool_callbacks_total") == 1


def test_without_room_a_process_counts_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics(SharedCounts(tmp_path, 0, "0"))
    monkeypatch.setattr(shared, "MAX_NUMBERS", 10)
    metrics.count(DATABASE_ERRORS, "timeout")
    assert scraped(metrics).value("fotapool_database_errors_total") == 0
