"""The cancellation candidate list: the order in which devices lose their licenses (rules C1, C2, C6)."""

from __future__ import annotations

import enum
import hashlib
from array import array
from collections.abc import Sequence

from fotapool.domain.errors import Conflict, ErrorCode, Invalid, RequestRejected

MAX_CANDIDATES = 100_000
"""Maximum number of devices on an account's list."""


def is_append(request_type: str | None) -> bool:
    """Whether the request appends. Raises RequestRejected(TYPE_INVALID) unless it is None or `append` in any case."""
    if request_type is None:
        return False
    if request_type.lower() != "append":
        raise RequestRejected(ErrorCode.TYPE_INVALID)
    return True


def decide_candidates(current: Sequence[int], given: Sequence[int], append: bool) -> list[int]:
    """The list after the request. A device given twice keeps its first position; appended devices go to the end.

    Raises RequestRejected(DEVICE_LIST_TOO_LONG) if it would hold more than MAX_CANDIDATES devices.
    """
    merged = list(dict.fromkeys([*current, *given] if append else given))
    if len(merged) > MAX_CANDIDATES:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG)
    return merged


class CandidateMove(enum.Enum):
    """The target position of a moved candidate."""

    UP = "up"
    DOWN = "down"
    TOP = "top"
    BOTTOM = "bottom"


def list_mark(updated_ms: int, count: int, shown: Sequence[int]) -> str:
    """A token that changes with the list, to detect a concurrent change since the devices were shown.

    It covers the shown devices and not only the time of the last change, since a test clock may be frozen.
    """
    return hashlib.sha256(array("q", [updated_ms, count, *shown]).tobytes()).hexdigest()[:16]


def move_candidate(current: Sequence[int], device: int, move: CandidateMove) -> list[int]:
    """The list with the device moved. Raises Conflict if the device is not on the list."""
    place = _place(current, device)
    rest = [*current[:place], *current[place + 1 :]]
    ends = {CandidateMove.TOP: 0, CandidateMove.BOTTOM: len(rest)}
    neighbor = place - 1 if move is CandidateMove.UP else place + 1
    rest.insert(max(ends.get(move, neighbor), 0), device)
    return rest


def without_candidate(current: Sequence[int], device: int) -> list[int]:
    """The list without the device. Raises Conflict if the device is not on the list."""
    place = _place(current, device)
    return [*current[:place], *current[place + 1 :]]


def _place(current: Sequence[int], device: int) -> int:
    try:
        return current.index(device)
    except ValueError as error:
        raise Conflict("the device is not on the candidate list any more") from error


def reorder_candidates(current: Sequence[int], first: int, count: int, given: Sequence[int]) -> list[int]:
    """The list with its `count` devices from index `first` replaced by `given`, which may omit some of them.

    Raises Invalid if `given` repeats a device or names one outside that range.
    """
    if len(set(given)) != len(given) or not set(current[first : first + count]).issuperset(given):
        raise Invalid("the order names a device that was not shown, or one twice")
    return [*current[:first], *given, *current[first + count :]]
