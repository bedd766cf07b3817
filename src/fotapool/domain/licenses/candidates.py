"""The cancellation candidate list: in which order devices lose their licenses (rules C1, C2, C6)."""

from __future__ import annotations

import enum
import hashlib
from array import array
from collections.abc import Sequence

from fotapool.domain.errors import Conflict, ErrorCode, Invalid, RequestRejected

MAX_CANDIDATES = 100_000
"""How many devices an account's list holds at most."""


def is_append(type_word: str | None) -> bool:
    """Whether the request appends. Raises RequestRejected(TYPE_INVALID) for any word but `append` (in any case)."""
    if type_word is None:
        return False
    if type_word.lower() != "append":
        raise RequestRejected(ErrorCode.TYPE_INVALID)
    return True


def decide_candidates(current: Sequence[int], given: Sequence[int], append: bool) -> list[int]:
    """The list after the request: each device once, its first position wins; appended ones go to the end.

    Raises RequestRejected(DEVICE_LIST_TOO_LONG) if it would hold more than MAX_CANDIDATES devices.
    """
    merged = list(dict.fromkeys([*current, *given] if append else given))
    if len(merged) > MAX_CANDIDATES:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG)
    return merged


class Move(enum.Enum):
    """Where a candidate is moved to."""

    UP = "up"
    DOWN = "down"
    TOP = "top"
    BOTTOM = "bottom"


def list_mark(updated_ms: int, count: int, shown: Sequence[int]) -> str:
    """A word that is another one if the list was changed since these devices of it were shown.

    The devices count besides the time (ms) of the last change, since a test clock may stand still between changes.
    """
    return hashlib.sha256(array("q", [updated_ms, count, *shown]).tobytes()).hexdigest()[:16]


def move_candidate(current: Sequence[int], device: int, move: Move) -> list[int]:
    """The list with the device one place further up or down, or at an end. Raises Conflict if it is not on it."""
    place = _place(current, device)
    rest = [*current[:place], *current[place + 1 :]]
    wanted = {Move.UP: place - 1, Move.DOWN: place + 1, Move.TOP: 0, Move.BOTTOM: len(rest)}[move]
    rest.insert(min(max(wanted, 0), len(rest)), device)
    return rest


def without_candidate(current: Sequence[int], device: int) -> list[int]:
    """The list without the device. Raises Conflict if it is not on it."""
    place = _place(current, device)
    return [*current[:place], *current[place + 1 :]]


def _place(current: Sequence[int], device: int) -> int:
    try:
        return current.index(device)
    except ValueError as error:
        raise Conflict("the device is not on the candidate list any more") from error


def reorder_candidates(current: Sequence[int], first: int, count: int, given: Sequence[int]) -> list[int]:
    """The list with `given` in place of its `count` devices from place `first` (from 0) on; some may be missing.

    Raises Invalid for a device that was not among them, or that is given twice.
    """
    shown = set(current[first : first + count])
    if len(set(given)) != len(given) or not shown.issuperset(given):
        raise Invalid("the order names a device that was not shown, or one twice")
    return [*current[:first], *given, *current[first + count :]]
