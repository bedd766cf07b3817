"""What counts as a difference of two answers, and what differs naturally."""

from __future__ import annotations

from typing import Any

import pytest

from fotapool.recording.differences import MAX_DIFFERENCES, Difference, find_differences


def told(recorded: Any, answered: Any, **options: Any) -> list[tuple[str, str]]:
    return [(one.where, one.what) for one in find_differences(recorded, answered, **options)]


@pytest.mark.parametrize(
    ("recorded", "answered", "differences"),
    [
        ({"a": 1}, {"a": 2}, []),
        ({"a": 1}, {"a": 2.5}, []),
        ({"a": 1}, {"a": "1"}, [(".a", "type")]),
        ({"a": True}, {"a": 1}, [(".a", "type")]),
        ({"a": None}, {"a": ""}, [(".a", "type")]),
        ({"a": None}, {"a": None}, []),
        ({"a": 1}, {}, [(".a", "missing")]),
        ({}, {"a": 1}, [(".a", "extra")]),
        ({"success": True}, {"success": False}, [(".success", "value")]),
        ({"hasMoreData": True}, {"hasMoreData": False}, []),
        ({"status": "Queued"}, {"status": "CampaignQueued"}, [(".status", "words")]),
        ({"campaignName": "Night"}, {"campaignName": "Day"}, []),
        ({"make": ""}, {"make": "Verizon"}, [(".make", "value")]),
        ({"t": "2026-03-10T12:00:00.5Z"}, {"t": "2027-01-01T00:00:00Z"}, []),
        ({"t": "2026-03-10 12:00:00 +0000 UTC"}, {"t": "2026-03-10T12:00:00Z"}, [(".t", "form")]),
        ({"t": "2026-03-10"}, {"t": ""}, [(".t", "form")]),
        ({"id": "60b5d639-ccdc-4db8-8824-069bd94c95bf"}, {"id": "bcce3ea6-fe4f-4952-bacf-eadd80718e83"}, []),
        ({"id": "60b5d639-ccdc-4db8-8824-069bd94c95bf"}, {"id": "17"}, [(".id", "form")]),
        ({"access_token": "3aee8ad09a0e5e0cbd1f8b2b8f9a8c30"}, {"access_token": "9" * 32}, []),
        ([1, 2], [1], []),
        ([1], [], [(".", "rows")]),
        ([{"deviceId": "1", "s": "x"}, {"deviceId": "2", "s": "y"}], [{"deviceId": "2", "s": "y"}], []),
        ([{"deviceId": "1", "s": "x"}], [{"deviceId": "2", "s": "z"}], [("[].s", "words")]),
        ("an error", "another error", [(".", "words")]),
        ("same", "same", []),
    ],
)
def test_shape_and_words_are_compared_and_values_are_not(
    recorded: Any, answered: Any, differences: list[tuple[str, str]]
) -> None:
    assert told(recorded, answered) == differences


def test_values_are_compared_if_asked_for() -> None:
    then = {"count": 1, "make": "A", "t": "2026-03-10", "hasMoreData": True, "list": [1, 2]}
    now = {"count": 2, "make": "B", "t": "2026-03-11", "hasMoreData": False, "list": [1]}
    assert told(then, now) == []
    assert told(then, now, values=True) == [
        (".count", "value"),
        (".make", "value"),
        (".t", "value"),
        (".hasMoreData", "value"),
        (".list", "rows"),
    ]


def test_members_can_be_left_out_in_any_case_of_letters() -> None:
    assert told({"a": {"Reason": "x"}, "b": 1}, {"a": {"reason": "y"}}, ignored=["reason", "B"]) == []


def test_a_difference_of_many_rows_is_told_once_and_there_is_a_limit() -> None:
    rows = [{"deviceId": str(number), "status": "A"} for number in range(300)]
    assert find_differences(rows, [{**row, "status": "B"} for row in rows]) == [
        Difference("[].status", "words", "A", "B")
    ]
    many = {f"m{number}": 1 for number in range(300)}
    assert len(find_differences(many, {})) == MAX_DIFFERENCES
