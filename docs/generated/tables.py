"""Markdown tables, and the shapes of JSON bodies in a form that people read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

_REF = "#/components/schemas/"
_WIDTH = 100
_WORDS = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false"}


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
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REF + "{name}")
    return _shape(schema, components, 0)


def _shape(schema: dict[str, Any], components: dict[str, Any], indent: int) -> str:
    if "$ref" in schema:
        schema = components[schema["$ref"].removeprefix(_REF)]
    if "anyOf" in schema:
        parts = [_shape(part, components, indent) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts)) + (" or null" if {"type": "null"} in schema["anyOf"] else "")
    if schema.get("type") == "array":
        return f"[{_shape(schema.get('items', {}), components, indent)}, …]"
    if "properties" not in schema:
        return "{…}" if schema.get("type") == "object" else _WORDS.get(schema.get("type", ""), "any")
    required = schema.get("required", [])
    members = [
        f'"{name}"{"" if name in required else "?"}: {_shape(member, components, indent + 2)}'
        for name, member in schema["properties"].items()
    ]
    flat = "{" + ", ".join(members) + "}"
    if len(flat) + indent <= _WIDTH and "\n" not in flat:
        return flat
    inner = " " * (indent + 2)
    return "{\n" + ",\n".join(inner + member for member in members) + "\n" + " " * indent + "}"
