"""Answers of tools: JSON of a limited length, which says how to get the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

MAX_CHARACTERS = 20_000
"""The length of an answer."""
ROOM = 16_000
"""The length of the rows or texts of an answer; the rest is for what stands beside them."""
MAX_TEXT = 400
"""The length of a text in a row of a list."""

Json = dict[str, Any]


def encode(document: Any) -> str:
    """The document as JSON, cut to MAX_CHARACTERS."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    if len(text) <= MAX_CHARACTERS:
        return text
    note = f"… (cut: the answer has {len(text):,} characters)"
    return text[: MAX_CHARACTERS - len(note)] + note


def shorten(value: Any, most: int = MAX_TEXT) -> Any:
    """The value with all texts in it cut to `most` characters."""
    if isinstance(value, str):
        return value if len(value) <= most else f"{value[:most]}… ({len(value):,} characters in all)"
    if isinstance(value, dict):
        return {name: shorten(member, most) for name, member in value.items()}
    if isinstance(value, list):
        return [shorten(item, most) for item in value]
    return value


def list_rows(
    member: str, rows: Sequence[Any], following: Callable[[int], str | None], others: Json | None = None
) -> str:
    """The rows that fit as a list under this name, and `more`: how to get those after them, or null.

    `following` returns that for the number of rows shown.
    """
    shown: list[Any] = []
    left = ROOM - len(encode(others or {}))
    for row in map(shorten, rows):
        left -= len(encode(row)) + 1
        if shown and left < 0:
            break
        shown.append(row)
    return encode({**(others or {}), member: shown, "more": following(len(shown))})


def list_page(page: Json, member: str, cursor: str) -> str:
    """A page of the operator API, as far as it fits. The next page starts after the value of `cursor`."""
    rows = page[member]

    def following(shown: int) -> str | None:
        if shown == len(rows) and not page["hasMoreData"]:
            return None
        return f"call again with after={rows[shown - 1][cursor]}" if shown else None

    return list_rows(member, rows, following)


def list_from(member: str, rows: Sequence[Any], skip: int, others: Json) -> str:
    """The rows from number `skip` on, as far as they fit."""

    def following(shown: int) -> str | None:
        end = skip + shown
        return f"{len(rows):,} in all: call again with skip={end}" if end < len(rows) else None

    return list_rows(member, rows[skip:], following, others)


def window(text: str, offset: int, most: int) -> tuple[str, str | None]:
    """`most` characters of the text from `offset` on, and how to get those after them, or None."""
    end = offset + most
    if len(text) <= end:
        return text[offset:], None
    return text[offset:end], f"{len(text):,} characters in all: call again with offset={end}"
