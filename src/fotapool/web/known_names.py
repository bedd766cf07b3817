"""The members and query parameters that an operation takes, and which ones of a request it does not take. Pure."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

SIMILAR = 0.75
"""From which ratio on (0 to 1) two names are similar."""
MAX_NAMES = 100
"""How many query parameters are read, and how many objects of a list."""
_INDEX = re.compile(r"\[[0-9]*\]$")
_body = msgspec.json.Decoder(dict[str, msgspec.Raw])

Members = dict[str, Any]
"""The names of an object; the value of each has the Members of the objects in it, or None if it may have any."""


class KnownNames(msgspec.Struct, frozen=True):
    """What an operation takes: its query parameters, and the structure of its body if it has a JSON body."""

    query: Sequence[str] = ()
    body: type | None = None


class UnknownName(msgspec.Struct, frozen=True):
    """A name in a request that the operation does not take, and the similar one that the request lacks, or ""."""

    name: str
    nearest: str
    in_body: bool


def unknown_names(known: KnownNames, query: str, body: bytes) -> list[UnknownName]:
    """The unknown names of the query, then of a JSON body, in the order of the request."""
    found = list(_in_query(known.query, query)) if query else []
    if known.body is not None and body:
        try:
            found += _in_object(_body.decode(body), _members_of(known.body))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return found
    return found


def names_in(known: KnownNames) -> Iterator[str]:
    """All names that the operation takes, also in the objects within its body."""
    yield from known.query
    pending = [_members_of(known.body)] if known.body is not None else []
    while pending:
        members = pending.pop()
        yield from members
        pending += filter(None, members.values())


def nearest_name(name: str, names: Collection[str]) -> str:
    """The most similar of the names, preferably one that differs in case only; "" if none is similar."""
    for one in names:
        if one.lower() == name.lower():
            return one
    return next(iter(difflib.get_close_matches(name[:MAX_NAMES], names, 1, SIMILAR)), "")


def _in_query(known: Sequence[str], query: str) -> Iterator[UnknownName]:
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_NAMES)
    except ValueError:
        return
    yield from _compare([_INDEX.sub("", name) for name, _ in fields], known, in_body=False)


def _in_object(given: dict[str, Any], members: Members) -> Iterator[UnknownName]:
    yield from _compare(given, members, in_body=True)
    for name, of_value in members.items():
        if of_value and name in given:
            value = given[name]
            value = msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            for one in value[:MAX_NAMES] if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    yield from _in_object(one, of_value)


def _compare(given: Collection[str], known: Collection[str], in_body: bool) -> Iterator[UnknownName]:
    if unknown := [name for name in dict.fromkeys(given) if name not in known]:
        missing = [name for name in known if name not in given]
        for name in unknown[:MAX_NAMES]:
            yield UnknownName(name, nearest_name(name, missing), in_body)


@functools.cache
def _members_of(shape: type) -> Members:
    return _of_type(msgspec.inspect.type_info(shape)) or {}


def _of_type(found: Any) -> Members | None:
    if isinstance(found, msgspec.inspect.StructType):
        return {one.encode_name: _of_type(one.type) for one in found.fields}
    if isinstance(found, msgspec.inspect.ListType):
        return _of_type(found.item_type)
    if isinstance(found, msgspec.inspect.UnionType):
        return next(filter(None, map(_of_type, found.types)), None)
    return None
