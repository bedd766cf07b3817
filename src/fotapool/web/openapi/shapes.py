"""The shapes of JSON bodies in a form that people read, from their schemas."""

from __future__ import annotations

from typing import Any

REFERENCE = "#/components/schemas/"
"""How a reference to a schema begins."""
_WIDTH = 100
_KINDS = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false"}


def describe_schema(schema: dict[str, Any], components: dict[str, Any], indent: int = 0) -> str:
    """As `{"accountName": text, "deviceList": [text, …]}`; a trailing `?` marks what may be missing."""
    if "$ref" in schema:
        schema = components[schema["$ref"].removeprefix(REFERENCE)]
    if "anyOf" in schema:
        parts = [describe_schema(part, components, indent) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts)) + (" or null" if {"type": "null"} in schema["anyOf"] else "")
    if schema.get("type") == "array":
        return f"[{describe_schema(schema.get('items', {}), components, indent)}, …]"
    if "properties" not in schema:
        return "{…}" if schema.get("type") == "object" else _word(schema.get("type", ""))
    required = schema.get("required", [])
    members = [
        f'"{name}"{"" if name in required else "?"}: {describe_schema(member, components, indent + 2)}'
        for name, member in schema["properties"].items()
    ]
    flat = "{" + ", ".join(members) + "}"
    if len(flat) + indent <= _WIDTH and "\n" not in flat:
        return flat
    inner = " " * (indent + 2)
    return "{\n" + ",\n".join(inner + member for member in members) + "\n" + " " * indent + "}"


def _word(kind: str | list[str]) -> str:
    """The word for the type of a value, or for several types."""
    if isinstance(kind, list):
        return " or ".join(dict.fromkeys(map(_word, kind)))
    return "null" if kind == "null" else _KINDS.get(kind, "any")
