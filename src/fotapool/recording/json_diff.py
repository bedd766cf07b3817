"""Compares two JSON documents value by value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

MISSING: Any = object()
"""Stands for a member that one of the two documents lacks."""
Paired = tuple[str, str, Any, Any]
"""Place (as .deviceList[0].status), name of the member, and the values of both documents."""
PairRows = Callable[[list[Any], list[Any]], Iterable[tuple[str, Any, Any]]]
"""Returns which rows of two lists belong together, each with its place in brackets."""


def pair_values(
    expected: Any, found: Any, pair_rows: PairRows, ignored: Collection[str] = (), place: str = "", member: str = ""
) -> Iterator[Paired]:
    """Yields each pair of values that are not both objects: of two lists the lists, then their rows.

    `ignored` are names of members, in lower case.
    """
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name in {**expected, **found}:
            if name.lower() not in ignored:
                one, other = expected.get(name, MISSING), found.get(name, MISSING)
                yield from pair_values(one, other, pair_rows, ignored, place=f"{place}.{name}", member=name)
        return
    yield place, member, expected, found
    if isinstance(expected, list) and isinstance(found, list):
        for index, one, other in pair_rows(expected, found):
            yield from pair_values(one, other, pair_rows, ignored, place=f"{place}{index}", member=member)
