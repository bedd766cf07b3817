"""CSV that is safe from formula injection in spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Prefixes that make a spreadsheet evaluate a text as a formula (OWASP, CSV Injection)."""


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows as CSV; a text that would be a formula is prefixed with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    """The value; a text that a spreadsheet would evaluate gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
