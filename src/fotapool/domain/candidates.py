"""The cancellation candidate list: in which order devices lose their licenses (rules C1, C2, C6)."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.errors import Refusal, Refused

MAX_CANDIDATES = 100_000
"""How many devices an account's list holds at most."""


def is_append(type_word: str | None) -> bool:
    """Whether the request appends. Raises Refused(TYPE_INVALID) for any word but `append` (in any case)."""
    if type_word is None:
        return False
    if type_word.lower() != "append":
        raise Refused(Refusal.TYPE_INVALID)
    return True


def decide_candidates(current: Sequence[int], given: Sequence[int], append: bool) -> list[int]:
    """The list after the request: each device once, its first position wins; appended ones go to the end.

    Raises Refused(DEVICE_LIST_TOO_LONG) if it would hold more than MAX_CANDIDATES devices.
    """
    merged = list(dict.fromkeys([*current, *given] if append else given))
    if len(merged) > MAX_CANDIDATES:
        raise Refused(Refusal.DEVICE_LIST_TOO_LONG)
    return merged
