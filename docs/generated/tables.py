"""Markdown tables, and the shapes of JSON bodies in a form that people read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from fotapool.web.openapi.shapes import REFERENCE, describe_schema


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(head), "|" + " --- |" * len(head), *(line(row) for row in rows)])


def code(text: str) -> str:
    return f"`{text}`"


def codes(texts: Iterable[str], between: str = "<br>") -> str:
    return between.join(code(text) for text in texts)


def prose(text: str) -> str:
    """A docstring as one paragraph."""
    return re.sub(r"\s+", " ", text).strip()


def shape(kind: Any) -> str:
    """A body of this type: `{"accountName": text, "deviceList": [text]}`; a trailing `?` marks what may be missing."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=REFERENCE + "{name}")
    return describe_schema(schema, components, 0)
