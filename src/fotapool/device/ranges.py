"""Which part of a content a request asks for (RFC 9110, section 14): one range, or all of it."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range lies beyond the end."""


def entity_tag(sha256: str) -> str:
    """The strong entity tag of a content with this checksum."""
    return f'"{sha256}"'


def asked_range(header: str | None, if_range: str | None, tag: str, size: int) -> tuple[int, int] | None:
    """The first octet and the one after the last; None for all of it.

    All of it too where the header is malformed, names several ranges or another unit, or where `If-Range` names
    another content than the one with the tag, as the RFC has it. Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or (if_range is not None and if_range.strip() != tag):
        return None
    first, last = match.groups()
    if not first:
        return _last_octets(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(int(last) + 1 if last else size, size)


def _last_octets(count: str, size: int) -> tuple[int, int] | None:
    if not count:
        return None
    if int(count) == 0 or size == 0:
        raise Unsatisfiable
    return max(0, size - int(count)), size
