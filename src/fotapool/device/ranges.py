"""Reads the header Range (RFC 9110, section 14): one range of bytes, or the whole content."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range begins beyond the end of the content."""


def entity_tag(sha256: str) -> str:
    """The strong entity tag of a content with this checksum."""
    return f'"{sha256}"'


def parse_range(header: str | None, if_range: str | None, tag: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one after the last; None for the whole content of `size` bytes.

    As the RFC requires, the whole content is also the answer to a header that is malformed or has several ranges or
    another unit, and to an `If-Range` that differs from `tag`. Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or (if_range is not None and if_range.strip() != tag):
        return None
    first, last = match.groups()
    if not first:
        return _last_bytes(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(int(last) + 1 if last else size, size)


def _last_bytes(count: str, size: int) -> tuple[int, int] | None:
    if not count:
        return None
    if int(count) == 0 or size == 0:
        raise Unsatisfiable
    return max(0, size - int(count)), size
