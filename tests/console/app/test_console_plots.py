"""What the charts draw: round ticks, steps, gaps, markers."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from fotapool.console.app.charts import ChartRow
from fotapool.console.app.plots import HEIGHT, MAX_POINTS, MAX_TICKS, Plot, round_steps, short_number, time_ticks
from fotapool.core.timestamps import DAY_MS, HOUR_MS

NOON_MS = 1_773_144_000_000  # 2026-03-10 12:00


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [
        (0, 0, [0, 1]),
        (0, 1, [0, 1]),
        (0, 7, [0, 2, 4, 6, 8]),
        (0, 3_000, [0, 1_000, 2_000, 3_000]),
        (9_100, 12_000, [9_000, 10_000, 11_000, 12_000]),
        (10, 90, [0, 20, 40, 60, 80, 100]),
        (12_000, 12_000, [12_000, 12_001]),
    ],
)
def test_the_axis_has_a_few_round_steps_around_the_values(low: int, high: int, steps: list[float]) -> None:
    assert round_steps(low, high) == steps


@pytest.mark.parametrize("high", [1, 6, 11, 26, 99, 101, 499, 777, 5_001, 12_345, 999_999, 10_000_001])
@pytest.mark.parametrize("share", [0, 0.4, 0.9])
def test_every_range_has_two_to_six_steps_and_lies_within_them(high: int, share: float) -> None:
    low = int(high * share)
    steps = round_steps(low, high)
    assert 2 <= len(steps) <= MAX_TICKS
    assert steps[0] <= low <= high <= steps[-1]
    assert {later - former for former, later in pairwise(steps)} == {steps[1] - steps[0]}


def test_numbers_of_an_axis_are_short() -> None:
    assert [short_number(one) for one in (0, 250, 2_500, 12_000, 1_500_000)] == ["0", "250", "2.5k", "12k", "1.5M"]


@pytest.mark.parametrize(
    ("span_ms", "labels"),
    [
        (2 * HOUR_MS, ["12:00", "13:00", "14:00"]),
        (DAY_MS, ["12:00", "18:00", "Mar 11", "06:00", "12:00"]),
        (3 * DAY_MS, ["12:00", "Mar 11", "12:00", "Mar 12", "12:00", "Mar 13", "12:00"]),
        (30 * DAY_MS, ["Mar 11", "Mar 16", "Mar 21", "Mar 26", "Apr 1", "Apr 6"]),
        (90 * DAY_MS, ["Mar 15", "Apr 1", "Apr 15", "May 1", "May 15", "Jun 1"]),
        (365 * DAY_MS, ["Apr 2026", "Jul 2026", "Oct 2026", "Jan 2027"]),
        (5 * 365 * DAY_MS, ["Jan 2027", "Jan 2028", "Jan 2029", "Jan 2030", "Jan 2031"]),
    ],
)
def test_the_time_axis_has_times_days_months_or_years(span_ms: int, labels: list[str]) -> None:
    assert [label for _, label in time_ticks(NOON_MS, span_ms)] == labels


def rows(*values: int | None, marks: dict[int, str] | None = None) -> list[ChartRow]:
    labels = marks or {}
    return [ChartRow(NOON_MS + at * DAY_MS, (value,), labels.get(at, "")) for at, value in enumerate(values)]


def test_a_stepped_line_holds_its_value_until_the_next_and_others_do_not() -> None:
    assert Plot(rows(0, 0, 10), [True]).paths == [f"M0.0 {HEIGHT}.0L500.0 {HEIGHT}.0L1000.0 {HEIGHT}.0L1000.0 0.0"]
    assert Plot(rows(0, None, 10), [False]).paths == [f"M0.0 {HEIGHT}.0L1000.0 0.0"]
    assert Plot(rows(None, None), [True]).paths == [""]


def test_the_band_lies_between_two_lines_and_is_empty_where_the_second_is_lower() -> None:
    points = [ChartRow(NOON_MS, (4, 10)), ChartRow(NOON_MS + DAY_MS, (4, 2))]
    band = Plot(points, [True, True], (0, 1)).band
    assert band == "M0.0 0.0L1000.0 0.0L1000.0 124.8L1000.0 124.8L0.0 124.8Z"


def test_markers_are_numbered_and_near_ones_share_a_number() -> None:
    plot = Plot(rows(*range(200), marks={0: "one", 1: "two", 100: "three"}), [True])
    assert [(one.number, [text for _, text in one.events]) for one in plot.markers] == [
        (1, ["one", "two"]),
        (2, ["three"]),
    ]


def test_many_points_are_thinned_and_the_first_and_last_stay() -> None:
    plot = Plot(rows(*range(5_000)), [True])
    shown = json.loads(plot.json(["n"]))["rows"]
    assert 300 <= len(shown) <= MAX_POINTS
    assert (shown[0]["v"], shown[-1]["v"], shown[-1]["at"]) == ([0], [4_999], "2039-11-16 12:00")
