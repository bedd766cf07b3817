"""docs/how-to/assistants.md: the tools of `fotapool mcp`, as an assistant is given them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fotapool.cli.client.http.admin_client import AdminClient
from fotapool.cli.client.http.target import Target
from fotapool.cli.mcp.server import build_server
from generated.tables import code, prose, table


def assistant_tools() -> str:
    """Each tool with its parameters, and whether it changes something."""
    with AdminClient(Target("http://127.0.0.1")) as client:
        tools = asyncio.run(build_server(client, allow_changes=False).list_tools())
    rows = []
    for tool in tools:
        schema = tool.input_schema
        required = schema.get("required", [])
        parameters = [
            f"{code(name)}{'' if name in required else '?'} {_values(one)}: {one['description']}"
            for name, one in schema["properties"].items()
        ]
        assert tool.annotations is not None
        changes = "" if tool.annotations.read_only_hint else "**Changes the server.** "
        rows.append([code(tool.name), changes + prose(tool.description or ""), "<br>".join(parameters)])
    return table(["Tool", "What it does", "Takes"], rows)


def _values(schema: dict[str, Any]) -> str:
    """The type of a parameter, or its choices."""
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = {"string": "text", "integer": "number", "boolean": "true or false", "object": "object"}
    return " or ".join(", ".join(one["enum"]) if "enum" in one else words[one["type"]] for one in kinds)


SECTIONS: dict[str, Callable[[], str]] = {"assistant-tools": assistant_tools}
