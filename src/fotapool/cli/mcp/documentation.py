"""The tool that searches the documentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fotapool.cli.mcp.accounts import Skip
from fotapool.cli.mcp.answers import list_from

MAX_FOUND = 30
"""Entries that one search finds at most."""


def search_docs(
    words: Annotated[str, Field(min_length=1, description="Words: of an error message, of a path, of a task.")],
    skip: Skip = 0,
) -> str:
    """Search the documentation: what an error message means and what to do, and each operation with path and bodies.

    Needs no server. Entries that match best come first.
    """
    from fotapool.cli.mcp.entries import WORD, entries  # imported here: it takes as long as the start of the tools

    wanted = set(WORD.findall(words.lower()))
    scored = [(entry.score(wanted), entry) for entry in entries()]
    found = sorted((one for one in scored if one[0]), key=lambda one: -one[0])[:MAX_FOUND]
    rows = [{"kind": entry.kind, "title": entry.title, "text": entry.text.split("\n")} for _, entry in found]
    return list_from("found", rows, skip, {})
