"""Makes records of others: dataclasses, named tuples and msgspec structs whose members have the same names."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from inspect import Parameter, signature
from typing import Any, TypeVar

Record = TypeVar("Record")

_CAPITAL = re.compile("[A-Z]")


def from_attributes(kind: Callable[..., Record], /, *sources: object, **given: Any) -> Record:
    """A record with the given members; the sources have the other members that it requires.

    A member is read from the first source with an attribute of its name: `releaseNote` is `release_note` there.
    Raises AttributeError if no source has it.
    """
    for member, attribute, place in _missing(kind, (*map(type, sources),), (*given,)):
        given[member] = getattr(sources[place], attribute)
    return kind(**given)


@cache
def _missing(
    kind: Callable[..., Any], sources: tuple[type, ...], given: tuple[str, ...]
) -> tuple[tuple[str, str, int], ...]:
    """The members to read: each with its attribute and the place of its source."""
    required = [name for name, parameter in signature(kind).parameters.items() if parameter.default is Parameter.empty]
    attributes = {name: _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name) for name in required}
    return tuple(
        (name, attribute, next((place for place, source in enumerate(sources) if hasattr(source, attribute)), 0))
        for name, attribute in attributes.items()
        if name not in given
    )
