"""Moving candidates, and the mark that tells one list from another."""

from __future__ import annotations

import pytest

from fotapool.domain.errors import Conflict, Invalid
from fotapool.domain.licenses.candidates import (
    CandidateMove,
    list_mark,
    move_candidate,
    reorder_candidates,
    without_candidate,
)


@pytest.mark.parametrize(
    ("device", "move", "after"),
    [
        (2, CandidateMove.UP, [2, 1, 3]),
        (2, CandidateMove.DOWN, [1, 3, 2]),
        (3, CandidateMove.TOP, [3, 1, 2]),
        (1, CandidateMove.BOTTOM, [2, 3, 1]),
        (1, CandidateMove.UP, [1, 2, 3]),
        (3, CandidateMove.DOWN, [1, 2, 3]),
    ],
)
def test_a_candidate_moves_within_the_list(device: int, move: CandidateMove, after: list[int]) -> None:
    assert move_candidate([1, 2, 3], device, move) == after


def test_a_device_that_is_not_on_the_list_can_be_neither_moved_nor_removed() -> None:
    with pytest.raises(Conflict):
        move_candidate([1], 2, CandidateMove.UP)
    with pytest.raises(Conflict):
        without_candidate([1], 2)
    assert without_candidate([1, 2, 3], 2) == [1, 3]


def test_a_page_s_order_replaces_that_page_alone_and_may_drop_devices_but_add_none() -> None:
    assert reorder_candidates([1, 2, 3, 4, 5], 1, 3, [4, 2]) == [1, 4, 2, 5]
    for given in ([2, 5], [2, 2]):
        with pytest.raises(Invalid):
            reorder_candidates([1, 2, 3, 4, 5], 1, 3, given)


def test_a_mark_differs_with_the_time_the_length_and_the_devices() -> None:
    marks = {list_mark(1, 2, [1, 2]), list_mark(2, 2, [1, 2]), list_mark(1, 3, [1, 2]), list_mark(1, 2, [2, 1])}
    assert len(marks) == 4
    assert list_mark(1, 2, [1, 2]) in marks
